"""`tickbench gate`: that it can fail, that a dead gate is loud, and what a build server reads."""

import json
from xml.etree import ElementTree as ET

import msgspec
import pytest

from cli.command import tickbench
from stored_runs import a_stored_run
from tickbench.results.run_file import Failure, load, save

BUDGET = """
[[budget]]
id = "sum"
section = "1"
name = "A sum"
reading = "one addition"
priority = "critical"
scenario = "smoke/one"
variant = "plain"
metric = "mean"
limit = 1.05
unit = "us"
"""
QUIET = ("--shift", "0.5")


def folder(tmp_path, budget=BUDGET, **changes):
    (tmp_path / "mine.toml").write_text(budget)
    save(a_stored_run(1), tmp_path / "base.json")
    save(a_stored_run(2, **changes), tmp_path / "run.json")
    return tmp_path


def gate(cwd, *options):
    return tickbench("gate", "run.json", "--budgets", "mine.toml", *options, cwd=cwd)


def test_within_and_unchanged_passes_and_says_when_regressions_were_not_looked_at(tmp_path):
    done = gate(folder(tmp_path))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "PASSED: run.json"
    assert "regressions were not looked at" in done.stdout
    assert "not looked at" not in gate(tmp_path, "--baseline", "base.json", *QUIET).stdout


def test_an_injected_slowdown_of_ten_percent_fails(tmp_path):
    roomy = BUDGET.replace("1.05", "2")
    done = gate(folder(tmp_path, roomy, slower={("smoke/one", "plain"): 1.10}), "--baseline", "base.json", *QUIET)
    assert done.returncode == 1, done.stdout
    lines = done.stdout.splitlines()
    assert lines[0] == "FAILED: 1 regression"
    assert lines[1].startswith("  regression: smoke/one plain: throughput +")
    assert lines[2].strip() == (
        "again: tickbench run smoke/one --variant plain -o again.json && tickbench compare base.json again.json"
    )


def test_a_stored_comparison_fails_as_well(tmp_path):
    folder(tmp_path, slower={("smoke/one", "other"): 1.10})
    tickbench("compare", "base.json", "run.json", *QUIET, "--json", "-o", "cmp.json", cwd=tmp_path)
    done = gate(tmp_path, "--comparison", "cmp.json")
    assert (done.returncode, done.stdout.splitlines()[0]) == (1, "FAILED: 1 regression")


def test_a_budget_that_is_over_fails_and_an_external_one_does_not(tmp_path):
    folder(tmp_path, BUDGET.replace("1.05", "0.8"))
    done = gate(tmp_path)
    assert done.returncode == 1
    assert done.stdout.splitlines()[0] == "FAILED: 1 budget over"
    assert "A sum (critical): mean 0.99" in done.stdout
    assert "tickbench gate again.json --budgets mine.toml" in done.stdout
    (tmp_path / "mine.toml").write_text(
        BUDGET.replace("1.05", "0.8").replace("critical", "external") + BUDGET.replace("sum", "b")
    )
    done = gate(tmp_path)
    assert (done.returncode, "it fails nothing" in done.stdout) == (0, True)


@pytest.mark.parametrize("wrong", [("smoke/one", "smoke/two"), ('"plain"', '"renamed"')])
def test_a_gate_that_judges_nothing_is_loud(tmp_path, wrong):
    done = gate(folder(tmp_path, BUDGET.replace(*wrong)))
    assert done.returncode == 2
    assert done.stdout.splitlines()[0] == "FAILED: 1 not judged"
    assert "no budget line could be judged at all" in done.stdout


def test_an_empty_run_and_a_missing_baseline_are_loud(tmp_path):
    folder(tmp_path, rounds=0)
    done = gate(tmp_path)
    assert done.returncode == 2
    assert "run.json holds no measurement: tickbench run budgets -o RUN.json" in done.stdout
    done = tickbench("gate", "base.json", "--baseline", "none.json", cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "none.json" in done.stderr


def test_strict_and_few_rounds_invalid_and_wrong_answers(tmp_path):
    folder(tmp_path, BUDGET + BUDGET.replace('"sum"', '"two"').replace("smoke/one", "smoke/two"))
    assert gate(tmp_path).returncode == 0
    done = gate(tmp_path, "--strict")
    assert (done.returncode, done.stdout.splitlines()[0]) == (3, "FAILED: 1 invalid")
    run = a_stored_run(2)
    kind = {"scenario": "smoke/one", "component": "sums", "variant": "bad", "round": None, "detail": "d"}
    for failure, status in (("crashed", 1), ("wrong", 1), ("not_measurable", 0)):
        run.failures = [Failure(kind=failure, **kind)]
        save(run, tmp_path / "run.json")
        assert gate(tmp_path).returncode == status
    run.failures = [Failure(kind="timed_out", **(kind | {"round": 1}))]
    save(run, tmp_path / "run.json")
    assert gate(tmp_path).returncode == 3


def test_a_lost_round_does_not_hide_a_budget(tmp_path):
    both = BUDGET + BUDGET.replace('"sum"', '"two"').replace('"plain"', '"other"')
    folder(tmp_path, both)
    run = a_stored_run(2, slower={("smoke/one", "plain"): 2.0})
    lost = Failure(scenario="smoke/one", component="sums", variant="plain", round=9, kind="crashed", detail="d")
    run.failures = [lost, msgspec.structs.replace(lost, round=8)]
    save(run, tmp_path / "run.json")
    done = gate(tmp_path)
    assert (done.returncode, done.stdout.splitlines()[0]) == (3, "FAILED: 1 invalid")
    assert "smoke/one plain: 2 rounds were lost" in done.stdout
    (tmp_path / "mine.toml").write_text(BUDGET.replace('"plain"', '"other"'))
    assert gate(tmp_path).returncode == 0  # no budget hangs on the lost ones


def test_a_baseline_of_another_machine_hides_no_budget(tmp_path):
    folder(tmp_path, shift=2.0)
    run = load(tmp_path / "run.json")
    run.provenance.cpus = 64
    save(run, tmp_path / "run.json")
    done = gate(tmp_path, "--baseline", "base.json")
    assert (done.returncode, done.stdout.splitlines()[0]) == (1, "FAILED: 1 budget over, 1 not judged")
    assert "different machines: number of cpus 2 → 64" in done.stdout
    (tmp_path / "mine.toml").write_text(BUDGET.replace("1.05", "3"))
    assert gate(tmp_path, "--baseline", "base.json").returncode == 2


def test_an_interrupted_comparison_is_invalid(tmp_path):
    folder(tmp_path)
    comparison = json.loads(tickbench("compare", "base.json", "run.json", *QUIET, "--json", cwd=tmp_path).stdout)
    comparison["facts"]["interrupted"] = True
    (tmp_path / "comparison.json").write_text(json.dumps(comparison))
    done = gate(tmp_path, "--comparison", "comparison.json")
    assert done.returncode == 3
    assert "the comparison was interrupted: measure again" in done.stdout


def test_a_file_that_is_no_comparison_is_one_line(tmp_path):
    folder(tmp_path)
    done = gate(tmp_path, "--comparison", "run.json")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "schema is 'tickbench.run/1', not 'tickbench.comparison/1'" in done.stderr


def test_documents_for_build_servers(tmp_path):
    folder(tmp_path, BUDGET.replace("1.05", "0.8"), slower={("smoke/one", "other"): 1.10})

    def document(form):
        done = gate(tmp_path, "--baseline", "base.json", *QUIET, "--format", form)
        assert done.returncode == 1, done.stderr
        return done.stdout

    suite = ET.fromstring(document("junit")).find("testsuite")
    cases = {case.get("name"): [child.tag for child in case] for case in suite}
    assert cases == {"plain": ["failure"], "other": ["failure"]}
    content = json.loads(document("json"))
    assert (content["schema"], content["passed"], content["exit_status"]) == ("tickbench.gate/1", False, 1)
    assert [one["kind"] for one in content["lines"]] == ["budget", "regression"]
    assert document("markdown").splitlines()[0] == "## FAILED: 1 budget over, 1 regression"
    annotations = document("github").splitlines()
    assert annotations[0].startswith("::error title=budget%3A smoke/one plain::A sum (critical)")
    assert annotations[-1] == "::notice title=tickbench gate::FAILED: 1 budget over, 1 regression"


def test_the_history_tells_since_when(tmp_path, monkeypatch):
    """Three runs, the last two over the budget: the line names the first of these."""
    folder(tmp_path, BUDGET.replace("1.05", "1.2"))
    monkeypatch.setenv("TICKBENCH_HISTORY", f"sqlite:///{tmp_path / 'history.db'}")
    for number, factor in enumerate((1.0, 1.3, 1.3)):
        run = a_stored_run(number, slower={("smoke/one", "plain"): factor})
        run.provenance.started_at = f"2026-01-0{number + 1}T00:00:00Z"
        run.provenance.ended_at, run.provenance.revision = f"2026-01-0{number + 1}T00:01:00Z", f"{number}" * 40
        save(run, tmp_path / "run.json")
        added = tickbench("history", "--add", "run.json", cwd=tmp_path)
        assert added.returncode == 0, added.stderr

    done = tickbench("gate", "run.json", "--budgets", "mine.toml", cwd=tmp_path)

    assert done.returncode == 1
    assert "since 2026-01-02 (revision 111111111), 2 runs in a row" in done.stdout
