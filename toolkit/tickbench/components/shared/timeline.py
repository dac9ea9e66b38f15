"""Values over time: the measured time of a worker cut into slices, each with its own histogram.

Nothing is added to what is timed. Where all durations are known in order, they are cut after the fact (`slices_of`). Where a
kernel records pass after pass into one histogram, its counts are copied between two passes, outside of the timed part, at
MOST_SLICES - 1 times in all (`Cuts`): a copy of 216 KiB takes 22 to 33 µs and pushes other data out of the first-level cache.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tickbench.kernels.hdr import HdrGeometry, Histogram

MOST_SLICES = 8
SLICE_DIGITS = 2  # a slice is looked at, not judged by: 1 % is finer than any colour of a heat map


@dataclass(frozen=True)
class Slice:
    """What was recorded from `start_ns` to `end_ns` of the measured time; the histogram has SLICE_DIGITS digits."""

    start_ns: int
    end_ns: int
    histogram: Histogram


def slices_of(values_ns: Sequence[int], elapsed_ns: int) -> list[Slice]:
    """Cut durations that followed one another into slices of about equal time; none if there are no durations.

    What `elapsed_ns` has beyond their sum, the clock's own cost, is taken to be spread evenly between them. A duration that
    runs over a cut belongs to the slice in which it began.
    """
    n = len(values_ns)
    if not n:
        return []
    values = np.asarray(values_ns, dtype=np.int64)
    ends_ns = np.cumsum(values)
    ends_ns += np.rint((elapsed_ns - ends_ns[-1]) / n * np.arange(1, n + 1)).astype(np.int64)
    wanted_ns = elapsed_ns * np.arange(1, MOST_SLICES) // MOST_SLICES
    cuts = np.unique(np.append(np.searchsorted(ends_ns, wanted_ns) + 1, n)).tolist() if elapsed_ns else [n]
    slices, first, start_ns = [], 0, 0
    for after in cuts:
        histogram = Histogram(HdrGeometry(digits=SLICE_DIGITS))
        histogram.record(values[first:after])
        slices.append(Slice(start_ns, int(ends_ns[after - 1]), histogram))
        first, start_ns = after, slices[-1].end_ns
    return slices


class Cuts:
    """Cuts a histogram that grows pass after pass, whenever another MOST_SLICES-th of the asked time is over.

    Room for the copies is made and touched at once, so that a cut asks the system for nothing.
    """

    def __init__(self, histogram: Histogram, duration_ns: int) -> None:
        self._histogram, self._step_ns = histogram, max(1, duration_ns // MOST_SLICES)
        self._counts = np.ones((MOST_SLICES - 1, histogram.geometry.counts_len), dtype=np.int64)
        self._ends_ns: list[int] = []
        self._next_ns = self._step_ns

    def between(self, elapsed_ns: int) -> int:
        """Call this between two passes, with the time measured so far; returns the ns that it took, 0 if it did nothing."""
        if elapsed_ns < self._next_ns or len(self._ends_ns) == len(self._counts):
            return 0
        start_ns = time.perf_counter_ns()
        self._counts[len(self._ends_ns)] = self._histogram.counts
        self._ends_ns.append(elapsed_ns)
        self._next_ns = (elapsed_ns // self._step_ns + 1) * self._step_ns
        return time.perf_counter_ns() - start_ns

    def slices(self, elapsed_ns: int) -> list[Slice]:
        """The slices of the whole time, after the last pass."""
        slices, before, start_ns = [], None, 0
        for end_ns, counts in zip(self._ends_ns, self._counts, strict=False):
            slices.append(Slice(start_ns, end_ns, self._histogram.coarser(SLICE_DIGITS, counts, before)))
            before, start_ns = counts, end_ns
        slices.append(Slice(start_ns, elapsed_ns, self._histogram.coarser(SLICE_DIGITS, without=before)))
        return slices


def one_slice(histogram: Histogram, elapsed_ns: int) -> Slice:
    """The whole time as one slice, where nothing is known within it."""
    return Slice(0, elapsed_ns, histogram.coarser(SLICE_DIGITS))
