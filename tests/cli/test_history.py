"""`tickbench history` and `baseline`, and what `run` adds, as a user sees them."""

import json
from pathlib import Path

import pytest

from cli.command import GOOD, SCENARIO, tickbench, tickbench_process
from samples import a_measurement, a_run, a_scenario_record
from tickbench.errors import InputError
from tickbench.results.run_file import save


@pytest.fixture
def project(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.delenv("TICKBENCH_HISTORY")
    return tmp_path


def _stored(folder, values, variant="a"):
    """Run files of one a value, and the options that add them."""
    options = []
    for number, value in enumerate(values):
        run = a_run(
            scenarios=[a_scenario_record()],
            measurements=[a_measurement(variant, k, values_ns=[value]) for k in range(3)],
        )
        run.provenance.started_at = f"2026-01-{1 + number:02}T00:00:00Z"
        run.provenance.revision, run.provenance.clean = f"{number:040x}"[::-1], True
        run.provenance.ended_at = "2026-02-01T00:00:00Z"
        save(run, folder / f"{variant}{number}.json")
        options += ["--add", f"{variant}{number}.json"]
    return options


def test_a_series_is_shown_with_its_change_point(project):
    values = [1000 + k % 3 for k in range(12)] + [1100 + k % 3 for k in range(12)]
    done = tickbench("history", "smoke/one", *_stored(project, values), cwd=project)
    assert done.returncode == 0, done.stderr
    assert "changed from c000000000 (2026-01-13T00:00:00Z) on: 1,001 → 1,101 ns, +10.0%" in done.stdout
    assert "▁" in done.stdout
    assert "█" in done.stdout
    assert (project / ".tickbench" / "history.db").exists()
    told = json.loads(tickbench("history", "smoke/one", "--json", cwd=project).stdout)
    (series,) = told["series"]
    assert told["schema"] == "tickbench.history/1"
    assert len(series["points"]) == 24
    assert [one["index"] for one in series["change_points"]] == [12]
    again = tickbench("history", "--add", "a0.json", cwd=project)
    assert "in the history already" in again.stdout


def test_what_is_unknown_is_answered_with_the_nearest(project):
    tickbench("history", *_stored(project, [1000]), cwd=project)
    for arguments, near in (
        (("smoke/oen",), "smoke/one"),
        (("smoke/one", "--metric", "p5"), "p50"),
        (("smoke/one", "--variant", "b"), "known are a"),
        (("--add", "nowhere.json"), "nowhere.json"),
    ):
        done = tickbench("history", *arguments, cwd=project)
        assert done.returncode == 2
        assert near in done.stderr
        assert "Traceback" not in done.stderr


SHORT = ("run", SCENARIO, *GOOD, "--variant", "plain", "--rounds", 1, "--seconds", 0.01, "-o", "run.json")


def test_a_run_is_remembered(project):
    assert tickbench_process(*SHORT, cwd=project).returncode == 0
    (scenario,) = tickbench("history", cwd=project).stdout.split()
    assert "plain" in tickbench("history", scenario, cwd=project).stdout


@pytest.fixture
def no_workers(monkeypatch):
    """`tickbench run` saves a run that was made up: what happens to the history afterwards is asked, not what is measured."""

    def run(request, path, observer):
        made_up = a_run(scenarios=[a_scenario_record()], measurements=[a_measurement("a", 0)])
        save(made_up, path)
        return made_up

    monkeypatch.setattr("tickbench.measure.runner.run", run)


def test_a_run_is_not_remembered_where_that_is_not_wanted(project, no_workers):
    assert tickbench(*SHORT, "--no-history", cwd=project).returncode == 0
    assert (project / "run.json").exists()
    assert not (project / ".tickbench").exists()


def test_a_run_that_cannot_be_remembered_is_safe_and_says_how_to_add_it(project, no_workers):
    (project / ".tickbench").mkdir()
    (project / ".tickbench" / "history.db").write_bytes(b"damaged" * 1000)
    done = tickbench(*SHORT, cwd=project)
    assert done.returncode == 0
    assert (project / "run.json").exists()
    (line,) = done.stderr.strip().splitlines()[-1:]
    assert "not a database" in line
    assert "tickbench history --add run.json adds it later" in line


def test_a_baseline_is_saved_listed_shown_and_removed(project):
    _stored(project, [1000])
    assert tickbench("baseline", "save", "main", "a0.json", cwd=project).returncode == 0
    (row,) = json.loads(tickbench("baseline", "list", "--json", cwd=project).stdout)["baselines"]
    assert (row["name"], row["measurements"]) == ("main", 3)
    assert "main" in tickbench("baseline", "list", cwd=project).stdout
    assert "smoke/one" in tickbench("baseline", "show", "main", cwd=project).stdout
    wrong = tickbench("baseline", "show", "mian", cwd=project)
    assert wrong.returncode == 2
    assert "did you mean main" in wrong.stderr
    assert tickbench("baseline", "remove", "main", cwd=project).returncode == 0
    assert "no baselines" in tickbench("baseline", "list", cwd=project).stdout


@pytest.mark.parametrize(
    ("raised", "told"), [(KeyboardInterrupt(), "interrupted while"), (InputError("it is full"), "it is full; this run was not")]
)
def test_a_run_outlives_what_happens_to_its_history(monkeypatch, capsys, raised, told):
    from tickbench.cli.run import _remember

    def fail():
        raise raised

    monkeypatch.delenv("TICKBENCH_HISTORY")
    monkeypatch.setattr("tickbench.results.history.open_history", fail)
    _remember(a_run(), Path("my run.json"))
    (line,) = capsys.readouterr().err.splitlines()
    assert told in line
    assert "tickbench history --add 'my run.json'" in line


def test_a_run_without_a_measurement_is_not_left_out_in_silence(project, monkeypatch, capsys):
    from tickbench.cli.run import _remember

    monkeypatch.chdir(project)
    save(a_run(), project / "run.json")
    _remember(a_run(), project / "run.json")
    assert "holds no measurement" in capsys.readouterr().err
