"""The decision code on made-up pairs with a known truth; every sample is seeded."""

import math

import numpy as np
import pytest

from tickbench.analysis.certificate import Gate, false_alarm_bound, powers
from tickbench.analysis.pairs import LOOKS, confirmed, decide, effect_of, reduce_quads, sign_flip_p, too_noisy
from tickbench.analysis.verdicts import Limits

LIMIT = Limits(0.01, 0.03)


def gate(draw, log_effect=0.0):
    """A whole gate as the session makes it, on pairs from `draw(n)`: looks, then a second measurement of what is flagged."""

    def measured():
        values = []
        for look in LOOKS:
            values += [log_effect + one for one in draw(look - len(values))]
            found = decide(values, LIMIT)
            if found[1].verdict != "inconclusive":
                break
        return found

    first = measured()
    if first[1].verdict in ("regression", "improvement"):
        return confirmed(first, measured())[1].verdict
    return first[1].verdict


def normal(rng):
    return lambda n: rng.normal(0, 0.014, n)


def heavy(rng):
    return lambda n: 0.008 * rng.standard_t(3, n)


def bimodal(rng):
    return lambda n: rng.choice((-0.015, 0.015), n) + rng.normal(0, 0.004, n)


def skewed(rng):
    return lambda n: 0.01 * (rng.exponential(1, n) - 1)


def correlated(rng):
    state = [0.0]

    def draw(n):
        values = []
        for _ in range(n):
            state[0] = 0.2 * state[0] + rng.normal(0, 0.0135)
            values.append(state[0])
        return values

    return draw


@pytest.mark.parametrize("noise", [normal, heavy, bimodal, skewed, correlated])
def test_identical_code_is_hardly_ever_flagged(noise):
    draw = noise(np.random.default_rng(1))
    verdicts = [gate(draw) for _ in range(400)]

    assert verdicts.count("regression") <= 1
    assert verdicts.count("improvement") <= 1
    assert verdicts.count("unchanged") > 300


@pytest.mark.parametrize(("slowdown", "share"), [(1.03, 0.9), (1.05, 0.99)])
@pytest.mark.parametrize("noise", [normal, correlated])
def test_a_slowdown_is_found(noise, slowdown, share):
    draw = noise(np.random.default_rng(2))
    found = [gate(draw, math.log(slowdown)) for _ in range(200)].count("regression")

    assert found >= share * 200


def test_the_interval_holds_the_truth():
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(500):
        effect = effect_of(math.log(1.02) + rng.normal(0, 0.014, 10), LIMIT)
        covered += effect.low <= 1.02 <= effect.high

    assert covered >= 0.99 * 500


def test_a_drift_of_the_machine_cancels_within_a_quad():
    """ABBA against a linear drift: exact, up to the curvature of the logarithm."""
    times = 1000.0 * (1 + 0.001 * np.arange(240))
    a, b = [], []
    for quad in range(60):
        one, two, three, four = times[4 * quad : 4 * quad + 4]
        (a if quad % 2 else b).append((one, four))
        (b if quad % 2 else a).append((two, three))

    assert abs(reduce_quads(np.array(a), np.array(b)).log_ratio) < 1e-5


def test_a_penalty_for_going_first_cancels_within_a_quad():
    """Whoever comes first in a quad is 5 % slower: drawn orders make the median see it from both sides."""
    rng = np.random.default_rng(4)
    a, b = np.full((60, 2), 1000.0), np.full((60, 2), 1000.0)
    first_is_a = rng.random(60) < 0.5
    a[first_is_a, 0] *= 1.05
    b[~first_is_a, 0] *= 1.05
    a *= rng.normal(1, 0.01, a.shape)
    b *= rng.normal(1, 0.01, b.shape)

    assert abs(reduce_quads(a, b).log_ratio) < 0.03
    means = np.log(b).mean() - np.log(a).mean()
    assert abs(means) < 0.01


def test_one_preempted_block_does_not_move_a_pair():
    a = np.full((60, 2), 1000.0)
    b = np.full((60, 2), 1030.0)
    b[7, 0] = 4_000_000.0

    assert reduce_quads(a, b).log_ratio == pytest.approx(math.log(1.03))


def test_a_pair_is_too_noisy_by_its_spread_alone():
    assert not too_noisy(9.0, [1.0, 1.0])  # too few to know
    assert too_noisy(3.1, [1.0, 1.0, 1.0])
    assert not too_noisy(2.9, [1.0, 1.0, 1.0])


def test_sign_flips_are_exact_for_few_values():
    """Three positive values: of eight sign patterns only one reaches their sum."""
    assert sign_flip_p(np.array([1.0, 2.0, 3.0])) == 1 / 8
    assert sign_flip_p(np.array([-1.0, -2.0, -3.0])) == 1.0
    assert sign_flip_p(np.full(20, 1.0)) < 0.001


def test_a_flag_needs_a_second_measurement():
    flagged = decide([0.05 + one for one in (0, 0.001, -0.001, 0.002, -0.002, 0)], LIMIT)
    calm = decide([0, 0.001, -0.001, 0.002, -0.002, 0.0005], LIMIT)
    wide = decide([0.1, -0.1, 0.05, -0.05, 0.02, 0.0], LIMIT)
    assert flagged[1].verdict == "regression"

    assert confirmed(flagged, flagged)[1].verdict == "regression"
    assert confirmed(flagged, flagged)[0].p_worse == pytest.approx(flagged[0].p_worse ** 2)
    assert confirmed(flagged, calm)[1].verdict == "unchanged"
    assert confirmed(flagged, wide)[1].verdict == "inconclusive"


def test_identical_pairs_have_no_spread_and_still_a_verdict():
    assert decide([0.0] * 6, LIMIT)[1].verdict == "unchanged"
    assert decide([0.1] * 6, LIMIT)[1].verdict == "regression"


# Log ratios in percent that pairs gave on a shared two-core machine, and what they have to mean.
RECORDED = {
    "unchanged": [-0.39, 0.55, 0.14, 0.17, 0.11, 0.10],  # RSI, identical code
    "inconclusive": [0.57, -10.22, -9.08, -0.85, -0.25, 3.1],  # a book whose pages fall differently in each process
    "regression": [3.13, 2.9, 3.3, 3.4, 2.7, 3.0, 3.2, 2.8, 3.1, 3.0],  # SHA-256, 3 % more work
}


@pytest.mark.parametrize("verdict", RECORDED)
def test_recorded_pairs_have_the_verdicts_that_they_had(verdict):
    assert decide([one / 100 for one in RECORDED[verdict]], LIMIT)[1].verdict == verdict


def test_none_in_300_bounds_the_false_alarms_by_one_percent():
    assert false_alarm_bound(0, 300) == pytest.approx(0.00994, abs=1e-4)
    assert false_alarm_bound(1, 475) < 0.01 < false_alarm_bound(1, 465)
    assert false_alarm_bound(0, 0) == 1.0


def test_power_counts_what_was_found_and_how_far_off_it_was():
    gates = [
        Gate("idle", "compute", 1.03, verdict, ratio, ratio - 0.01, ratio + 0.01, 12, 8.0)
        for verdict, ratio in (("regression", 1.031), ("regression", 1.030), ("inconclusive", 1.015))
    ]

    (row,) = powers([*gates, Gate("idle", "compute", 1.0, "unchanged", 1.0, 0.99, 1.01, 6, 4.0)])

    assert (row.slowdown, row.gates, row.detected, row.covered) == (1.03, 3, 2, 2)
    assert row.bias_points == pytest.approx(0.0)
