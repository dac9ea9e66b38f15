"""Who decides when the next operations are issued: the workload itself, or a harness that measures two sides in turns.

A paced workload builds its input and its variant as always, then hands its loop over: `run(n)` issues n rounds of operations
and returns. The harness calls it whenever it is this side's turn, until it has enough; then the workload checks the state
that is left, as after any timed run.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from tickbench.kernels.hdr import Histogram


@dataclass
class Batches:
    """What was timed in batches of `operations_each`: the histogram holds ns a batch; the last call was `run(last_rounds)`.

    `durations_ns` are those of the batches in order, where one thread timed them for itself, without a pace.
    """

    operations_each: int
    count: int = 0
    elapsed_ns: int = 0
    histogram: Histogram = field(default_factory=Histogram)
    last_rounds: int = 0
    durations_ns: list[int] = field(default_factory=list)


class Pace(Protocol):
    """The harness's side of a paced workload. `operations_each` are the operations of one round, the same for all rounds."""

    def serve(self, run: Callable[[int], object], operations_each: float) -> Batches:
        """Call `run(rounds)` for each turn, timed as a whole."""
        ...

    def serve_timed(self, run: Callable[[int, Histogram], object], operations_each: float) -> Histogram:
        """Call `run(rounds, histogram)` for each turn; it records each operation. Returns the histogram of what counts."""
        ...


def pieces(first: int, count: int, length: int) -> Iterator[tuple[int, int]]:
    """Where the next `count` of `length` that come again and again begin and end, from `first` on, piece by piece.

    >>> list(pieces(6, 7, 8))
    [(6, 8), (0, 5)]
    """
    begin = first % length
    while count:
        end = min(begin + count, length)
        yield begin, end
        begin, count = 0, count - (end - begin)
