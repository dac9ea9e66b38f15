"""Values over time: the slices of what a worker measured, for heat maps and to see drift within a round.

Nothing is added to a timed loop. Where Python times batch by batch, the durations are known in their order afterwards. Where
a driver is called pass after pass, a `Timeline` looks at the histogram between two passes, at most MOST_SLICES times: a look
copies 200 KiB, some 30 µs, into the time that no clock counts. A workload that is one kernel call from start to end has no
slices: its round is one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tickbench.kernels.hdr import Histogram
from tickbench.kernels.recorder import HdrGeometry

MOST_SLICES = 8  # with five rounds and more a heat map has 40 columns; a run file grows by 1 kB a measurement
COARSE = HdrGeometry(digits=2)  # 1 %: more than the eye can tell in a heat map


@dataclass(frozen=True)
class Slice:
    """What was measured from `start_ns` to `end_ns` after the start of the measured time; `histogram` is COARSE."""

    start_ns: int
    end_ns: int
    histogram: Histogram


def slices_of(durations_ns: Sequence[int]) -> tuple[Slice, ...]:
    """Slices of about equal length of what ran one after the other, without a gap."""
    ends_ns = np.cumsum(np.asarray(durations_ns, dtype=np.int64))
    if not ends_ns.size:
        return ()
    inner = np.searchsorted(ends_ns, np.arange(1, MOST_SLICES) * (int(ends_ns[-1]) / MOST_SLICES))
    bounds = np.unique(np.concatenate(([0], inner, [ends_ns.size])))
    found = []
    for first, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        histogram = Histogram(COARSE)
        histogram.record(np.asarray(durations_ns[first:end], dtype=np.int64))
        found.append(Slice(int(ends_ns[first - 1]) if first else 0, int(ends_ns[end - 1]), histogram))
    return tuple(found)


class Timeline:
    """Looks at a histogram that a driver fills, between passes of it."""

    def __init__(self, histogram: Histogram, duration_ns: int) -> None:
        self._histogram = histogram
        self._least_ns = duration_ns / MOST_SLICES
        self._seen = np.zeros_like(histogram.counts)
        self._start_ns = 0
        self._slices: list[Slice] = []

    def passed(self, elapsed_ns: int) -> None:
        """A pass has ended: so much of the measured time is gone. Call it where no clock runs."""
        if elapsed_ns - self._start_ns >= self._least_ns and len(self._slices) < MOST_SLICES - 1:
            self._look(elapsed_ns)

    def finish(self, elapsed_ns: int) -> tuple[Slice, ...]:
        """All slices; what came after the last look is the last one."""
        self._look(elapsed_ns)
        return tuple(self._slices)

    def _look(self, elapsed_ns: int) -> None:
        counts = self._histogram.counts.copy()
        new = counts - self._seen
        filled = np.flatnonzero(new)
        if not filled.size:
            return
        values_ns = np.minimum(self._histogram.geometry.lowest_values[filled], COARSE.highest)
        coarse = np.zeros(COARSE.counts_len, dtype=np.int64)
        np.add.at(coarse, np.searchsorted(COARSE.lowest_values, values_ns, side="right") - 1, new[filled])
        self._slices.append(Slice(self._start_ns, elapsed_ns, Histogram.of_counts(COARSE, coarse)))
        self._seen, self._start_ns = counts, elapsed_ns
