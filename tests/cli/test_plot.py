"""`tickbench plot`: each kind from a run file, and one line for what cannot be drawn."""

import json

import pytest

from cli.command import tickbench
from samples import a_measurement, a_run, a_scenario_record, a_variant_record
from stored_runs import a_stored_run
from tickbench.cli._main import main
from tickbench.results.run_file import save

MAGIC = {".svg": b"<?xml", ".png": b"\x89PNG", ".pdf": b"%PDF"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Two scenarios whose operations were timed one by one, one of them over writers; and a stored run of batches."""
    monkeypatch.chdir(tmp_path)
    ids = ("smoke/one", "smoke/two@writers=1", "smoke/two@writers=2")
    records = [a_scenario_record(id=one, point={"writers": int(one[-1])} if "@" in one else {}) for one in ids]
    measured = [a_measurement(v, k, scenario=one) for one in ids for v in ("plain", "$other_$") for k in range(3)]
    variants = [a_variant_record("plain", reference=True), a_variant_record("$other_$")]
    save(a_run(scenarios=records, variants=variants, measurements=measured), tmp_path / "run.json")
    save(a_stored_run(1), tmp_path / "base.json")
    save(a_stored_run(2, slower={("smoke/one", "plain"): 1.5}), tmp_path / "new.json")
    save(a_run(), tmp_path / "empty.json")
    return tmp_path


def plot(*arguments):
    """The verb in this process: matplotlib is imported once for all tests."""
    return main(["plot", *arguments])


@pytest.mark.parametrize("suffix", MAGIC)
def test_percentiles_of_a_scenario_are_written_in_each_format(folder, suffix):
    assert plot("run.json", "--kind", "percentiles", "--scenario", "one", "--dpi", "50", "-o", f"x{suffix}") == 0
    assert (folder / f"x{suffix}").read_bytes().startswith(MAGIC[suffix])


@pytest.mark.parametrize(
    "arguments",
    [
        ("run.json", "--kind", "waterfall"),
        ("run.json", "--kind", "heatmap", "--scenario", "one"),
        ("run.json", "--kind", "scaling", "--scenario", "two", "--variant", "plain", "--linear"),
        ("new.json", "--kind", "forest", "--baseline", "base.json", "--width-mm", "90"),
    ],
    ids=lambda given: given[2],
)
def test_other_kinds_are_drawn(folder, arguments, capsys):
    assert plot(*arguments, "-o", "x.svg") == 0, capsys.readouterr().err
    assert (folder / "x.svg").read_bytes().startswith(MAGIC[".svg"])


def test_a_comparison_that_was_written_is_drawn(folder):
    assert main(["compare", "base.json", "new.json", "--json", "-o", "cmp.json"]) == 1
    assert plot("new.json", "--kind", "forest", "--comparison", "cmp.json", "-o", "x.svg") == 0


def test_the_history_of_the_runs_machine_class_is_drawn(folder, monkeypatch, capsys):
    monkeypatch.setenv("TICKBENCH_HISTORY", f"sqlite:///{folder / 'history.db'}")
    assert main(["history", "--add", "base.json", "--add", "new.json"]) == 0
    assert plot("new.json", "--kind", "history", "--variant", "plain", "-o", "x.svg") == 0, capsys.readouterr().err
    assert plot("new.json", "--kind", "history", "--metric", "nothing", "-o", "y.svg") == 2
    assert "holds nothing of this run's scenarios" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("run.json", "--kind", "percentile", "-o", "x.svg"), "'percentile': did you mean 'percentiles'?"),
        (("run.json", "--kind", "percentiles", "-o", "x.gif"), "-o x.gif: a figure is written as .svg, .png, .pdf"),
        (("run.json", "--kind", "percentiles", "-o", "no/x.svg"), "there is no folder no"),
        (("run.json", "--kind", "percentiles", "-o", "x.svg"), "3 scenarios fit: choose one with --scenario: smoke/one,"),
        (("run.json", "--kind", "percentiles", "--scenario", "smoke/on", "-o", "x.svg"), "did you mean smoke/one"),
        (
            ("run.json", "--kind", "percentiles", "--scenario", "one", "--variant", "plane", "-o", "x.svg"),
            "did you mean plain?",
        ),
        (("run.json", "--kind", "forest", "-o", "x.svg"), "give --baseline NAME|FILE, or --comparison CMP.json"),
        (("run.json", "--kind", "forest", "--baseline", "a", "--comparison", "b", "-o", "x.svg"), "give one"),
        (("run.json", "--kind", "forest", "--comparison", "run.json", "-o", "x.svg"), "run.json: schema is"),
        (("run.json", "--kind", "waterfall", "--budgets", "none.toml", "-o", "x.svg"), "none.toml"),
        (
            ("run.json", "--kind", "waterfall", "--style", "none.mplstyle", "-o", "x.svg"),
            "style sheet none.mplstyle",
        ),
        (("run.json", "--kind", "waterfall", "--width-mm", "5", "-o", "x.svg"), "--width-mm"),
        (("run.json", "--kind", "waterfall", "--dpi", "5000", "-o", "x.svg"), "--dpi"),
        (("base.json", "--kind", "percentiles", "-o", "x.svg"), "no percentiles of operations"),
        (("base.json", "--kind", "scaling", "-o", "x.svg"), "swept"),
        (("empty.json", "--kind", "heatmap", "-o", "x.svg"), "no values over time"),
        (("none.json", "--kind", "heatmap", "-o", "x.svg"), "none.json"),
    ],
    ids=lambda given: " ".join(given[2:]) if isinstance(given, tuple) else "",
)
def test_what_cannot_be_drawn_is_one_line(folder, arguments, told, capsys):
    assert plot(*arguments) == 2
    error = capsys.readouterr().err
    assert told in error
    assert len(error.splitlines()) == 1
    assert not (folder / "x.svg").exists()


def test_a_foreign_or_broken_run_file_is_one_line(folder):
    (folder / "foreign.json").write_text(json.dumps({"benchmarks": [], "version": "1.0"}))
    (folder / "cut.json").write_text((folder / "run.json").read_text()[:500])
    for name in ("foreign.json", "cut.json"):
        done = tickbench("plot", name, "--kind", "percentiles", "-o", "x.svg", cwd=folder)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert name in done.stderr
