"""What the documents say: the example works, the links lead somewhere, no path of somebody's machine is in the project."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from patience import STUCK_S

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("[a-z]*/README.md"))


def _tickbench(folder, *arguments):
    command = [sys.executable, "-m", "tickbench", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=STUCK_S, check=False)


def test_the_book_of_contributing_is_verified_and_measured(tmp_path):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    example = re.search(r"save it as `my_book.py`:\n\n```python\n(.*?)```", text, re.DOTALL)
    assert example
    (tmp_path / "my_book.py").write_text(example.group(1))
    done = _tickbench(
        tmp_path,  # a run verifies first, as `tickbench verify` does
        *("run", "smoke/order-book-contention-2x2", "--impls", "my_book.py", "--variant", "my_book"),
        *("--variant", "mutex_hash", "--rounds", "1", "--seconds", "0.02", "-o", "run.json"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    measured = [
        (one["scenario"], one["variant"], one["verified"])
        for one in json.loads((tmp_path / "run.json").read_text())["measurements"]
    ]
    assert sorted(measured) == [("smoke/order-book-contention-2x2", name, True) for name in ("mutex_hash", "my_book")]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_to_files(document):
    for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target


@pytest.mark.parametrize("folder", ["reference_impls", "scenarios", "reports", "ci"])
def test_folder_guides_are_short(folder):
    assert len((ROOT / folder / "README.md").read_text(encoding="utf-8").splitlines()) <= 30


def test_every_command_of_the_readme_exists():
    verbs = set(re.findall(r"^tickbench ([a-z]+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert verbs
    for verb in verbs:
        assert (ROOT / "toolkit/tickbench/cli" / f"{verb}.py").is_file(), verb


def _project_files():
    """What is in the repository or would be with the next commit."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=STUCK_S, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs git and a checkout to tell the project's files from others")
    return [path for name in listed.splitlines() if (path := ROOT / name).is_file()]


# A path below somebody's home or work folder; a letter, digit or dot before it makes it a part of something longer.
MACHINE_PATH = re.compile(rb"(?<![\w.])/(?:home|root|Users|work|workspace)/\w[^\s'\"`)]*")


def test_no_file_names_a_path_of_one_machine():
    files = _project_files()
    assert ROOT / "pyproject.toml" in files
    found = {str(path.relative_to(ROOT)): match[0] for path in files if (match := MACHINE_PATH.search(path.read_bytes()))}
    assert not found


@pytest.mark.parametrize(("text", "is_one"), [(b"cd /%s/ann/x", True), (b'"/%s/ann"', True), (b"https://a.io/%s/b", False)])
@pytest.mark.parametrize("folder", [b"home", b"root", b"Users"])
def test_the_search_for_machine_paths_finds_them(text, is_one, folder):
    assert bool(MACHINE_PATH.search(text % folder)) == is_one
