"""Ratios paired within rounds: worked examples, and how often the interval holds the truth."""

import math
import random

import pytest

from tickbench.analysis.ratios import coverage, paired_ratio, rounds_needed


def test_a_worked_example():
    """Ratios 0.5, 2, 1, 4, 3: median 2, and five rounds give no 95 %, so the range and what it is worth."""
    above = {0: 1.0, 1: 4.0, 2: 3.0, 3: 8.0, 4: 9.0, 7: 99.0}
    below = {0: 2.0, 1: 2.0, 2: 3.0, 3: 2.0, 4: 3.0, 9: 1.0}
    ratio = paired_ratio(above, below)
    assert (ratio.median, ratio.low, ratio.high, ratio.rounds) == (2.0, 0.5, 4.0, 5)
    assert ratio.confidence == pytest.approx(1 - 2 / 32)


def test_coverage_of_order_statistics():
    """David and Nagaraja, 7.1: for n = 10 the 2nd and 9th value hold the median with 97.85 %."""
    assert coverage(10, 2) == pytest.approx(0.9785, abs=5e-5)
    assert coverage(1, 1) == 0
    assert rounds_needed() == 6


def test_ten_rounds_leave_the_outermost_out():
    ratio = paired_ratio({k: float(k + 1) for k in range(10)}, dict.fromkeys(range(10), 1.0))
    assert (ratio.low, ratio.high) == (2.0, 9.0)
    assert ratio.confidence >= 0.95


def test_no_common_round_is_no_ratio():
    assert paired_ratio({0: 1.0}, {1: 1.0}) is None
    assert paired_ratio({0: 0.0}, {0: 1.0}) is None
    assert paired_ratio({}, {}) is None


def test_what_disturbs_a_round_as_a_whole_drops_out():
    disturbed = {k: 10.0**k for k in range(6)}
    ratio = paired_ratio({k: 3 * slow for k, slow in disturbed.items()}, disturbed)
    assert (ratio.low, ratio.median, ratio.high) == pytest.approx((3.0, 3.0, 3.0))


def test_the_interval_holds_the_true_median_as_often_as_it_says():
    draw, held, trials, rounds = random.Random(1), 0, 2000, 9
    for _ in range(trials):
        above = {k: math.exp(draw.gauss(math.log(2), 0.3)) for k in range(rounds)}
        ratio = paired_ratio(above, dict.fromkeys(range(rounds), 1.0))
        held += ratio.low <= 2 <= ratio.high
    assert held / trials == pytest.approx(coverage(rounds, 2), abs=0.02)
