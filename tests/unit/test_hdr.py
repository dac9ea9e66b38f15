"""The recorder equals the hdrhistogram package in size, index and bytes, a sorted array in percentiles."""

import base64
import ctypes
import math
import random
import re
import zlib
from fractions import Fraction

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from tickbench.errors import InputError
from tickbench.kernels.hdr import (
    HdrGeometry,
    Histogram,
    exact,
    histogram_words,
    index_of,
    initialise_histogram,
    lowest_of,
    rank_of,
    record,
    record_batch,
    record_many,
)
from tickbench.kernels.jit import machine
from tickbench.kernels.memory import Block

DIGITS = [1, 2, 3, 4, 5]
RANGES = [
    (1, 2),
    (1, 1_000),
    (1, 10**10),
    (1_000, 3_600 * 10**9),
    (1 << 20, 1 << 41),
    (1, 1 << 40),
    (7, 1 << 33),
]
GEOMETRIES = [HdrGeometry(low, high, digits) for low, high in RANGES for digits in DIGITS]


def named(geometry: HdrGeometry) -> str:
    return f"{geometry.lowest}-{geometry.highest}-{geometry.digits}"


def native(geometry: HdrGeometry, values=()) -> HdrHistogram:
    histogram = HdrHistogram(geometry.lowest, geometry.highest, geometry.digits)
    for value in values:
        histogram.record_value(int(value))
    return histogram


def around_powers_of_two(limit: int) -> list[int]:
    near = {(1 << bit) + step for bit in range(63) for step in (-2, -1, 0, 1, 2)}
    return sorted(value for value in near | {limit} if 0 <= value <= limit)


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=named)
class TestEqualsThePackage:
    def test_sizes(self, geometry):
        theirs = native(geometry)
        assert geometry.counts_len == theirs.counts_len
        assert geometry.unit_magnitude == theirs.unit_magnitude
        assert geometry.half_magnitude == theirs.sub_bucket_half_count_magnitude
        assert geometry.bucket_ranges == theirs.bucket_count
        assert geometry.mask == theirs.sub_bucket_mask
        last = theirs.get_value_from_index(theirs.counts_len - 1)
        assert geometry.limit == theirs.get_highest_equivalent_value(last)

    def test_index_and_bounds_of_buckets(self, geometry):
        ours, theirs = Histogram(geometry), native(geometry)
        lowest, highest = geometry.lowest_values, geometry.highest_values
        for value in around_powers_of_two(geometry.limit):
            bucket = index_of(ours.address, ours.index, value)
            assert bucket == theirs.get_counts_array_index(value)
            assert lowest_of(ours.address, ours.index, bucket) == lowest[bucket]
            assert lowest[bucket] == theirs.get_lowest_equivalent_value(value)
            assert highest[bucket] == theirs.get_highest_equivalent_value(value)
            assert lowest[bucket] <= value <= highest[bucket]
        assert (lowest[1:] == highest[:-1] + 1).all(), "no value lies between two buckets"

    def test_encoded_bytes(self, geometry):
        values = around_powers_of_two(geometry.limit)
        ours, theirs = Histogram(geometry), native(geometry, values)
        ours.record(values)
        assert ours.encode().encode() == theirs.encode()
        assert ours.count == theirs.total_count
        decoded = Histogram.decode(ours.encode())
        assert decoded.geometry == geometry
        assert (decoded.counts == ours.counts).all()

    def test_what_has_no_bucket_is_counted_apart(self, geometry):
        ours, theirs = Histogram(geometry), native(geometry)
        assert not theirs.record_value(geometry.limit + 1)
        assert record(ours.address, 0, geometry.limit) == 1
        assert record(ours.address, 0, geometry.limit + 1) == 0
        assert record(ours.address, 0, -1) == 0
        assert record_batch(ours.address, 0, -(1 << 62), 3) == 0
        assert (ours.count, ours.over_range, ours.negative) == (1, 1, 4)
        assert ours.counts.sum() == 1
        assert ours.max_ns == geometry.limit + 1
        assert ours.min_ns == ours.sum_ns == geometry.limit


def test_the_widest_range():
    geometry = HdrGeometry(1, (1 << 63) - 1, 3)
    ours = Histogram(geometry)
    assert geometry.counts_len == native(geometry).counts_len == 55_296
    assert geometry.limit == (1 << 63) - 1
    ours.record([(1 << 63) - 1, 1 << 62])
    assert ours.count == 2
    assert ours.counts[-1] == 1
    assert ours.percentile(100) == (1 << 63) - 1


@pytest.mark.parametrize("values", [[], [0], [0, 0, 0], [1], [5, 5], [0, 10**10]], ids=str)
def test_small_histograms_encode_alike(values):
    ours, theirs = Histogram(), native(HdrGeometry(), values)
    ours.record(values)
    assert ours.encode().encode() == theirs.encode()
    back = ours.to_hdrhistogram()
    assert back.get_total_count() == theirs.get_total_count()
    assert back.get_max_value() == theirs.get_max_value()
    assert back.get_min_value() == theirs.get_min_value()


@settings(max_examples=60, deadline=None)
@given(
    digits=st.sampled_from(DIGITS[:4]),
    lowest=st.integers(1, 1 << 20),
    factor=st.integers(2, 1 << 20),
    values=st.lists(st.integers(0, 1 << 42), max_size=60),
)
def test_any_geometry_and_values_encode_alike(digits, lowest, factor, values):
    geometry = HdrGeometry(lowest, lowest * factor, digits)
    ours, theirs = Histogram(geometry), native(geometry, values)
    ours.record(values)
    assert geometry.counts_len == theirs.counts_len
    assert ours.encode().encode() == theirs.encode()
    assert ours.over_range == sum(value > geometry.limit for value in values)


# --- percentiles -----------------------------------------------------------

PERCENTILES = [
    "0",
    "0.01",
    "1",
    "25",
    "33.3",
    "40",
    "50",
    "66.6",
    "75",
    "90",
    "99",
    "99.9",
    "99.99",
    "99.999",
    "100",
]
EXACT = HdrGeometry(1, 1 << 20, 5)  # every value below 2^18 has a bucket of its own


def oracle(values: list[int], p: str) -> int:
    return sorted(values)[max(1, math.ceil(Fraction(p) * len(values) / 100)) - 1]


@pytest.mark.parametrize("n", [1, 2, 3, 7, 10, 100, 999, 1_000, 1_001, 10_000])
def test_percentiles_equal_a_sorted_array(n):
    values = [random.Random(n).randrange(1 << 18) for _ in range(n)]
    histogram = Histogram(EXACT)
    histogram.record(values)
    assert histogram.percentiles(PERCENTILES) == [oracle(values, p) for p in PERCENTILES]


def test_the_case_in_which_the_package_is_one_rank_too_low():
    histogram, theirs = Histogram(), native(HdrGeometry(), [10, 20, 30])
    histogram.record([10, 20, 30])
    assert theirs.get_value_at_percentile(40) == 10
    assert histogram.percentile(40) == 20


def test_ranks_are_exact_where_floats_are_not():
    assert math.ceil(7.0 / 100 * 100) == 8, "what binary fractions make of the 7th percentile of 100"
    assert rank_of("99.9", 10**15) == rank_of(99.9, 10**15) == 999 * 10**12
    assert rank_of(7, 100) == rank_of("7.0", 100) == rank_of(Fraction(7), 100) == 7
    assert rank_of("7.0000000000000000001", 100) == 8
    assert rank_of(0, 5) == 1
    assert rank_of(100, 5) == 5
    for thousandth in range(0, 100_001, 7):
        assert rank_of(thousandth / 1000, 100_000) == max(1, thousandth)


def test_values_are_the_highest_of_their_bucket_and_p0_the_lowest():
    histogram = Histogram(HdrGeometry(1, 10**9, 2))
    histogram.record([100_000, 100_000])
    low, high = histogram.percentiles([0, 100])
    assert low <= 100_000 < high
    theirs = native(histogram.geometry, [100_000])
    assert low == theirs.get_lowest_equivalent_value(100_000)
    assert high == theirs.get_highest_equivalent_value(100_000)


@pytest.mark.parametrize("p", [-1, 100.001, "abc", "", float("nan"), float("inf"), "1/0", None])
def test_what_is_no_percentile(p):
    with pytest.raises(InputError, match="percentile"):
        exact(p)


def test_an_empty_histogram_has_none():
    with pytest.raises(InputError, match="nothing was recorded"):
        Histogram().percentile(50)


# --- the header, views, merging --------------------------------------------


def test_the_header_is_exact():
    values = [3, 10**6 + 7, 12_345_679]
    histogram = Histogram()
    assert (histogram.count, histogram.min_ns, histogram.max_ns, histogram.mean_ns) == (0, 0, 0, 0.0)
    histogram.record(values)
    assert histogram.count == 3
    assert histogram.sum_ns == sum(values)
    assert histogram.mean_ns == pytest.approx(sum(values) / 3)
    assert (histogram.min_ns, histogram.max_ns) == (min(values), max(values))


def test_a_batch_counts_as_that_many_operations():
    one, many = Histogram(), Histogram()
    record_batch(one.address, one.index, 750, 1_000)
    many.record(np.full(1_000, 750))
    assert one.encode() == many.encode()
    assert (one.sum_ns, one.count) == (many.sum_ns, many.count) == (750_000, 1_000)


def test_record_many_says_how_many_had_a_bucket():
    values = np.array([1, -1, 5, 1 << 60], dtype=np.int64)
    histogram = Histogram()
    assert record_many(histogram.address, histogram.index, values.ctypes.data, values.size) == 2


def test_two_histograms_in_one_shared_block():
    geometry = HdrGeometry(1, 10**6, 2)
    size = histogram_words(geometry)
    with Block(2 * size + 16, shared="") as block:
        for index in (16, 16 + size):
            initialise_histogram(block.array, index, geometry)
        first, second = (Histogram.view(block.array, index) for index in (16, 16 + size))
        record(block.address, 16 + size, 500)
        assert (first.count, second.count) == (0, 1)
        assert record(second.address, second.index, geometry.limit) == 1
        assert second.counts[-1] == 1
        elsewhere = Histogram.view(Block.attach(block.shared_name).array, 16 + size)
        assert elsewhere.encode() == second.encode()
        assert not block.array[:16].any()


@pytest.mark.parametrize("index", [-1, 0, 1 << 40])
def test_a_view_of_no_histogram(index):
    with pytest.raises(InputError, match="histogram"):
        Histogram.view(np.zeros(1_000, dtype=np.int64), index)


def test_a_view_of_a_corrupt_header():
    histogram = Histogram()
    size = histogram_words(histogram.geometry)
    copy = np.array((ctypes.c_int64 * size).from_address(histogram.address), dtype=np.int64)
    assert Histogram.view(copy).geometry == histogram.geometry
    with pytest.raises(InputError, match="contradict"):
        Histogram.view(copy[:-1024])


def test_a_block_that_is_too_small():
    geometry = HdrGeometry()
    with pytest.raises(InputError, match=f"needs {histogram_words(geometry)} words"):
        initialise_histogram(np.zeros(100, dtype=np.int64), 0, geometry)


def test_merging_is_recording_all():
    first, second, both = Histogram(), Histogram(), Histogram()
    a, b = [5, 10**11, 77], [-3, 4, 10**6]
    first.record(a)
    second.record(b)
    both.record(a + b)
    first.merge(second)
    first.merge(Histogram())
    for name in ("count", "sum_ns", "min_ns", "max_ns", "over_range", "negative"):
        assert getattr(first, name) == getattr(both, name), name
    assert first.encode() == both.encode()


def test_other_geometries_do_not_merge():
    with pytest.raises(InputError, match="cannot merge"):
        Histogram().merge(Histogram(HdrGeometry(digits=2)))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((1, 100, 0), "digits"),
        ((1, 100, 6), "digits"),
        ((0, 100, 3), "lowest"),
        ((60, 100, 3), "lowest"),
        ((1 << 59, 1 << 61, 3), "out of range"),
        ((1, 1 << 63, 3), "lowest"),
    ],
)
def test_impossible_geometries(arguments, says):
    with pytest.raises(InputError, match=says):
        HdrGeometry(*arguments)


# --- the encoded form ------------------------------------------------------


def test_decoding_gives_header_values_of_the_buckets():
    histogram = Histogram()
    histogram.record([1_000, 1_000_000])
    decoded = Histogram.decode(histogram.encode())
    assert decoded.count == 2
    assert decoded.min_ns == 1_000
    assert 1_000_000 <= decoded.max_ns <= 1_000_999
    assert decoded.sum_ns == pytest.approx(histogram.sum_ns, rel=1e-3)
    assert decoded.percentiles(["50", "100"]) == histogram.percentiles(["50", "100"])


def test_counts_too_large_to_encode_are_refused():
    limit = 1 << 61
    histogram = Histogram()
    record_batch(histogram.address, 0, 5, limit)
    with pytest.raises(InputError, match="cannot be encoded"):
        histogram.encode()
    smaller = Histogram()
    record_batch(smaller.address, 0, 5, limit - 1)
    assert Histogram.decode(smaller.encode()).count == limit - 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "AAAA",
        base64.b64encode(b"\x1c\x84\x93\x14\x00\x00\x00\x03abc").decode(),
        base64.b64encode(b"\x1c\x84\x93\x14\x00\x00\x00\x0b" + zlib.compress(b"abc")).decode(),
    ],
)
def test_what_is_no_histogram(text):
    with pytest.raises(InputError, match="not an encoded HdrHistogram"):
        Histogram.decode(text)


def test_a_truncated_encoding_is_refused():
    histogram = Histogram()
    histogram.record(range(0, 100_000, 7))
    text = histogram.encode()
    with pytest.raises(InputError, match="not an encoded HdrHistogram"):
        Histogram.decode(text[: len(text) // 2 // 4 * 4])


# --- the code --------------------------------------------------------------


@pytest.mark.skipif(machine() not in {"x86_64", "AMD64"}, reason="reads x86-64 assembly")
def test_one_writer_needs_no_locked_instruction():
    kernel = njit("int64(int64, int64, int64)")(lambda words, index, value: record(words, index, value) + 1)
    (module,), (text,) = kernel.inspect_llvm().values(), kernel.inspect_asm().values()
    assert not re.search(r"\block\b|\bmfence\b|\bxchg", text)
    assert len(re.findall(r"store atomic i64 \S+, \S+ \S+ release", module)) >= 1
