"""`tickbench import` and `tickbench export`, with the real pyperf as a reader."""

import subprocess
import sys
from pathlib import Path

import pytest

from cli.command import tickbench
from patience import STUCK_S

SAMPLES = Path(__file__).parents[1] / "unit"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("foreign")
    (made / "pyproject.toml").touch()  # a project of its own, whatever stands in the folders above
    for tool in ("pyperf", "pytest_benchmark"):
        done = tickbench("import", SAMPLES / f"foreign_{tool}.json", "-o", f"{tool}.json", cwd=made)
        assert (done.returncode, done.stderr) == (0, "")
    return made


def test_pyperf_compares_two_exports(folder):
    for name in ("a", "b"):
        done = tickbench("export", "pytest_benchmark.json", "--format", "pyperf", "-o", f"{name}.json", cwd=folder)
        assert (done.returncode, done.stderr) == (0, "")
    command = [sys.executable, "-m", "pyperf", "compare_to", "a.json", "b.json"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=STUCK_S, check=False)
    assert done.returncode == 0, done.stderr
    assert "test_x.py::test_grouped" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_imported_files_compare(folder):
    done = tickbench("compare", "pytest_benchmark.json", "pytest_benchmark.json", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "test_x.py::test_sum[10]" in done.stdout


def test_an_imported_run_is_a_baseline_to_gate_against(folder):
    saved = tickbench("baseline", "save", "theirs", "pyperf.json", cwd=folder)
    assert (saved.returncode, saved.stderr) == (0, "")
    done = tickbench("compare", "theirs", "pyperf.json", cwd=folder)
    assert done.returncode == 0, done.stderr


def test_stdout_and_bad_input(folder):
    assert '"tickbench.run/1"' in tickbench("import", SAMPLES / "foreign_pyperf.json", cwd=folder).stdout
    done = tickbench("import", "none.json", cwd=folder)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    done = tickbench("export", "pyperf.json", "--format", "pypref", cwd=folder)
    assert done.returncode == 2
    assert "pyperf" in done.stderr
