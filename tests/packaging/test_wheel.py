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

from patience import STUCK_S

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
    done = subprocess.run(command, capture_output=True, text=True, timeout=STUCK_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(output.glob("*.whl"))


@pytest.fixture(scope="module")
def clean_python(wheel, tmp_path_factory):
    """An interpreter with the wheel installed; its dependencies come from the environment of the tests by a path file."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    command = [python, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--disable-pip-version-check", wheel]
    subprocess.run(command, check=True, timeout=STUCK_S)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (folder / "lib" / version / "site-packages" / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return python


def test_the_wheel_puts_nothing_but_tickbench_into_site_packages(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"tickbench"}
    for wanted in (
        "tickbench/py.typed",
        "tickbench/probe/native/tickbench_probe.h",
        "tickbench/probe/native/tickbench_probe.rs",
        "tickbench/reference_impls/order_book/lockfree_ladder.py",
        "tickbench/scenarios/smoke/order-book-replay.toml",
        "tickbench/reports/README.md",
    ):
        assert wanted in names


@pytest.fixture(scope="module")
def clean_environment(tmp_path_factory):
    """No path into the checkout, and a cache of its own: kernels of a wheel that is deleted again would stay for good."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "NUMBA_CACHE_DIR")}
    return inherited | {"TICKBENCH_CACHE_DIR": str(tmp_path_factory.mktemp("cache"))}


@pytest.fixture
def clean_run(clean_python, clean_environment, tmp_path):
    """Runs a program of the clean environment in an empty folder, and returns what it prints."""

    def run(program, *arguments):
        command = [clean_python.parent / program, *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=clean_environment, capture_output=True, text=True, timeout=STUCK_S, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def test_the_wheel_is_imported_and_not_the_checkout(clean_run, clean_python):
    code = "import tickbench as t, tickbench.reference_impls as r; print(t.__file__, *t.__path__, *r.__path__, sep='\\n')"
    where = clean_run("python", "-c", code).splitlines()
    assert len(where) == 3  # one place each: the path shim of a checkout adds nothing
    assert all(Path(path).is_relative_to(clean_python.parents[1]) for path in where), where


def test_the_wheel_finds_every_variant(clean_run):
    code = """
import json
from tickbench.components.component import component_names
from tickbench.registry import module_names
print(json.dumps({name: [one.rpartition(".")[2] for one in module_names(name)] for name in component_names()}))
"""
    folders = [path.parent for path in (ROOT / "reference_impls").glob("*/__init__.py")]
    in_the_checkout = {one.name: sorted(path.stem for path in one.glob("[a-z]*.py")) for one in folders}
    assert json.loads(clean_run("python", "-c", code)) == in_the_checkout


def test_the_wheel_runs_in_an_empty_folder(clean_run, tmp_path):
    """The component that needs most of the wheel: numba's kernels, sources in C, and a compiler that finds them."""
    clean_run(
        *("tickbench", "run", "smoke/compiler-order-encode", "--rounds", "1", "--seconds", "0.01"),
        *("--variant", "c_o2", "--variant", "numba_o3", "-o", "run.json"),
    )
    measured = {(one["scenario"], one["variant"]) for one in json.loads((tmp_path / "run.json").read_text())["measurements"]}
    assert measured == {("smoke/compiler-order-encode", "c_o2"), ("smoke/compiler-order-encode", "numba_o3")}
