"""Claims: the rules of the verdicts on synthetic rounds, the ledger's file, and the ledger that ships."""

import msgspec
import numpy as np
import pytest

from samples import a_measurement, a_run, a_scenario_record
from tickbench.analysis.claims import judge
from tickbench.errors import InputError
from tickbench.measure.ledger import Claim, claims_file, judge_run, read_claims
from tickbench.render.ledger import claim_rows, tally
from tickbench.render.numbers import quantity
from tickbench.results.run_file import Failure, Skipped

ROUNDS = 7


def rounds(center, spread=0.005, seed=1, n=ROUNDS):
    noise = np.random.default_rng(seed).normal(0, spread, n)
    return {k: float(center * np.exp(one)) for k, one in enumerate(noise)}


@pytest.mark.parametrize(
    ("before", "after", "better", "gain", "limit", "verdict", "parts"),
    [
        (300, 90, "lower", 3.0, None, "confirmed", ("kept", None)),
        (300, 160, "lower", 3.0, None, "partly", ("short", None)),
        (300, 180, "lower", 3.0, None, "refuted", ("missed", None)),  # 1.67, and half of the way to 3 is 1.73
        (300, 300, "lower", 3.0, None, "refuted", ("missed", None)),
        (300, 600, "lower", 1.2, None, "refuted", ("missed", None)),
        (100, 600, "higher", 5.0, None, "confirmed", ("kept", None)),
        (600, 100, "higher", 5.0, None, "refuted", ("missed", None)),
        (15_000, 4_000, "lower", 3.0, 5_000, "confirmed", ("kept", "kept")),
        (15_000, 5_500, "lower", 2.0, 5_000, "partly", ("kept", "missed")),
        (15_000, 14_900, "lower", 3.0, 5_000, "refuted", ("missed", "missed")),
        # The limit was kept before the change: that decides nothing about the change.
        (70, 70, "lower", 3.0, 5_000, "refuted", ("missed", "idle")),
        (300, 90, "lower", 3.0, 5_000, "confirmed", ("kept", "idle")),
        (300, 90, "lower", None, 5_000, "confirmed", (None, "idle")),
        (70, 96, "higher", None, 95, "refuted", (None, "missed")),
        (60, 99, "higher", None, 95, "confirmed", (None, "kept")),
    ],
)
def test_the_verdict_follows_from_the_parts(before, after, better, gain, limit, verdict, parts):
    found = judge(rounds(before, seed=1), rounds(after, seed=2), better=better, promised_gain=gain, promised_after=limit)
    assert (found.verdict, (found.gain_part, found.limit_part)) == (verdict, parts)


@pytest.mark.parametrize(
    ("limit", "verdict"), [(None, "not testable here"), (150, "not testable here"), (99, "partly"), (50, "not testable here")]
)
def test_rounds_that_differ_too_much_decide_nothing(limit, verdict):
    before, after = dict.fromkeys(range(5), 100.0), dict(enumerate((98.0, 97.0, 60.0, 70.0, 96.0)))
    before[3] = 69.0
    found = judge(before, after, better="lower", promised_gain=1.3, promised_after=limit)
    assert (found.verdict, found.gain_part) == (verdict, "open")


def test_a_promise_of_nothing_allocated_needs_no_ratio():
    found = judge(
        dict.fromkeys(range(5), 1.0), dict.fromkeys(range(5), 0.0), better="lower", promised_gain=None, promised_after=0
    )
    assert (found.verdict, found.gain) == ("confirmed", None)


def test_too_few_common_rounds_give_no_verdict():
    found = judge(rounds(300, n=7), rounds(90, n=4), better="lower", promised_gain=3.0, promised_after=None)
    assert found.verdict == "not testable here"
    assert "4 rounds" in found.reason


def test_identical_code_is_rarely_called_faster():
    """5 rounds: an interval wholly above 1 happens by chance in at most 2^-5 of the cases."""
    wrong = 0
    for seed in range(1000):
        found = judge(
            rounds(100, 0.05, 2 * seed, 5),
            rounds(100, 0.05, 2 * seed + 1, 5),
            better="lower",
            promised_gain=1.0,
            promised_after=None,
        )
        wrong += found.verdict in {"confirmed", "partly"}
    assert wrong < 1000 * 2**-5 + 3 * (1000 * 2**-5) ** 0.5


def a_claim(**changes):
    given = {
        "id": "sum-faster",
        "section": "1.1",
        "promise": "faster sums",
        "reading": "of what",
        "scenario": "smoke/one",
        "before": "plain",
        "after": "fast",
        "metric": "mean",
        "unit": "ns",
        "gain": 2.0,
    }
    return Claim(**(given | changes))


def a_measured_run(**changes):
    measured = [
        a_measurement(
            name, k, elapsed_ns=elapsed_ns, values_ns=range(1, 2001), counters={"bytes": 100.0 if name == "plain" else 40.0}
        )
        for k in range(6)
        for name, elapsed_ns in (("plain", 3_000_000 + k), ("fast", 1_000_000 + k))
    ]
    return a_run(scenarios=[a_scenario_record()], measurements=measured, **changes)


@pytest.mark.parametrize(
    ("changes", "gain"),
    [
        ({}, 3.0),
        ({"metric": "rate", "better": "higher"}, 3.0),
        ({"metric": "counter:bytes", "unit": "bytes"}, 2.5),
        ({"metric": "p50"}, 1.0),
        ({"metric": "p99"}, 1.0),
    ],
)
def test_each_metric_is_read_from_the_run(changes, gain):
    (found,) = judge_run(a_measured_run(), [a_claim(**changes)])
    assert found.judgement.gain.median == pytest.approx(gain, rel=1e-3)
    (row,) = claim_rows([found])
    assert row["verdict"] == ("confirmed" if gain > 2 else "refuted")
    assert msgspec.json.encode(row)
    assert tally([found]).startswith("1 promises: 1 ")


@pytest.mark.parametrize(
    ("claim", "told"),
    [
        (a_claim(scenario="smoke/two"), "tickbench run smoke/two"),
        (a_claim(after="absent"), "was it left out"),
        (a_claim(after="broken"), "broken: wrong: 1 + 1 = 3"),
        (a_claim(after="peer"), "needs peerlib"),
        (a_claim(metric="counter:hardware_misses"), "needs hardware counters"),
        (Claim(id="x", section="1", promise="p", reading="r", not_testable="comes later"), "comes later"),
    ],
)
def test_what_was_not_measured_is_told_with_the_reason(claim, told):
    failure = Failure(scenario="smoke/one", component="sums", variant="broken", round=None, kind="wrong", detail="1 + 1 = 3")
    skipped = Skipped(scenario="smoke/one", component="sums", variant="peer", reason="needs peerlib")
    (found,) = judge_run(a_measured_run(failures=[failure], skipped=[skipped]), [claim])
    assert found.judgement.verdict == "not testable here"
    assert told in found.judgement.reason


def test_a_percentile_with_few_samples_above_it_decides_nothing():
    measured = [a_measurement(name, k, values_ns=range(1, 1001)) for k in range(6) for name in ("plain", "fast")]
    run = a_run(scenarios=[a_scenario_record()], measurements=measured)
    (found,) = judge_run(run, [a_claim(metric="p99.9")])
    assert "p99.9 of 6000 samples decides nothing" in found.judgement.reason


ENTRY = '[[claim]]\nid = "a"\nsection = "1"\npromise = "p"\nreading = "r"\n'
TESTED = 'scenario = "s"\nbefore = "b"\nafter = "c"\nmetric = "p50"\nunit = "ns"\n'


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("claims = 1", "did you mean 'claim'"),
        (ENTRY, "missing"),
        (ENTRY + TESTED, "promises nothing"),
        (ENTRY + TESTED + "gian = 2.0", "did you mean 'gain'"),
        (ENTRY + TESTED + "gain = -1.0", "gain"),
        (ENTRY + TESTED + 'gain = 2.0\nnot_testable = "x"', "keep one of them"),
        (ENTRY + TESTED.replace("p50", "p51") + "gain = 2.0", "none of p10"),
        (2 * (ENTRY + TESTED + "gain = 2.0\n"), "twice"),
        ("[[claim]]\nid = 3", "id"),
        ("[[claim", "TOML"),
    ],
)
def test_an_error_in_the_file_names_the_entry_and_the_key(tmp_path, text, told):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"mine\.toml") as caught:
        read_claims(path)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("number", "unit", "text"),
    [
        (0.2, "ns", "0.20 ns"),
        (5_000, "ns", "5 µs"),
        (1_234_567, "ns", "1.23 ms"),
        (41, "bytes", "41 B"),
        (0, "ns", "0 ns"),
        (368_175_897, "ns/s", "368 ms/s"),
        (3_778_424, "/s", "3.78 M/s"),
        (500_000, "/s", "500,000/s"),
        (70, "%", "70 %"),
    ],
)
def test_quantities_read_well(number, unit, text):
    assert quantity(number, unit) == text


SHIPPED = read_claims(claims_file())


@pytest.mark.parametrize("claim", [one for one in SHIPPED if one.scenario], ids=lambda one: one.id)
def test_a_shipped_claim_names_what_exists(claim):
    from tickbench.components.component import find_component
    from tickbench.measure.catalogue import all_scenarios
    from tickbench.registry import module_names

    scenario = next(one for one in all_scenarios() if one.id == claim.scenario)
    assert scenario.suite == "claims", "the claims suite alone feeds the ledger"
    assert scenario.workload in find_component(scenario.component).workloads
    modules = {name.rpartition(".")[2] for name in module_names(scenario.component)}
    assert {claim.before, claim.after} <= modules
    assert not scenario.variants or {claim.before, claim.after} <= set(scenario.variants)
    assert scenario.rounds >= 5


def test_every_scenario_of_the_claims_suite_serves_a_claim():
    from tickbench.measure.catalogue import all_scenarios

    assert {one.id for one in all_scenarios() if one.suite == "claims"} <= {one.scenario for one in SHIPPED}
