"""Load plans: what their gaps are, that a seed decides them, and when a generator is judged invalid."""

import numpy as np
import pytest
from scipy import stats

from tickbench.errors import InputError
from tickbench.measure.load_plan import Burst, Closed, Constant, Poisson, Recorded, judge_generator, make_plan

SECOND_NS = 1_000_000_000


def test_a_closed_loop_has_no_plan():
    assert make_plan(Closed(), 1.0, 1) is None


def test_a_constant_plan_has_equal_gaps_and_fills_its_time():
    plan = make_plan(Constant(rate_hz=1000.0), 2.0, 1)
    assert len(plan) == 2000
    assert set(np.diff(plan).tolist()) == {1_000_000}
    assert plan[0] == 0


def test_poisson_gaps_are_exponential():
    gaps_ns = np.diff(make_plan(Poisson(rate_hz=10_000.0), 2.0, 7))
    assert stats.kstest(gaps_ns, "expon", args=(0, 1e9 / 10_000)).pvalue > 0.01


def test_a_seed_decides_a_random_plan():
    first, again, other = (make_plan(Poisson(rate_hz=5000.0), 1.0, seed) for seed in (3, 3, 4))
    assert (first == again).all()
    assert (first != other).any()


def test_a_shorter_random_plan_is_the_start_of_a_longer_one():
    short, long = (make_plan(Poisson(rate_hz=1000.0), seconds, 5) for seconds in (1.0, 2.0))
    assert (long[: len(short)] == short).all()


def test_bursts_keep_the_mean_rate():
    plan = make_plan(Burst(rate_hz=1000.0, burst_events=10, burst_rate_hz=1e6), 1.0, 1)
    assert len(plan) == 1000
    assert np.diff(plan[:10]).tolist() == [1000] * 9
    assert plan[10] == 10_000_000


def test_recorded_times_are_scaled_cut_and_never_step_back():
    times = np.array([5, 5 + SECOND_NS, 5 + SECOND_NS // 2, 5 + 3 * SECOND_NS, 5 + 90 * SECOND_NS])
    plan = make_plan(Recorded(speed=2.0), 10.0, 1, times)
    assert plan.tolist() == [0, SECOND_NS // 2, SECOND_NS // 2, 3 * SECOND_NS // 2]


@pytest.mark.parametrize("load", [Constant(rate_hz=0.0), Poisson(rate_hz=-1.0), Recorded(speed=float("nan"))])
def test_rates_that_make_no_sense_are_refused_by_name(load):
    with pytest.raises(InputError, match=r"load\.(rate_hz|speed) must be positive"):
        make_plan(load, 1.0, 1, [1, 2])


def test_a_recorded_load_needs_receive_times():
    with pytest.raises(InputError, match="receive times"):
        make_plan(Recorded(), 1.0, 1, [])


def test_the_judge_tells_a_late_generator_from_a_good_one():
    assert judge_generator(9_000, 100_000, 1000, 1000) is None
    assert "late" in judge_generator(11_000, 100_000, 1000, 1000)
    assert "998 of 1000" in judge_generator(9_000, 100_000, 998, 1000)
