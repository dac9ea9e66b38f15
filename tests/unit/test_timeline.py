"""Values over time: slices hold every value once, in order, and show a change of speed where it happened."""

import itertools
import random

import numpy as np
import pytest

from tickbench.components.shared.timeline import COARSE, MOST_SLICES, Slice, Timeline, slices_of
from tickbench.kernels.hdr import Histogram


def drawn_ns(count: int, median_ns: float, seed: int) -> list[int]:
    draw = random.Random(seed)
    return [round(draw.lognormvariate(0, 0.2) * median_ns) for _ in range(count)]


def assert_in_order(slices: tuple[Slice, ...], total_ns: int) -> None:
    assert slices[0].start_ns == 0
    assert slices[-1].end_ns == total_ns
    for earlier, later in itertools.pairwise(slices):
        assert earlier.start_ns < earlier.end_ns == later.start_ns


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 1_000])
def test_slices_hold_every_batch_once(count):
    durations_ns = drawn_ns(count, 1e6, count)
    slices = slices_of(durations_ns)
    assert 1 <= len(slices) <= MOST_SLICES
    assert_in_order(slices, sum(durations_ns))
    assert sum(one.histogram.count for one in slices) == count
    whole = Histogram(COARSE)
    whole.record(durations_ns)
    assert np.array_equal(sum(one.histogram.counts for one in slices), whole.counts)


def test_no_batch_has_no_slice():
    assert slices_of([]) == ()


def test_one_long_batch_among_short_ones_is_one_slice():
    slices = slices_of([10] * 100 + [1_000_000] + [10] * 100)
    assert_in_order(slices, 1_002_000)
    assert sum(one.histogram.count for one in slices) == 201


def test_a_variant_that_slows_down_half_way_shows_it():
    slices = slices_of(drawn_ns(3_000, 1e6, 1) + drawn_ns(1_000, 3e6, 2))
    medians_ns = [one.histogram.percentile("50") for one in slices]
    assert all(0.9e6 < one < 1.1e6 for one in medians_ns[: MOST_SLICES // 2])
    assert all(2.7e6 < one < 3.3e6 for one in medians_ns[MOST_SLICES // 2 :])


def test_a_timeline_looks_a_few_times_and_loses_nothing():
    histogram, elapsed_ns = Histogram(), 0
    timeline = Timeline(histogram, 1_000_000)
    for number in range(100):
        values_ns = drawn_ns(50, 200, number)
        histogram.record(values_ns)
        elapsed_ns += sum(values_ns)
        timeline.passed(elapsed_ns)
    slices = timeline.finish(elapsed_ns)
    assert 6 <= len(slices) <= MOST_SLICES
    assert_in_order(slices, elapsed_ns)
    assert sum(one.histogram.count for one in slices) == histogram.count
    fine, coarse = histogram.percentile("99"), max(one.histogram.percentile("99") for one in slices)
    assert abs(coarse / fine - 1) < 0.2


def test_a_pass_that_recorded_nothing_is_no_slice():
    timeline = Timeline(Histogram(), 100)
    timeline.passed(50)
    assert timeline.finish(100) == ()
