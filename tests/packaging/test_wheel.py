"""The wheel: nothing but `tickbench` in it, and it runs outside the checkout."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("toolkit", "reference_impls", "scenarios", "reports", "pyproject.toml", "README.md")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """A wheel built from a copy of the tree, so that the checkout stays as it is."""
    source = tmp_path_factory.mktemp("source")
    for name in PARTS:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, source / name)
    output = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(output), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(output.glob("*.whl"))


@pytest.fixture(scope="module")
def clean_python(wheel, tmp_path_factory):
    """An interpreter with the wheel installed; its dependencies come from the environment of the tests by a path file."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    command = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", wheel]
    subprocess.run(command, check=True, timeout=120)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (folder / "lib" / version / "site-packages" / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return python


def test_the_wheel_puts_nothing_but_tickbench_into_site_packages(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"tickbench"}
    for wanted in (
        "tickbench/py.typed",
        "tickbench/reference_impls/order_book/lockfree_ladder.py",
        "tickbench/scenarios/smoke/order-book-replay.toml",
        "tickbench/reports/README.md",
    ):
        assert wanted in names


def test_the_wheel_runs_the_smoke_suite_in_an_empty_folder(clean_python, tmp_path):
    def clean(*arguments):
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(
            [clean_python, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=200, check=False
        )

    where = clean("-c", "import tickbench, tickbench.reference_impls as r; print(tickbench.__file__, r.__path__[0])")
    assert all(str(clean_python.parents[1]) in path for path in where.stdout.split()), where
    done = clean(
        *("-m", "tickbench", "run", "smoke", "--rounds", "1", "--seconds", "0.01"),
        *("--variant", "mutex_hash", "--variant", "seqlock_ladder", "--variant", "lockfree_ladder", "-o", "run.json"),
    )
    assert done.returncode == 0, done.stderr
    measured = {(one["scenario"], one["variant"]) for one in json.loads((tmp_path / "run.json").read_text())["measurements"]}
    assert ("smoke/order-book-replay", "seqlock_ladder") in measured
    assert ("smoke/order-book-contention-2x2", "lockfree_ladder") in measured
