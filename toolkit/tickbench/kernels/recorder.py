"""The recorder: an HDR histogram in the words of a block, written by one thread, readable by any at any time.

The buckets are those of HdrHistogram (https://github.com/HdrHistogram/HdrHistogram, Histogram.java):
exponential ranges, each cut into equal parts, so that a value is kept to `digits` decimal digits. The layout
of one histogram, in words from its `index`:

    line pair 0   count | sum | max | min      writer -> readers; count stored last: it publishes the record
    line pair 1   over-range | negative        writer -> readers; values without a bucket, never clamped
    line pair 2   limit | mask | top bit | half magnitude | offset | buckets | lowest | highest | digits
    then          int64 counts, one a bucket

Counters only grow, so a reader that copies twice gets an interval by subtraction, and a copy is off by at
most the record in flight. Times are in ns; a value of 0 has bucket 0.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tickbench.errors import InputError
from tickbench.kernels.atomics import load_plain, load_relaxed, store_relaxed, store_release
from tickbench.kernels.bits import leading_zeros
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_WORDS, round_up_words

COUNT, SUM_NS, MAX_NS, MIN_NS = range(4)
OVER_RANGE, NEGATIVE = ISOLATION_WORDS, ISOLATION_WORDS + 1
_GEOMETRY = 2 * ISOLATION_WORDS
_LIMIT, _MASK, _TOP_BIT, _HALF_MAGNITUDE, _OFFSET = range(_GEOMETRY, _GEOMETRY + 5)
_COUNTS_LEN, _LOWEST, _HIGHEST, _DIGITS = range(_GEOMETRY + 5, _GEOMETRY + 9)
HEADER_WORDS = 3 * ISOLATION_WORDS
NO_MIN_NS = (1 << 63) - 1  # the minimum before the first record
_HIGHEST_INT64 = (1 << 63) - 1


@dataclass(frozen=True)
class HdrGeometry:
    """Range and resolution: values from `lowest` to at least `highest`, kept to `digits` (1 to 5) decimal
    digits.

    The derived sizes equal those of HdrHistogram's constructor with the same three numbers.
    """

    lowest: int = 1
    highest: int = 10_000_000_000
    digits: int = 3

    def __post_init__(self) -> None:
        if not 1 <= self.digits <= 5:
            raise InputError(f"histogram: digits must be 1 to 5, got {self.digits}")
        if self.lowest < 1 or not 2 * self.lowest <= self.highest <= _HIGHEST_INT64:
            raise InputError(f"histogram: needs 1 <= lowest <= highest / 2 < 2^62, got {self.lowest} and {self.highest}")
        if self.unit_magnitude + self.half_magnitude + 1 > 62:
            raise InputError(f"histogram: lowest {self.lowest} with {self.digits} digits is out of range for int64")

    @cached_property
    def unit_magnitude(self) -> int:
        """Bits of a value that are never looked at: floor(log2(lowest))."""
        return self.lowest.bit_length() - 1

    @cached_property
    def half_magnitude(self) -> int:
        """Log2 of half the number of equal parts in a range: 10 at 3 digits."""
        return (2 * int(10**self.digits) - 1).bit_length() - 1

    @cached_property
    def bucket_ranges(self) -> int:
        """Exponential ranges: the first holds all its parts, every later one only the upper half."""
        ranges, beyond = 1, 1 << (self.half_magnitude + 1 + self.unit_magnitude)
        while beyond <= self.highest:
            ranges, beyond = ranges + 1, beyond << 1
        return ranges

    @cached_property
    def counts_len(self) -> int:
        """Number of buckets."""
        return (self.bucket_ranges + 1) << self.half_magnitude

    @cached_property
    def limit(self) -> int:
        """The highest value that has a bucket, `highest` or above."""
        return (1 << (self.half_magnitude + self.unit_magnitude + self.bucket_ranges)) - 1

    @property
    def mask(self) -> int:
        """The bits of the values of the first range."""
        return ((1 << (self.half_magnitude + 1)) - 1) << self.unit_magnitude

    @cached_property
    def lowest_values(self) -> NDArray[np.int64]:
        """The lowest value of each bucket, shape (counts_len,)."""
        index = np.arange(self.counts_len, dtype=np.int64)
        half = 1 << self.half_magnitude
        ranges = np.maximum((index >> self.half_magnitude) - 1, 0)
        parts = np.where(index < 2 * half, index, (index & (half - 1)) + half)
        return np.asarray(parts << (ranges + self.unit_magnitude))

    @cached_property
    def highest_values(self) -> NDArray[np.int64]:
        """The highest value of each bucket, which HdrHistogram reports for it, shape (counts_len,)."""
        ranges = np.maximum((np.arange(self.counts_len, dtype=np.int64) >> self.half_magnitude) - 1, 0)
        return np.asarray(self.lowest_values + ((np.int64(1) << (ranges + self.unit_magnitude)) - 1))


def histogram_words(geometry: HdrGeometry) -> int:
    """Words that one histogram takes, whole pairs of cache lines."""
    return HEADER_WORDS + round_up_words(geometry.counts_len, ISOLATION_WORDS)


def initialise_histogram(words: NDArray[np.int64], index: int, geometry: HdrGeometry) -> None:
    """Make an empty histogram at word `index` of a block; not to be called while others use it."""
    if index < 0 or index + histogram_words(geometry) > words.size:
        raise InputError(f"histogram: needs {histogram_words(geometry)} words from {index} on, the block has {words.size}")
    part = words[index : index + histogram_words(geometry)]
    part[:] = 0
    part[MIN_NS] = NO_MIN_NS
    half = geometry.half_magnitude
    part[_LIMIT : _OFFSET + 1] = (
        geometry.limit,
        geometry.mask,
        63 - half,
        half,
        geometry.unit_magnitude << half,
    )
    part[_COUNTS_LEN : _DIGITS + 1] = (
        geometry.counts_len,
        geometry.lowest,
        geometry.highest,
        geometry.digits,
    )


def read_geometry(words: NDArray[np.int64], index: int) -> HdrGeometry:
    """The geometry of the histogram at word `index`; raises InputError where there is none."""
    if index < 0 or index + HEADER_WORDS > words.size:
        raise InputError(f"histogram: word {index} is outside the block of {words.size} words")
    lowest, highest, digits = (int(words[index + at]) for at in (_LOWEST, _HIGHEST, _DIGITS))
    geometry = HdrGeometry(lowest, highest, digits)
    if words[index + _COUNTS_LEN] != geometry.counts_len or index + histogram_words(geometry) > words.size:
        raise InputError(f"histogram: there is none at word {index} (its sizes contradict each other)")
    return geometry


@kernel("int64(int64, int64, int64)")
def index_of(words, index, value):
    """Bucket of a value from 0 to the geometry's limit."""
    half = load_plain(words, index + _HALF_MAGNITUDE)  # plain, as all of the geometry: written once, before use
    # How far the value is shifted to keep half + 1 bits, or to drop the unit's bits, whichever is more.
    shift = load_plain(words, index + _TOP_BIT) - leading_zeros(value | load_plain(words, index + _MASK))
    return (shift << half) + (value >> shift) - load_plain(words, index + _OFFSET)


@kernel("int64(int64, int64, int64)")
def lowest_of(words, index, bucket):
    """Lowest value of a bucket."""
    half = load_plain(words, index + _HALF_MAGNITUDE)
    unit = load_plain(words, index + _OFFSET) >> half
    above = max(bucket >> half, 1) - 1  # the exponential range; the first has two halves
    return (bucket - (above << half)) << (above + unit)


@kernel("int64(int64, int64, int64, int64)")
def _record_outside(words, index, value, times):
    """Count a value that has no bucket; the maximum still shows it."""
    at = index + (NEGATIVE if value < 0 else OVER_RANGE)
    if value > load_relaxed(words, index + MAX_NS):
        store_relaxed(words, index + MAX_NS, value)
    store_release(words, at, load_relaxed(words, at) + times)  # publishes the maximum to a reader's acquire
    return 0


@kernel("int64(int64, int64, int64, int64)")
def record_batch(words, index, value, times):
    """Count `times` operations that took `value` ns each, as of a batch timed as one."""
    if value < 0 or value > load_plain(words, index + _LIMIT):
        return _record_outside(words, index, value, times)
    at = index + HEADER_WORDS + index_of(words, index, value)
    # Relaxed everywhere but the last store: there is one writer, words must not tear, and the release orders
    # the rest.
    store_relaxed(words, at, load_relaxed(words, at) + times)
    store_relaxed(words, index + SUM_NS, load_relaxed(words, index + SUM_NS) + value * times)
    if value > load_relaxed(words, index + MAX_NS):
        store_relaxed(words, index + MAX_NS, value)
    if value < load_relaxed(words, index + MIN_NS):
        store_relaxed(words, index + MIN_NS, value)
    # release: publishes the record to a reader that loads the count with acquire before it copies
    store_release(words, index + COUNT, load_relaxed(words, index + COUNT) + times)
    return 1


@kernel("int64(int64, int64, int64)")
def record(words, index, value):
    """Count one value; returns 1, or 0 if it has no bucket and was counted as over-range or negative."""
    return record_batch(words, index, value, 1)


@kernel("int64(int64, int64, int64, int64)")
def record_many(words, index, values, n):
    """Count the `n` values in the words at address `values`; returns how many had a bucket."""
    inside = 0
    for i in range(n):
        inside += record_batch(words, index, load_plain(values, i), 1)
    return inside
