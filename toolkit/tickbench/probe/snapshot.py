"""What a reader hands out: the slots of a page at one moment, and the difference of two moments."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tickbench.errors import InputError
from tickbench.kernels.hdr import Histogram
from tickbench.kernels.recorder import (
    COUNT,
    HEADER_WORDS,
    MAX_NS,
    MIN_NS,
    NEGATIVE,
    NO_MIN_NS,
    OVER_RANGE,
    SUM_NS,
    HdrGeometry,
    histogram_words,
    initialise_histogram,
)


@dataclass(frozen=True)
class InFlight:
    """An operation that has begun and not ended: how long ago, where it is, what it is about."""

    age_ns: int
    stage: int
    stage_name: str
    correlation: int


@dataclass(frozen=True)
class Reading:
    """One slot: a histogram with the operation in flight, or the value of a counter or gauge.

    `in_doubt` is 1 if the copy holds a record whose count was not yet stored: it was in flight, or its writer was killed.
    """

    name: str
    tag: str
    unit: str
    kind: str
    tid: int
    retired: bool
    value: int = 0
    histogram: Histogram | None = None
    in_doubt: int = 0
    in_flight: InFlight | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What tells slots of a page apart: name and tag."""
        return self.name, self.tag

    def since(self, earlier: "Reading | None") -> "Reading":
        """What came between: buckets, counts and sums subtract; a gauge stays as it is."""
        if earlier is None or self.kind == "gauge":
            return self
        if self.histogram is None or earlier.histogram is None:
            return replace(self, value=self.value - earlier.value)
        return replace(self, histogram=difference(self.histogram, earlier.histogram))


@dataclass(frozen=True)
class Snapshot:
    """All slots of a page: when (CLOCK_MONOTONIC and CLOCK_REALTIME in ns), whether the writer lived, what they held."""

    taken_ns: int
    real_ns: int
    alive: bool
    readings: tuple[Reading, ...]

    def __getitem__(self, name: str) -> Reading:
        """The first slot of that name; KeyError if there is none."""
        for one in self.readings:
            if one.name == name:
                return one
        raise KeyError(name)

    def total(self, name: str) -> Histogram:
        """All histogram slots of that name in one, as of several threads; KeyError if there is none."""
        parts = [one.histogram for one in self.readings if one.name == name and one.histogram is not None]
        if not parts:
            raise KeyError(name)
        total = Histogram(parts[0].geometry)
        for part in parts:
            total.merge(part)
        return total

    def since(self, earlier: "Snapshot") -> "Snapshot":
        """The interval from an earlier snapshot of the same page to this one."""
        before = dict(enumerate(earlier.readings))
        return replace(self, readings=tuple(one.since(before.get(i)) for i, one in enumerate(self.readings)))


def build_histogram(
    geometry: HdrGeometry,
    counts: NDArray[np.int64],
    sum_ns: int,
    max_ns: int,
    min_ns: int,
    over_range: int,
    negative: int,
) -> Histogram:
    """A histogram of these counts, shape (geometry.counts_len,); its count is their sum."""
    words = np.empty(histogram_words(geometry), dtype=np.int64)
    initialise_histogram(words, 0, geometry)
    words[HEADER_WORDS : HEADER_WORDS + geometry.counts_len] = counts
    words[[COUNT, SUM_NS, MAX_NS, MIN_NS, OVER_RANGE, NEGATIVE]] = (counts.sum(), sum_ns, max_ns, min_ns, over_range, negative)
    return Histogram.view(words)


def difference(later: Histogram, earlier: Histogram) -> Histogram:
    """The records of `later` that `earlier` did not have; InputError if it has some that `later` has not.

    The maximum is exact if it is the highest ever, else the highest value of its bucket; the minimum likewise.
    The sum may be off by the record in flight at either end.
    """
    counts = later.counts - earlier.counts
    if later.geometry != earlier.geometry or int(counts.min()) < 0:
        raise InputError("probe: the earlier snapshot has records that the later one has not: are they of one page?")
    used, g = np.flatnonzero(counts), later.geometry
    over, negative = later.over_range - earlier.over_range, later.negative - earlier.negative
    max_ns, min_ns = 0, NO_MIN_NS
    if used.size:
        max_ns, min_ns = int(g.highest_values[used[-1]]), int(g.lowest_values[used[0]])
    if later.max_ns > earlier.max_ns:
        max_ns = later.max_ns
    if used.size and (not earlier.count or later.min_ns < earlier.min_ns):
        min_ns = later.min_ns
    return build_histogram(g, counts, later.sum_ns - earlier.sum_ns, max_ns, min_ns, over, negative)
