"""`tickbench export` in every format and `tickbench import` of a log, as a user types them."""

import json
from pathlib import Path

import pytest

from cli.command import tickbench

LOG = Path(__file__).parents[1] / "unit" / "hdrhistogram_java.hlog"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("exports")
    done = tickbench("import", LOG, "-o", "run.json", cwd=made)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return made


def test_an_imported_log_is_compared_and_exported(folder):
    done = tickbench("compare", "run.json", "run.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "no tag" in done.stdout
    assert tickbench("export", "run.json", "--format", "hlog", "-o", "again.hlog", cwd=folder).returncode == 0
    assert tickbench("import", "again.hlog", "-o", "again.json", cwd=folder).returncode == 0
    first, second = (json.loads((folder / name).read_text()) for name in ("run.json", "again.json"))
    assert first["measurements"] == second["measurements"]


@pytest.mark.parametrize(
    ("form", "more", "beginning"),
    [
        ("hlog", (), "#[Logged with tickbench"),
        ("hgrm", ("--variant", "A", "--unit", "us"), "       Value     Percentile TotalCount"),
        ("openmetrics", ("--histogram", "service"), "# TYPE tickbench_run info"),
        ("otlp-json", ("--variant", "A", "--variant", "B_b"), '{"resourceMetrics":'),
        ("pyperf", ("--scenario", "hlog"), '{"benchmarks":'),
        ("speedscope", (), '{"$schema":"https://www.speedscope.app/'),
    ],
)
def test_every_format_goes_to_stdout(folder, form, more, beginning):
    done = tickbench("export", "run.json", "--format", form, *more, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(beginning)
    assert all(line.startswith("tickbench: note: ") for line in done.stderr.splitlines())


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), "--format"),
        (("--format", "hlg"), "'hlog'"),
        (("--format", "hgrm"), "name one by --scenario and --variant"),
        (("--format", "hgrm", "--variant", "A", "--unit", "hours"), "ns, us, ms"),
        (("--format", "hlog", "--unit", "us"), "--unit says nothing to --format hlog"),
        (("--format", "pyperf", "--histogram", "service"), "--histogram says nothing to --format pyperf"),
        (("--format", "hlog", "--histogram", "respnse"), "histogram 'respnse'"),
        (("--format", "hlog", "--scenario", "hlg"), "did you mean 'hlog'"),
        (("--format", "hlog", "--variant", "B"), "variant 'B'"),
        (("--format", "hlog", "-o", "no/such/folder/x"), "cannot write no/such/folder/x"),
    ],
)
def test_a_bad_argument_is_one_line(folder, arguments, named):
    done = tickbench("export", "run.json", *arguments, cwd=folder)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert named in done.stderr


def test_a_damaged_log_is_one_line_with_its_number(folder):
    (folder / "cut.hlog").write_bytes(LOG.read_bytes()[:-30])
    done = tickbench("import", "cut.hlog", "-o", "cut.json", cwd=folder)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "cut.hlog: line 40: " in done.stderr
    assert not (folder / "cut.json").exists()
