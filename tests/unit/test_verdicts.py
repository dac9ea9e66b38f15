import math

import pytest

from tickbench.analysis.verdicts import (
    LIMITS,
    Effect,
    Finding,
    Judgement,
    Limits,
    holm,
    judge,
    limits_of,
    over_the_suite,
    place_of,
)

LIMIT = Limits(0.01, 0.03)


def an_effect(low, high, p_worse=1.0, p_better=1.0):
    return Effect(math.sqrt(low * high), low, high, p_worse, p_better, 10)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (1.011, 1.05, "regression"),
        (1.009, 1.05, "inconclusive"),  # a part of the interval is nobody's business
        (0.95, 0.989, "improvement"),
        (0.98, 1.02, "unchanged"),
        (0.98, 1.031, "inconclusive"),  # the target is not excluded
        (0.97, 1.02, "inconclusive"),  # nor on the fast side
        (1.012, 1.02, "regression"),  # within the target and beyond the tolerance: it is slower
    ],
)
def test_a_verdict_needs_the_whole_interval(low, high, verdict):
    assert judge(an_effect(low, high), LIMIT).verdict == verdict


def test_inconclusive_says_the_smallest_slowdown_that_would_have_shown():
    judgement = judge(an_effect(0.9, 1.1), LIMIT)

    half_width = 1.1 / math.sqrt(0.9 * 1.1)
    assert judgement.smallest_visible == pytest.approx(1.01 * half_width - 1)
    assert judge(an_effect(1.01 * 1.0001, 1.01 * half_width**2), LIMIT).verdict == "regression"  # one that is just as wide


def test_limits_come_from_the_scenario_where_it_sets_them():
    assert limits_of("p50", {}, {}) == LIMITS["p50"]
    assert limits_of("p50", {"p50": 0.02}, {"p99": 0.5}) == Limits(0.02, 0.03)


def test_holm_steps_down_and_stops():
    """Worked example: at 1 % over four, the limits are 0.25, 0.333, 0.5 and 1 %."""
    assert holm([0.002, 0.0034, 0.004, 0.5]) == [True, False, False, False]
    assert holm([0.004, 0.002, 0.003, 0.009]) == [True, True, True, True]
    assert holm([]) == []


def a_finding(verdict, p):
    effect = an_effect(1.02, 1.03, p_worse=p)
    return Finding("s", "c", "v", "p50", 1.0, 1.0, effect, LIMIT, Judgement(verdict, "why", 0.02))


def test_a_flag_that_does_not_survive_the_suite_becomes_inconclusive():
    strong, weak = a_finding("regression", 1e-6), a_finding("regression", 0.009)
    calm = [a_finding("unchanged", 0.5)] * 8

    corrected = over_the_suite([strong, weak, *calm])

    assert [one.verdict for one in corrected[:2]] == ["regression", "inconclusive"]
    assert "Holm" in corrected[1].judgement.reason
    assert over_the_suite([weak])[0].verdict == "regression"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("smoke/one plain: d: e", ("smoke/one", "plain", "d: e")),
        ("smoke/one plain", ("smoke/one", "plain", "")),
        ("t.py::test_a[k: v w] main: another feed: x", ("t.py::test_a[k: v w]", "main", "another feed: x")),
        ("one plain: killed\nin two lines", ("one", "plain", "killed\nin two lines")),
        ("", ("", "", "")),
    ],
)
def test_the_place_of_a_remark(text, place):
    assert place_of(text) == place
