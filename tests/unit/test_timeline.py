"""Values over time: slices hold every value once, in order, and show a change of speed where it happened.

No real time passes: durations are drawn from a seed, and the clock of the loop under test is a list of numbers.
"""

import itertools
import random
from types import SimpleNamespace

import numpy as np
import pytest

from tickbench.components.order_book import workloads
from tickbench.components.shared import timing
from tickbench.components.shared.timeline import MOST_SLICES, SLICE_DIGITS, Cuts, one_slice, slices_of
from tickbench.errors import InputError
from tickbench.kernels.hdr import HdrGeometry, Histogram

HALF = MOST_SLICES // 2
SLOWER = 3


def drawn_ns(count, median_ns, seed):
    draw = random.Random(seed)
    return [round(draw.lognormvariate(0, 0.2) * median_ns) for _ in range(count)]


def slower_after(count, median_ns):
    """Durations of which those after `count` take SLOWER times as long; both halves take the same time."""
    return drawn_ns(count, median_ns, 1) + drawn_ns(count // SLOWER, SLOWER * median_ns, 2)


def assert_in_order(slices, elapsed_ns):
    assert 1 <= len(slices) <= MOST_SLICES
    assert (slices[0].start_ns, slices[-1].end_ns) == (0, elapsed_ns)
    assert all(earlier.end_ns == later.start_ns for earlier, later in itertools.pairwise(slices))
    assert elapsed_ns == 0 or all(one.start_ns < one.end_ns for one in slices)


def assert_slower_half_way(slices):
    medians = [one.histogram.percentile("50") for one in slices]
    assert len(medians) == MOST_SLICES
    first, second = np.mean(medians[: HALF - 1]), np.mean(medians[HALF + 1 :])
    assert 0.85 * SLOWER < second / first < 1.15 * SLOWER
    assert max(medians[: HALF - 1]) < 1.2 * first
    assert min(medians[HALF + 1 :]) > 0.8 * second


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 1_000])
@pytest.mark.parametrize("between_ns", [0, 25])
def test_slices_hold_every_duration_once(count, between_ns):
    values_ns = drawn_ns(count, 1e4, count)
    elapsed_ns = sum(values_ns) + between_ns * count
    slices = slices_of(values_ns, elapsed_ns)
    assert_in_order(slices, elapsed_ns)
    whole = Histogram(HdrGeometry(digits=SLICE_DIGITS))
    whole.record(values_ns)
    assert np.array_equal(sum(one.histogram.counts for one in slices), whole.counts)


def test_no_durations_have_no_slices_and_durations_of_nothing_have_one():
    assert slices_of([], 0) == []
    (one,) = slices_of([0, 0, 0], 0)
    assert one.histogram.count == 3


def test_a_long_duration_belongs_to_the_slice_in_which_it_began():
    slices = slices_of([10] * 100 + [1_000_000] + [10] * 100, 1_002_000)
    assert_in_order(slices, 1_002_000)
    assert [one.histogram.count for one in slices] == [101, 100]


def test_a_loop_that_slows_down_half_way_shows_it(monkeypatch):
    durations_ns, now_ns = iter(slower_after(3_000, 1e6)), 0

    def run():
        nonlocal now_ns
        now_ns += next(durations_ns)

    monkeypatch.setattr(timing, "WARM_SHARE", 0)
    monkeypatch.setattr(timing.time, "perf_counter_ns", lambda: now_ns)
    batches = timing.time_batches(run, 1, 5.9)
    monkeypatch.undo()
    slices = timing.batch_result(batches, None).intervals
    assert_in_order(slices, batches.elapsed_ns)
    assert sum(one.histogram.count for one in slices) == batches.count
    assert_slower_half_way(slices)


def test_passes_of_a_driver_that_slows_down_half_way_show_it():
    values_ns, service, emptied = slower_after(60_000, 1_000), Histogram(), []
    passes = (values_ns[first : first + 50] for first in range(0, len(values_ns), 50))

    def replay_once():
        taken = next(passes)
        service.record(taken)
        return sum(taken)

    session = SimpleNamespace(duration_ns=round(0.99 * sum(values_ns)), rewind=lambda: emptied.append(1))
    elapsed_ns, count, slices = workloads._repeat(session, service, replay_once)
    assert len(emptied) == count - 1
    assert_in_order(slices, elapsed_ns)
    assert np.array_equal(sum(one.histogram.counts for one in slices), service.coarser(SLICE_DIGITS).counts)
    assert_slower_half_way(slices)


def test_a_histogram_is_copied_a_few_times_whatever_the_passes():
    histogram = Histogram()
    cuts = Cuts(histogram, 1_000)
    acted = 0
    for elapsed_ns in range(1, 5_000):
        histogram.record(elapsed_ns)
        acted += cuts.between(elapsed_ns) > 0
    slices = cuts.slices(5_000)
    assert acted == MOST_SLICES - 1
    assert_in_order(slices, 5_000)
    assert [one.histogram.count for one in slices] == [125] * (MOST_SLICES - 1) + [4_999 - 125 * (MOST_SLICES - 1)]


def test_a_pass_longer_than_a_slice_is_one():
    histogram = Histogram()
    cuts = Cuts(histogram, 800)
    for elapsed_ns in (350, 700):
        histogram.record(350)
        cuts.between(elapsed_ns)
    histogram.record(350)
    assert [(one.start_ns, one.end_ns) for one in cuts.slices(1_050)] == [(0, 350), (350, 700), (700, 1_050)]


def test_fewer_digits_split_no_bucket():
    histogram = Histogram()
    histogram.record([*drawn_ns(10_000, 5_000, 3), 0, histogram.geometry.limit, histogram.geometry.limit + 1])
    coarse = one_slice(histogram, 7).histogram
    assert (coarse.geometry.digits, coarse.count) == (SLICE_DIGITS, histogram.count)
    assert coarse.percentile("99") == pytest.approx(histogram.percentile("99"), rel=0.01)
    with pytest.raises(InputError, match="3 digits cannot become 4"):
        histogram.coarser(4)
