"""`tickbench report` for terminals, markdown, JSON and CSV: one set of numbers, whatever the form."""

import csv
import io
import json
import re

from rich.console import Console

from cli.command import tickbench
from samples import a_measurement, a_run, a_scenario_record, a_variant_record
from stored_runs import a_stored_run
from tickbench.cli import _reports
from tickbench.render.report import report_tables
from tickbench.results.run_file import save

HOSTILE = "=cmd|' /C calc'!A0 \x1b[31m<b>"


def report(folder, *options):
    return tickbench("report", "run.json", *options, cwd=folder)


def folder(tmp_path, run=None):
    save(a_stored_run(1), tmp_path / "base.json")
    save(run or a_stored_run(2, slower={("smoke/one", "plain"): 1.3}), tmp_path / "run.json")
    return tmp_path


def texts(view):
    """Every number that a table shows, as it is written."""
    for scenario in view["scenarios"]:
        for row in scenario["rows"]:
            yield from (one["text"] for one in row["percentiles"])
            yield from (row["max_text"], row["operations_per_s_text"], row["ratio_text"])
    for one in view["comparison"]["rows"]:
        yield from (one["base_text"], one["new_text"], one["change_text"])


def test_all_forms_show_the_same_numbers_and_the_status_is_0(tmp_path):
    folder(tmp_path)
    options = ("--baseline", "base.json", "--shift", "0.5")
    table, markdown, document = (report(tmp_path, "--format", form, *options) for form in ("table", "markdown", "json"))
    assert {table.returncode, markdown.returncode, document.returncode} == {0}, table.stderr
    view = json.loads(document.stdout)
    assert view["schema"] == "tickbench.report/1"
    assert view["verdict"]["status"] == "failed"
    plain = markdown.stdout.replace("\\", "")
    shown = list(texts(view))
    assert len(shown) > 10
    for text in shown:
        assert text in table.stdout
        assert text in plain
    for sentence in (view["verdict"]["headline"], view["budgets_summary"], view["scenarios"][0]["finding"]):
        assert sentence in table.stdout
        assert sentence in plain
    assert "\x1b" not in table.stdout


def test_a_narrow_terminal_keeps_the_main_columns_and_no_line_is_longer(tmp_path):
    folder(tmp_path)
    view = _reports.build(str(tmp_path / "run.json"))
    console = Console(file=io.StringIO(), width=60, markup=False, highlight=False)
    for one in report_tables(view):
        console.print(one)
    lines = console.file.getvalue().splitlines()
    assert max(map(len, lines)) <= 60
    assert any("p50" in line and "p99" in line for line in lines)


def test_the_csv_has_units_and_no_formula(tmp_path):
    run = a_run(scenarios=[a_scenario_record()], variants=[a_variant_record(HOSTILE)], measurements=[a_measurement(HOSTILE, 0)])
    folder(tmp_path, run)
    rows = list(csv.DictReader(io.StringIO(report(tmp_path, "--format", "csv").stdout)))
    assert {"value (ns)", "operations (1/s)"} <= rows[0].keys()
    assert [one["percentile"] for one in rows] == ["50", "90", "99", "99.9", "99.99", "max"]
    assert rows[0]["variant"] == "'" + HOSTILE
    for form in ("table", "markdown"):
        done = report(tmp_path, "--format", form)
        assert "\x1b" not in done.stdout
        assert not re.search(r"(?<!\\)<b>", done.stdout) or form == "table"


def test_o_writes_a_file_and_a_table_goes_there_as_markdown(tmp_path):
    folder(tmp_path)
    assert report(tmp_path, "-o", "report.md").returncode == 0
    assert (tmp_path / "report.md").read_text().startswith("# ")
    done = report(tmp_path, "--format", "json", "-o", "missing/report.json")
    assert done.returncode == 2
    assert "cannot write missing/report.json" in done.stderr


def test_bad_input_is_one_line_and_2(tmp_path):
    (tmp_path / "run.json").write_text('{"schema": "tickbench.run/1", "prov')
    save(a_stored_run(1), tmp_path / "base.json")
    for options in ((), ("--baseline", "a", "--comparison", "b"), ("--format", "pdf")):
        done = report(tmp_path, *options)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert "Traceback" not in done.stderr


def test_a_history_is_not_made_by_a_report(tmp_path, monkeypatch):
    folder(tmp_path)
    (tmp_path / "pyproject.toml").touch()  # the project, whatever stands in the folders above
    monkeypatch.delenv("TICKBENCH_HISTORY")
    assert report(tmp_path).returncode == 0
    assert not (tmp_path / ".tickbench").exists()
