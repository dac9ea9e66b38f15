"""Budgets: verdicts on seeded samples of known truth, the file and hostile ones, and the budgets that ship."""

import msgspec
import numpy as np
import pytest

from samples import a_measurement, a_run, a_scenario_record, a_variant_record
from tickbench.analysis.budgets import LEAST_ROUNDS, RoundValue, judge, rounds_to_decide, samples_needed
from tickbench.errors import InputError
from tickbench.kernels.hdr import rank_of
from tickbench.measure.budgets import PERCENTILES, budgets_file, judge_run, read_budgets
from tickbench.render.budgets import budget_rows, budget_tables, tally
from tickbench.results.run_file import Failure

SCENARIO = "smoke/one"
ENTRY = '[[budget]]\nid = "a"\nsection = "1"\nname = "n"\nreading = "r"\npriority = "high"\nlimit = 5\n'
TIMED = ENTRY + 'unit = "us"\nscenario = "smoke/one"\nvariant = "fast"\nmetric = "p99"\n'


def rounds(values, spread=0.0):
    return [RoundValue(one, one * (1 - spread), one * (1 + spread)) for one in values]


@pytest.mark.parametrize(
    ("values", "spread", "bound", "verdict", "deciding"),
    [
        ([4, 4.1, 4.2, 4.3, 4.4], 0, "at most", "within", 4.4),
        ([4, 4.1, 4.2, 4.3, 5.0], 0, "at most", "within", 5.0),
        ([4, 4.1, 4.2, 4.3, 5.1], 0, "at most", "not measured", 5.1),
        ([4.8, 4.8, 4.8, 4.8, 4.8], 0.1, "at most", "not measured", 5.28),  # the rounds' own bounds count
        ([6, 6.1, 6.2, 6.3, 6.4], 0, "at most", "over", 6.0),
        ([6, 6.1, 6.2, 6.3, 6.4], 0, "at least", "within", 6.0),
        ([4, 4.1, 4.2, 4.3, 4.4], 0, "at least", "over", 4.4),
        ([6, 6.1, 6.2, 6.3, 4.9], 0, "at least", "not measured", 4.9),
    ],
)
def test_the_bound_decides_and_not_the_middle(values, spread, bound, verdict, deciding):
    found = judge(rounds(values, spread), 5.0, bound)
    assert (found.verdict, found.deciding) == (verdict, pytest.approx(deciding))


def test_too_few_rounds_say_how_many_would_do():
    found = judge(rounds([1.0] * (LEAST_ROUNDS - 1)), 5.0, "at most")
    assert (found.verdict, found.measured) == ("not measured", None)
    assert f"--rounds {LEAST_ROUNDS}" in found.reason


def test_an_interval_that_holds_the_limit_says_what_would_decide():
    assert "more rounds: about" in judge(rounds([4, 4.1, 4.2, 4.3, 5.5]), 5.0, "at most").reason
    assert "more --seconds" in judge(rounds([4.8] * 5, 0.1), 5.0, "at most").reason
    assert "will not tell" in judge(rounds([4, 4.5, 5, 5.5, 6]), 5.0, "at most").reason
    assert rounds_to_decide([9.0, 10.0, 11.0], 12.0) == 2  # (1.96 · 1.2533 · 1 / 2)² = 1.51


@pytest.mark.parametrize("p", [one.removeprefix("p") for one in PERCENTILES])
def test_the_count_that_would_do_is_the_fewest(p):
    needed = samples_needed(p)
    assert needed - rank_of(p, needed) >= 10
    assert {"50": 20, "99": 1_000, "99.9": 10_000}.get(p, needed) == needed


def test_a_limit_that_is_broken_is_seldom_called_within():
    """Rounds differ by 10 %, the true median is 2 % above the limit: 5 rounds all lie below it in 2 % of cases or so."""
    rng = np.random.default_rng(4)
    trials, wrong = 2_000, 0
    for _ in range(trials):
        wrong += judge(rounds(1.02 * np.exp(rng.normal(0, 0.1, LEAST_ROUNDS))), 1.0, "at most").verdict == "within"
    allowed = 2**-LEAST_ROUNDS * trials
    assert wrong <= allowed + 3 * allowed**0.5


def measured(values_of_round, **changes):
    found = [a_measurement("fast", k, values_ns=values, **changes) for k, values in enumerate(values_of_round)]
    return a_run(scenarios=[a_scenario_record()], measurements=found)


def budgets(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    return read_budgets(path)


def test_the_bound_of_a_percentile_covers_rounds_and_samples(tmp_path):
    """Known truth: an exponential has its p99 at 4.605 means. The limit is just below; rounds differ by 5 %."""
    (budget,) = budgets(tmp_path, TIMED)
    rng, trials, wrong, told = np.random.default_rng(5), 60, 0, 0
    for trial in range(trials):
        true_ns = 5_100 if trial % 2 else 8_000
        scales_ns = true_ns / 4.605 * np.exp(rng.normal(0, 0.05, LEAST_ROUNDS))
        run = measured([rng.exponential(scale_ns, 2_000).astype(int) for scale_ns in scales_ns])
        (found,) = judge_run(run, [budget])
        wrong += found.verdict == "within"
        told += true_ns == 8_000 and found.verdict == "over"
    assert wrong <= 3
    assert told == trials / 2


def test_a_lucky_small_sample_is_never_within(tmp_path):
    (budget,) = budgets(tmp_path, TIMED)
    (found,) = judge_run(measured([range(1, 1_000)] * 6), [budget])  # 999 samples of at most 1 µs against 5
    assert found.verdict == "not measured"
    assert "999 samples in a round, p99 needs 1,000" in found.reason
    (found,) = judge_run(measured([range(1, 1_001)] * 6), [budget])
    assert (found.verdict, found.measured) == ("within", pytest.approx(0.99, rel=1e-3))
    assert found.bound > found.measured


def test_means_of_batches_are_no_percentiles(tmp_path):
    (budget,) = budgets(tmp_path, TIMED)
    (found,) = judge_run(measured([range(1, 5_000)] * 6, timing="batch"), [budget])
    assert (found.verdict, "no percentile" in found.reason) == ("not measured", True)


@pytest.mark.parametrize(
    ("metric", "unit", "limit", "bound", "verdict", "value"),
    [
        ("mean", "us", 2, "at most", "within", 1.0),
        ("rate", "/s", 900_000, "at least", "within", 1e6),
        ("rate", "/s", 1_100_000, "at least", "over", 1e6),
        ("counter:held_bytes", "MB", 10, "at most", "over", 12.0),
        ("counter:held_bytes", "MB", 12, "at most", "within", 12.0),
        ("counter:busy_percent", "%", 30, "at most", "within", 20.0),
        ("counter:absent", "", 30, "at most", "not measured", None),
    ],
)
def test_each_metric_is_judged_in_its_direction(tmp_path, metric, unit, limit, bound, verdict, value):
    text = TIMED.replace('"p99"', f'"{metric}"').replace('"us"', f'"{unit}"').replace("limit = 5", f"limit = {limit}")
    (budget,) = budgets(tmp_path, text)
    run = measured([range(1, 1_001)] * 5, counters={"held_bytes": 12e6, "busy_percent": 20.0})
    (found,) = judge_run(run, [budget])
    assert (found.verdict, found.measured, budget.direction) == (verdict, value and pytest.approx(value), bound)
    assert msgspec.json.encode(budget_rows([found]))
    assert list(budget_tables([found]))
    assert tally([found]) == f"1 budgets: 1 {verdict}"


def test_any_judges_each_variant_but_the_null_one(tmp_path):
    (budget,) = budgets(tmp_path, TIMED.replace('variant = "fast"\n', ""))
    found = [a_measurement(name, k, values_ns=range(1, 1_001)) for name in ("fast", "slow", "none") for k in range(5)]
    run = a_run(
        scenarios=[a_scenario_record()],
        measurements=found,
        variants=[a_variant_record("fast"), a_variant_record("slow"), a_variant_record("none", null=True)],
    )
    assert [one.variant for one in judge_run(run, [budget])] == ["fast", "slow"]


def test_what_is_not_in_the_run_or_failed_is_told_with_the_remedy(tmp_path):
    elsewhere, absent, failed = (
        budgets(tmp_path, text)[0] for text in (TIMED.replace("smoke/one", "smoke/two"), TIMED.replace("fast", "fats"), TIMED)
    )
    failure = Failure(scenario=SCENARIO, component="sums", variant="fast", round=1, kind="crashed", detail="signal 11")
    run = measured([range(1, 1_001)] * 5)
    assert "tickbench run smoke/two" in judge_run(run, [elsewhere])[0].reason
    assert "is the name right" in judge_run(run, [absent])[0].reason
    run.failures.append(failure)
    assert judge_run(run, [failed])[0].reason == "crashed: signal 11"


def test_a_sum_is_shown_and_decides_nothing(tmp_path):
    total = ENTRY.replace('"a"', '"all"') + 'unit = "ms"\nnot_measured = "no engine"\nsum_of = ["a", "b"]\n'
    two = TIMED + TIMED.replace('"a"', '"b"').replace("smoke/one", "smoke/two") + total
    found = judge_run(measured([range(1, 1_001)] * 5), budgets(tmp_path, two))[-1]
    assert (found.verdict, found.measured) == ("not measured", None)
    assert found.parts == (pytest.approx(0.00099, rel=1e-2), 1, 2)
    assert "sum of 1 of 2 lines" in budget_rows([found])[0]["reason"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "holds no [[budget]]"),
        ("budgets = 1", "did you mean 'budget'"),
        (TIMED + "limti = 3", "did you mean 'limit'"),
        (TIMED.replace("limit = 5", 'limit = "5"'), "limit"),
        (TIMED.replace("limit = 5", "limit = -5"), "limit"),
        (TIMED.replace("limit = 5", "limit = nan"), "limit"),
        (TIMED.replace("high", "hihg"), "priority"),
        (TIMED.replace("p99", "p98"), "metric: 'p98' is none of p50"),
        (TIMED.replace("p99", "max"), "no upper bound"),
        (TIMED.replace('"us"', '"MB"'), "unit: 'MB' does not fit p99: ns or us"),
        (TIMED.replace('"us"', '"parsec"'), "unit: 'parsec' is none of"),
        (TIMED.replace("p99", "counter:held_bytes"), "unit: 'us' does not fit"),
        (ENTRY + 'unit = "us"\n', "scenario, metric missing"),
        (TIMED + 'not_measured = "x"\n', "keep one of them"),
        (TIMED + 'sum_of = ["a"]\n', "sum_of"),
        (TIMED + TIMED, "twice"),
        (ENTRY.replace('"a"', "3") + 'unit = "us"', "id"),
        ("budget = 3", "budget"),
        ("[[budget", "TOML"),
    ],
)
def test_an_error_in_the_file_names_the_file_and_the_key_in_one_line(tmp_path, text, told):
    with pytest.raises(InputError, match=r"mine\.toml") as caught:
        budgets(tmp_path, text)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_binary_and_absent_files_are_refused(tmp_path):
    path = tmp_path / "mine.toml"
    with pytest.raises(InputError, match="cannot read"):
        read_budgets(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="TOML"):
        read_budgets(path)


SHIPPED = read_budgets(budgets_file())


@pytest.mark.parametrize("budget", [one for one in SHIPPED if one.scenario], ids=lambda one: one.id)
def test_a_shipped_budget_names_what_exists(budget):
    from tickbench.components.component import find_component
    from tickbench.measure.catalogue import all_scenarios
    from tickbench.registry import module_names

    scenario = next(one for one in all_scenarios() if one.id == budget.scenario)
    assert (scenario.suite, scenario.rounds >= LEAST_ROUNDS) == ("budgets", True)
    workload = find_component(scenario.component).workloads[scenario.workload]
    assert budget.variant in scenario.variants
    assert budget.variant in {name.rpartition(".")[2] for name in module_names(scenario.component)}
    assert budget.metric.removeprefix("counter:") in (*workload.shown_counters, *PERCENTILES, "rate")


def test_every_scenario_of_the_suite_serves_a_budget():
    from tickbench.measure.catalogue import all_scenarios

    assert {one.id for one in all_scenarios() if one.suite == "budgets"} == {one.scenario for one in SHIPPED if one.scenario}


def test_the_plans_lines_are_there_with_their_limits():
    limits = {one.id: (one.limit, one.unit) for one in SHIPPED}
    latency = ("websocket-receive", "data-parsing", "order-book-update", "signal-generation", "risk-check")
    latency += ("order-serialisation", "network-send", "exchange", "fill-acknowledgement")
    assert [limits[name] for name in latency] == [(us, "us") for us in (50, 100, 5, 80, 20, 10, 200, 2_000, 535)]
    assert limits["end-to-end"] == (sum(limits[name][0] for name in latency), "us")
    parts = ("order-book", "trade-history", "positions", "signal-cache", "network-buffers")
    assert sum(limits[f"{name}-memory"][0] for name in parts) == limits["memory"][0] == 95
    assert sum(limits[f"{name}-memory-grown"][0] for name in parts) == limits["memory-grown"][0] == 200
