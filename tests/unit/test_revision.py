"""Making a revision runnable: its worktree, its environment, its files; on small repositories, without measuring."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tickbench.errors import UsageError
from tickbench.measure.observer import Silent
from tickbench.measure.pairing import revision, subjects

FAKE = Path(__file__).parents[1] / "cli" / "fake"


def git(folder, *arguments):
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A user's repository with variants in good.py; its first revision is `HEAD`, the work tree has a variant more."""
    monkeypatch.setenv("TICKBENCH_CACHE_DIR", str(tmp_path / "cache"))
    root = tmp_path / "engine"
    shutil.copytree(FAKE / "components", root / "components")
    shutil.copy(FAKE / "good.py", root)
    (root / "requirements.txt").write_text("numpy\n")
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "before")
    with (root / "good.py").open("a") as file:
        file.write(
            "\n\n@variant('sums', runtime='python', example_of='new')\ndef fresh(config):\n    return lambda a, b: a + b\n"
        )
    monkeypatch.chdir(root)
    return root


def test_a_revision_runs_its_own_files_in_a_worktree_of_its_own(repository):
    home = revision.revision(revision.here(), "HEAD", ["good.py"], Silent())

    assert home.python == sys.executable  # both want the same packages
    (file,) = home.impls
    assert "fresh" not in Path(file).read_text()
    assert "fresh" in Path("good.py").read_text()
    assert Path(home.environment["TICKBENCH_CACHE_DIR"]).parent == home.folder.parent
    again = revision.revision(revision.here(), "HEAD", ["good.py"], Silent())
    assert again == home  # from the cache


def test_a_worktree_that_somebody_changed_is_made_anew(repository):
    home = revision.revision(revision.here(), "HEAD", ["good.py"], Silent())
    (home.folder / "good.py").write_text("raise SystemExit")

    revision.revision(revision.here(), "HEAD", ["good.py"], Silent())

    assert "SystemExit" not in (home.folder / "good.py").read_text()


def test_a_change_of_the_locks_is_noticed(repository):
    before = revision.lock_hash(repository)
    (repository / "good.py").write_text("")
    assert revision.lock_hash(repository) == before
    (repository / "requirements.txt").write_text("numpy==2.2\n")
    assert revision.lock_hash(repository) != before
    (repository / "requirements.txt").write_text("numpy\n")
    (repository / "pyproject.toml").write_text("[tool.ruff]\nline-length = 100\n")
    style = revision.lock_hash(repository)
    (repository / "pyproject.toml").write_text("[project]\ndependencies = ['numpy']\n")
    assert revision.lock_hash(repository) != style


@pytest.mark.parametrize(("name", "impls", "told"), [("v99", ["good.py"], "git knows no such"), ("HEAD", [], "--impls")])
def test_what_cannot_be_compared_is_told(repository, name, impls, told):
    with pytest.raises(UsageError, match=told):
        revision.revision(revision.here(), name, impls, Silent())


def test_a_tickbench_without_the_protocol_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("TICKBENCH_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "old" / "toolkit" / "tickbench").mkdir(parents=True)
    (tmp_path / "old" / "toolkit" / "tickbench" / "__init__.py").write_text("")
    git(tmp_path / "old", "init", "-q")
    git(tmp_path / "old", "add", "-A")
    git(tmp_path / "old", "commit", "-qm", "old")
    monkeypatch.chdir(tmp_path / "old")

    with pytest.raises(UsageError, match="older than"):
        revision.revision(revision.here(), "HEAD", [], Silent())


def test_outside_a_repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="not in a git repository"):
        revision.here()


def test_variants_that_one_side_lacks_are_listed():
    from types import SimpleNamespace

    from tickbench.measure.pairing.sides import Home

    scenario = SimpleNamespace(
        id="own/adding", component="sums", workload="adding", writers=1, readers=0, seconds=0.1, load=None,
        response_budget_us=3000.0, tolerance={}, target={}, variants=[],
    )  # fmt: skip  # grouped by kind
    variants = [SimpleNamespace(name="plain", null=False), SimpleNamespace(name="fresh", null=False)]
    entry = SimpleNamespace(scenario=scenario, variants=variants, parameters={}, feed=None)

    found, appeared = subjects.between_homes([entry], Home("HEAD"), Home("work tree"), {"sums": ["plain", "gone"]})

    assert [one.variant for one in found] == ["plain"]
    assert appeared == ["own/adding fresh"]
    assert found[0].base.command != found[0].new.command or found[0].base.name != found[0].new.name
