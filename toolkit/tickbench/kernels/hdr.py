"""A histogram as Python sees it: percentiles, merging, and the HdrHistogram V2 format in and out.

Percentiles follow one rule: the value of rank ceil(p * n / 100) in sorted order, at least the first, computed
in exact arithmetic, and reported as the highest value of its bucket (for p = 0 the lowest of the first), as
HdrHistogram in Java does. The hdrhistogram package (0.10.8) rounds the rank instead and is one rank too low
for 26 % of the (n, p) pairs, so it is used for the encoding only. The kernels that record are in `recorder`,
and can be imported from here too.
"""

import base64
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tickbench.errors import InputError
from tickbench.kernels.memory import Block
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
    index_of,
    initialise_histogram,
    lowest_of,
    read_geometry,
    record,
    record_batch,
    record_many,
)

__all__ = [
    "Buckets",
    "HdrGeometry",
    "Histogram",
    "Percentile",
    "decode_buckets",
    "exact",
    "histogram_words",
    "index_of",
    "initialise_histogram",
    "lowest_of",
    "rank_of",
    "record",
    "record_batch",
    "record_many",
]

# The package's encoder writes zig-zag numbers of 63 bits: from 2^62 on counts decode as 0, from 2^63 on it
# aborts the process (seen with 0.10.8). One bit of distance.
COUNT_LIMIT = 1 << 61
# Of the V2 format, big-endian: cookie and length; then, compressed: cookie, length, offset, digits, lowest, highest.
_OUTER_HEADER_BYTES = 8
_INNER_HEADER = struct.Struct(">IIIIQQ")
_OUTER_COOKIE, _INNER_COOKIE = 0x1C849304, 0x1C849303  # without the bits of the word size
_HIGHEST_SUM_NS = (1 << 63) - 1  # where a decoded sum stops: 292 years

Percentile = int | float | str | Fraction


class Histogram:
    """A histogram over words of its own, or a view of one that kernels write.

    Kernels take `address` and `index`; times are in ns.
    """

    def __init__(self, geometry: HdrGeometry | None = None) -> None:
        self._geometry = geometry or HdrGeometry()
        self._block: Block | None = Block(histogram_words(self._geometry))
        self._words, self._index = self._block.array, 0
        initialise_histogram(self._words, 0, self._geometry)

    @classmethod
    def view(cls, words: NDArray[np.int64], index: int = 0) -> Self:
        """The histogram made at word `index` by `initialise_histogram`; InputError if there is none."""
        histogram = cls.__new__(cls)
        histogram._geometry = read_geometry(words, index)
        histogram._block, histogram._words, histogram._index = None, words, index
        return histogram

    @classmethod
    def of_counts(cls, geometry: HdrGeometry, counts: NDArray[np.int64]) -> Self:
        """A histogram with these records in its buckets, shape (geometry.counts_len,)."""
        histogram = cls(geometry)
        histogram._load(counts)
        return histogram

    @property
    def geometry(self) -> HdrGeometry:
        """Range and resolution."""
        return self._geometry

    @property
    def address(self) -> int:
        """Address of word 0 of the block, for kernels."""
        return int(self._words.ctypes.data)

    @property
    def index(self) -> int:
        """Word offset of the histogram in its block, for kernels."""
        return self._index

    @property
    def counts(self) -> NDArray[np.int64]:
        """Records in each bucket, a view of shape (geometry.counts_len,)."""
        start = self._index + HEADER_WORDS
        return self._words[start : start + self._geometry.counts_len]

    @property
    def count(self) -> int:
        """Records that have a bucket."""
        return int(self._words[self._index + COUNT])

    @property
    def sum_ns(self) -> int:
        """Exact sum of the records that have a bucket."""
        return int(self._words[self._index + SUM_NS])

    @property
    def max_ns(self) -> int:
        """Exact maximum, over-range records included; 0 if there is none."""
        return int(self._words[self._index + MAX_NS])

    @property
    def min_ns(self) -> int:
        """Exact minimum of the records that have a bucket; 0 if there is none."""
        value = int(self._words[self._index + MIN_NS])
        return 0 if value == NO_MIN_NS else value

    @property
    def mean_ns(self) -> float:
        """Exact mean of the records that have a bucket; 0 if there is none."""
        return self.sum_ns / self.count if self.count else 0.0

    @property
    def over_range(self) -> int:
        """Records above the limit of the geometry; they are in no bucket."""
        return int(self._words[self._index + OVER_RANGE])

    @property
    def negative(self) -> int:
        """Records below 0: a clock went backwards; they are in no bucket."""
        return int(self._words[self._index + NEGATIVE])

    def record(self, values_ns: int | Iterable[int] | NDArray[np.int64]) -> None:
        """Count one value or many. A call costs some µs from Python: hot code calls the kernel `record`."""
        values = np.ascontiguousarray(
            np.atleast_1d(np.asarray(values_ns if isinstance(values_ns, int | np.ndarray) else list(values_ns))),
            dtype=np.int64,
        )
        record_many(self.address, self._index, values.ctypes.data, values.size)

    def merge(self, other: "Histogram") -> None:
        """Add the records of another histogram of the same geometry; raises InputError if it differs."""
        if other.geometry != self._geometry:
            raise InputError(f"histogram: cannot merge {other.geometry} into {self._geometry}")
        words, at = self._words, self._index
        self.counts[:] += other.counts
        words[at + SUM_NS] += other.sum_ns
        words[at + MAX_NS] = max(self.max_ns, other.max_ns)
        if other.count:
            words[at + MIN_NS] = min(int(words[at + MIN_NS]), other.min_ns)
        words[at + OVER_RANGE] += other.over_range
        words[at + NEGATIVE] += other.negative
        words[at + COUNT] += other.count

    def percentile(self, p: Percentile) -> int:
        """Value in ns at percentile `p` of 0 to 100; raises InputError for an empty histogram."""
        return self.percentiles([p])[0]

    def percentiles(self, ps: Sequence[Percentile]) -> list[int]:
        """Values in ns at several percentiles, in one pass; raises InputError for an empty histogram."""
        total = int(self.counts.sum())
        ranks = [rank_of(p, total) for p in ps]
        buckets = np.searchsorted(np.cumsum(self.counts), ranks, side="left")
        return [
            int((self._geometry.highest_values if exact(p) else self._geometry.lowest_values)[bucket])
            for p, bucket in zip(ps, buckets, strict=True)
        ]

    def to_hdrhistogram(self) -> Any:
        """The same records as an `hdrh.histogram.HdrHistogram`; raises InputError for counts from 2^61 on."""
        from hdrh.histogram import HdrHistogram

        counts = self.counts
        used = np.flatnonzero(counts)
        if used.size and (int(counts.max()) >= COUNT_LIMIT or int(counts.min()) < 0 or self._total() >= COUNT_LIMIT):
            raise InputError(f"histogram: a count is negative or not below {COUNT_LIMIT}: it cannot be encoded")
        g = self._geometry
        native = HdrHistogram(g.lowest, g.highest, g.digits)
        np.ctypeslib.as_array(native.counts)[:] = counts.view(np.uint64)
        if used.size:
            # The lowest bucket is a minimum only above 0; native recording keeps a 0 out of it likewise.
            native.set_internal_tacking_values(int(used[0]), int(used[-1]), self._total())
        return native

    def encode(self) -> str:
        """Base64 of the V2 format, byte for byte as from native recording; raises as to_hdrhistogram."""
        return str(self.to_hdrhistogram().encode(), "ascii")

    @classmethod
    def decode(cls, text: str) -> Self:
        """Read what `encode` or another HdrHistogram wrote; raises InputError for anything else.

        The format keeps buckets only, so minimum, maximum and sum are those of the buckets (lowest, highest,
        middle).
        """
        from hdrh.histogram import HdrHistogram

        try:
            _unpacked(text)
            native = HdrHistogram.decode(text)
            geometry = HdrGeometry(native.lowest_trackable_value, native.highest_trackable_value, native.significant_figures)
            counts = np.ctypeslib.as_array(native.counts).astype(np.int64)
            if int(counts.min()) < 0 or not 0 <= sum(map(int, counts[counts > 0])) < COUNT_LIMIT:
                raise ValueError("a count is negative or too large")
        except Exception as error:  # the package raises a dozen types, struct and zlib errors among them
            raise InputError(f"histogram: this is not an encoded HdrHistogram (V2): {error!r}") from error
        return cls.of_counts(geometry, counts)

    def coarser(
        self, digits: int, counts: NDArray[np.int64] | None = None, without: NDArray[np.int64] | None = None
    ) -> "Histogram":
        """The records with fewer digits, or those of other `counts` of the same geometry; `without` earlier ones.

        A bucket lies within one of the coarser buckets, so no count is split. Raises InputError for more digits.
        """
        fine, coarse = self._geometry, HdrGeometry(self._geometry.lowest, self._geometry.highest, digits)
        if digits > fine.digits:
            raise InputError(f"histogram: {fine.digits} digits cannot become {digits}")
        records = self.counts if counts is None else counts
        kept = records if without is None else records - without
        used = np.flatnonzero(kept)
        sums = np.zeros(coarse.counts_len, dtype=np.int64)
        np.add.at(sums, np.searchsorted(coarse.highest_values, fine.lowest_values[used]), kept[used])
        return Histogram.of_counts(coarse, sums)

    def _load(self, counts: NDArray[np.int64]) -> None:
        """Take over bucket counts, and reckon the header from them."""
        used = np.flatnonzero(counts)
        self.counts[:] = counts
        if not used.size:
            return
        low, high = self._geometry.lowest_values, self._geometry.highest_values
        middle = low + ((high - low + 1) >> 1)
        words, at = self._words, self._index
        words[at + SUM_NS] = min(sum(int(counts[i]) * int(middle[i]) for i in used), _HIGHEST_SUM_NS)
        words[at + MAX_NS], words[at + MIN_NS] = high[used[-1]], low[used[0]]
        words[at + COUNT] = counts.sum()

    def _total(self) -> int:
        return int(self.counts.sum())


@dataclass(frozen=True)
class Buckets:
    """The filled buckets of an encoded histogram: their indices, rising, and their counts, both int64 of one shape."""

    geometry: HdrGeometry
    index: NDArray[np.int64]
    counts: NDArray[np.int64]


def decode_buckets(text: str) -> Buckets:
    """The filled buckets of what `Histogram.decode` reads; raises as it does.

    Takes time and memory by the length of what was encoded and not by the number of buckets: some 50 µs, where an
    HdrHistogram object takes 1 to 2 ms, of which a report reads thousands.
    """
    try:
        geometry, payload = _unpacked(text)
        octets = np.frombuffer(payload, dtype=np.uint8)
        ends = np.flatnonzero(octets < 128)  # of a number in groups of 7 bits, the lowest first
        starts = np.concatenate([[0], ends[:-1] + 1])[: ends.size]
        lengths = ends - starts + 1
        if octets.size and (octets[-1] >= 128 or lengths.max() > 8):
            # A ninth byte has eight bits of its own: counts from 2^55 on, and damage, are left to the package.
            whole = Histogram.decode(text).counts
            return Buckets(geometry, np.flatnonzero(whole), whole[np.flatnonzero(whole)])
        shifts = 7 * (np.arange(octets.size) - np.repeat(starts, lengths))
        words = np.add.reduceat((octets & 127).astype(np.int64) << shifts, starts) if ends.size else np.zeros(0, np.int64)
        counts = (words >> 1) ^ -(words & 1)
        # A negative number is a run of empty buckets; one that is longer than the range ends the range.
        steps = np.where(counts < 0, np.minimum(-counts, geometry.counts_len + 1), 1)
        places = np.cumsum(steps) - steps
        if steps.sum() > geometry.counts_len or counts[counts > 0].sum(dtype=np.float64) >= COUNT_LIMIT:
            raise ValueError("there are more buckets than its range has, or a count is too large")
    except InputError:
        raise
    except Exception as error:  # base64, zlib and struct have errors of their own
        raise InputError(f"histogram: this is not an encoded HdrHistogram (V2): {error!r}") from error
    return Buckets(geometry, places[counts > 0], counts[counts > 0])


def _unpacked(text: str) -> tuple[HdrGeometry, bytes]:
    """The geometry and the counts' bytes, unpacked as far as the header allows; raises ValueError and others.

    The package unpacks without a limit: a few kB could take all memory. A count takes 9 bytes at most.
    """
    raw = base64.b64decode(text, validate=True)
    unpacker = zlib.decompressobj()
    header = unpacker.decompress(raw[_OUTER_HEADER_BYTES:], _INNER_HEADER.size)
    cookie, payload_bytes, offset, digits, lowest, highest = _INNER_HEADER.unpack(header)
    if int.from_bytes(raw[:4]) & ~0xF0 != _OUTER_COOKIE or cookie & ~0xF0 != _INNER_COOKIE:
        raise ValueError("another format than V2")
    geometry = _geometry(lowest, highest, digits)
    most_bytes = 9 * geometry.counts_len
    if offset or payload_bytes > most_bytes:
        raise ValueError("its values are shifted" if offset else f"{payload_bytes} bytes of counts, {most_bytes} at most")
    # The double after the header's whole numbers, the counts, and one more byte that must not come.
    rest = unpacker.decompress(unpacker.unconsumed_tail, 8 + payload_bytes + 1)
    if len(rest) != 8 + payload_bytes:
        seen = "more" if len(rest) > 8 + payload_bytes else len(rest) - 8
        raise ValueError(f"{payload_bytes} bytes of counts are announced, there are {seen}")
    return geometry, rest[8:]


@lru_cache(maxsize=8)
def _geometry(lowest: int, highest: int, digits: int) -> HdrGeometry:
    """One object for each: its tables of bucket limits are made once."""
    return HdrGeometry(lowest, highest, digits)


def exact(p: Percentile) -> Fraction:
    """A percentile as an exact number: 99.9 is 999/10, no binary fraction; InputError outside 0 to 100."""
    try:
        value = Fraction(str(p))
    except (ValueError, ZeroDivisionError):
        raise InputError(f"percentile {p!r} is not a number") from None
    if not 0 <= value <= 100:
        raise InputError(f"percentile {p} is not within 0 to 100")
    return value


def rank_of(p: Percentile, n: int) -> int:
    """Rank, from 1, of percentile `p` among `n` sorted values: ceil(p * n / 100), at least 1."""
    if n < 1:
        raise InputError("percentile of an empty histogram: nothing was recorded")
    share = exact(p) * n / 100
    return max(1, -(-share.numerator // share.denominator))
