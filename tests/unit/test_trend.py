"""Change points on seeded synthetic series: steps are found where they are; outliers, two modes and noise are none."""

import numpy as np
import pytest

from tickbench.analysis.trend import MOST_POINTS, change_points


def _noise(seed, n, spread=0.01, level=100.0):
    return level * (1 + spread * np.random.default_rng(seed).normal(size=n))


def _indices(values):
    return [one.index for one in change_points(values)]


def test_a_step_is_found_at_its_place_with_its_size():
    (found,) = change_points(np.r_[_noise(1, 40), _noise(2, 40, level=105)])
    assert abs(found.index - 40) <= 1
    assert found.change == pytest.approx(0.05, abs=0.01)
    assert found.p < 0.001


@pytest.mark.parametrize("before", [20, 40, 100])
def test_a_step_is_not_claimed_from_two_points_and_is_found_from_eight(before):
    found = [_indices(np.r_[_noise(k, before), _noise(k + 50, 8, level=105)]) for k in range(20)]
    assert sum(len(one) == 1 and abs(one[0] - before) <= 1 for one in found) >= 17
    assert not any(_indices(np.r_[_noise(k, before), _noise(k + 50, 2, level=105)]) for k in range(20))


def test_a_level_that_rises_and_falls_back_is_two_changes():
    found = _indices(np.r_[_noise(1, 60), _noise(2, 15, level=110), _noise(3, 60)])
    assert [round(one, -1) for one in found] in ([60, 80], [60, 70])
    assert len(found) == 2


@pytest.mark.parametrize("at", [0, 10, 38, 39])
def test_one_outlier_is_no_change(at):
    values = _noise(4, 40)
    values[at] *= 100
    assert change_points(values) == []


def test_a_slow_drift_is_told_in_steps_upwards():
    found = change_points(np.linspace(1, 1.2, 120) * _noise(5, 120, 0.005))
    assert 2 <= len(found) <= 9
    assert all(one.change >= 0.02 for one in found)


def test_a_change_below_the_least_magnitude_is_none():
    assert change_points(np.r_[_noise(1, 100, 0.002), _noise(2, 100, 0.002, level=101)]) == []


def _two_modes(rng, n):
    return np.where(rng.random(n) < 0.5, 100, 120) * (1 + 0.01 * rng.normal(size=n))


def _correlated(rng, n):
    values, shocks = np.zeros(n), rng.normal(size=n)
    for k in range(1, n):
        values[k] = 0.5 * values[k - 1] + shocks[k]
    return 100 * (1 + 0.05 * values)


@pytest.mark.parametrize(
    "make",
    [
        lambda rng, n: 100 * (1 + 0.05 * rng.normal(size=n)),
        lambda rng, n: 100 * (1 + 0.05 * rng.standard_t(2, size=n)),
        _two_modes,
    ],
    ids=["normal", "heavy tails", "two modes"],
)
def test_noise_gives_no_false_alarm_in_200_series(make):
    rng = np.random.default_rng(6)
    assert sum(bool(change_points(make(rng, 50))) for _ in range(200)) <= 1


def test_correlated_runs_give_few_false_alarms():
    """The correction holds the rate down and not at P: 3 of these 200 series were flagged when the bound was set."""
    rng = np.random.default_rng(6)
    assert sum(bool(change_points(_correlated(rng, 50))) for _ in range(200)) <= 6


def test_degenerate_series_have_no_change():
    for values in ([], [1.0], [0.0] * 30, [5.0] * 30, list(range(1, 8))):
        assert change_points(values) == []
    assert _indices([0.0] * 20 + [5.0] * 20) == [20]


def test_of_a_long_series_the_newest_are_searched_and_numbered_from_the_start():
    values = np.r_[_noise(1, 100, level=50), _noise(2, MOST_POINTS - 50), _noise(3, 50, level=110)]
    assert [round(one / 10) for one in _indices(values)] == [(MOST_POINTS + 50) // 10]
