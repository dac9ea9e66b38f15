"""What the documents say: the example works, the links lead somewhere, no path of somebody's machine is in the project."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("[a-z]*/README.md"))


def _tickbench(folder, *arguments):
    command = [sys.executable, "-m", "tickbench", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_the_book_of_contributing_is_verified_and_measured(tmp_path):
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    example = re.search(r"save it as `my_book.py`:\n\n```python\n(.*?)```", text, re.DOTALL)
    assert example
    (tmp_path / "my_book.py").write_text(example.group(1))
    verified = _tickbench(tmp_path, "verify", "order-book", "--impls", "my_book.py", "--variant", "my_book")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    done = _tickbench(
        tmp_path,
        *("run", "smoke/order-book-contention-2x2", "--impls", "my_book.py", "--variant", "my_book"),
        *("--variant", "mutex_hash", "--rounds", "1", "--seconds", "0.02", "-o", "run.json"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    measured = {one["variant"] for one in json.loads((tmp_path / "run.json").read_text())["measurements"]}
    assert measured == {"my_book", "mutex_hash"}


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
