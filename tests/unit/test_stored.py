"""Two stored runs: what is refused, what is said when everything moved, and how often there is a false alarm."""

import dataclasses

import msgspec
import numpy as np
import pytest

from stored_runs import a_stored_run
from tickbench.analysis.stored import Rounds, compare_rounds, moved_together
from tickbench.analysis.verdicts import LIMITS, holm, judge
from tickbench.measure.gate import read_comparison
from tickbench.measure.stored import NotComparableError, compare_runs
from tickbench.render.ci import comparison_document
from tickbench.results.run_file import FeedRecord

QUIET = {"throughput": 0.005}
EIGHT = tuple(f"smoke/s{k}" for k in range(8))


def test_another_machine_is_refused_with_all_differences():
    base, new = a_stored_run(1), a_stored_run(2)
    base.provenance.cpu_model, new.provenance.cpu_model, new.provenance.cpus = "one", "other", 64
    with pytest.raises(NotComparableError, match=r"cpu one → other; number of cpus 2 → 64.*--across-machines"):
        compare_runs(base, new, "a", "b")
    across = compare_runs(base, new, "a", "b", across_machines=True)
    assert across.kind == "across machines"
    assert {one.variant for one in across.findings} == {"other"}  # the reference variant is what ratios are taken to


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"workload": "other"}, "another workload: workload adding → other"),
        ({"parameters": {"n": 2}}, "another workload: parameters.n None → 2"),
        ({"workload_sha256": "b"}, "the sources that issue the operations changed"),
        ({"writers": 4}, "another workload: writers 1 → 4"),
    ],
)
def test_another_workload_is_refused(changes, said):
    with pytest.raises(NotComparableError, match=said):
        compare_runs(a_stored_run(1, workload_sha256="a"), a_stored_run(2, **({"workload_sha256": "a"} | changes)), "a", "b")


def test_another_feed_is_refused():
    base, new = a_stored_run(1, feed="f"), a_stored_run(2, feed="f")
    for run, sha in ((base, "aa"), (new, "bb")):
        run.provenance.feeds = [FeedRecord(spec="f", name="f", sha256=sha, events=1, updates=1)]
    with pytest.raises(NotComparableError, match="another feed: f aa → f bb"):
        compare_runs(base, new, "a", "b")


def test_another_timing_is_refused_for_that_variant_only():
    new = a_stored_run(2)
    new.measurements = [
        msgspec.structs.replace(one, timing="operation") if one.variant == "other" else one for one in new.measurements
    ]
    comparison = compare_runs(a_stored_run(1), new, "a", "b")
    assert comparison.refused == ("smoke/one other: another timing: batch → operation",)
    assert {one.variant for one in comparison.findings} == {"plain"}


def test_what_vanished_and_what_is_new_is_listed():
    base, new = a_stored_run(1, variants=("plain", "old")), a_stored_run(2, variants=("plain", "fresh"))
    comparison = compare_runs(base, new, "a", "b")
    assert (comparison.vanished, comparison.appeared) == (("smoke/one old",), ("smoke/one fresh",))


def test_ten_percent_is_found_where_the_spread_of_the_machine_is_known_and_not_where_it_is_not():
    new = a_stored_run(2, slower={("smoke/one", "plain"): 1.10})
    known = compare_runs(a_stored_run(1), new, "a", "b", shift=QUIET)
    assert [(one.variant, one.verdict) for one in known.of("regression")] == [("plain", "regression")]
    unknown = compare_runs(a_stored_run(1), new, "a", "b")
    assert not unknown.of("regression")
    assert any(note.startswith("smallest slowdown of throughput") for note in unknown.notes)


def test_a_common_shift_is_no_regression_and_a_change_far_beyond_it_is():
    base = a_stored_run(1, scenarios=EIGHT)
    moved = compare_runs(base, a_stored_run(2, scenarios=EIGHT, shift=1.15), "a", "b", shift=QUIET)
    assert not moved.of("regression")
    assert "8 of 8 scenarios moved in one direction" in moved.veto
    new = a_stored_run(2, scenarios=EIGHT, shift=1.05, slower={("smoke/s3", "plain"): 2.0})
    beyond = compare_runs(base, new, "a", "b", shift=QUIET)
    assert beyond.veto is None
    assert [(one.scenario, one.variant) for one in beyond.of("regression")] == [("smoke/s3", "plain")]


def test_scenarios_are_counted_and_not_their_variants():
    one_scenario = [Rounds("s", (1.0, 1.0), (1.2, 1.2))] * 20
    assert moved_together(one_scenario, 0.01) is None
    assert moved_together([Rounds(f"s{k}", (1.0, 1.0), (1.2, 1.2)) for k in range(7)], 0.01) is None  # p = 2 / 2^7 = 1.6 %
    assert moved_together([Rounds(f"s{k}", (1.0, 1.0), (1.2, 1.2)) for k in range(8)], 0.01).moved == 8  # 0.8 %


def test_a_comparison_survives_json(tmp_path):
    comparison = compare_runs(a_stored_run(1), a_stored_run(2), "a", "b")
    endless = dataclasses.replace(
        comparison.findings[0], effect=dataclasses.replace(comparison.findings[0].effect, high=float("inf"))
    )
    comparison = dataclasses.replace(comparison, findings=(endless, *comparison.findings[1:]))
    (tmp_path / "cmp.json").write_text(comparison_document(comparison, "json"))
    assert read_comparison(tmp_path / "cmp.json") == comparison


@pytest.mark.parametrize("shift", [None, 0.01])
def test_identical_code_on_a_calm_machine_is_flagged_in_at_most_one_suite_of_a_hundred(shift):
    """Ten scenarios of two variants, shifts of 0.7 % between runs: 100 suites, seeded, so no chance in it."""
    rng = np.random.default_rng(20261124)
    limits, alarms = LIMITS["throughput"], 0
    for _ in range(100):
        measured = []
        for k in range(10):
            shifts = 0.005 * rng.normal() + 0.005 * rng.normal(size=2)
            measured += [Rounds(f"s{k}", *(np.exp(d * side + 0.01 * rng.normal(size=5)) for side in (0, 1))) for d in shifts]
        effects = compare_rounds(measured, "throughput", [limits.tolerance] * 20, shift)
        kept = holm([one.p_worse for one in effects])
        alarms += any(judge(one, limits).verdict == "regression" and own for one, own in zip(effects, kept, strict=True))
    assert alarms <= 1
