"""A revision of the repository made runnable: its own worktree, its own environment where its locks differ, its own caches.

    <cache>/revisions/<commit>/tree      git worktree, detached
    <cache>/revisions/<commit>/cache     its compiled kernels and decoded feeds
    <cache>/environments/<hash>          a virtual environment for one state of the lock files

The repository is the one around the current folder. If it is tickbench's own, the worktree's tickbench runs; if it is a
user's, the installed tickbench runs, with the worktree's `--impls` modules.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tickbench.errors import InputError, UsageError
from tickbench.kernels.cache import cache_root
from tickbench.measure.observer import Observer
from tickbench.measure.pairing.describe import Question
from tickbench.measure.pairing.sides import Home
from tickbench.measure.scenario import read_toml

_LOCK_FILES = (
    "ci/constraints.txt",
    "constraints*.txt",
    "requirements*.txt",
    "uv.lock",
    "poetry.lock",
    "pdm.lock",
    "Pipfile.lock",
    "pixi.lock",
)
_GIT_TIMEOUT_S, _BUILD_TIMEOUT_S = 120.0, 1800.0
_WORKER = Path("measure") / "pairing" / "worker.py"


@dataclass(frozen=True)
class Checkout:
    """A repository: its root, and whether it is tickbench's own."""

    root: Path

    @property
    def is_tickbench(self) -> bool:
        """Whether the code that is measured is tickbench's own."""
        return (self.root / "toolkit" / "tickbench" / "__init__.py").is_file()


def here() -> Checkout:
    """The repository around the current folder; raises UsageError where there is none."""
    found = _git(Path.cwd(), "rev-parse", "--show-toplevel")
    if found is None:
        raise UsageError("--revision: this folder is not in a git repository (or git is not installed)")
    return Checkout(Path(found))


def work_tree(checkout: Checkout, impls: Sequence[str]) -> Home:
    """The work tree's side."""
    return Home("work tree", environment=_python_path(checkout.root, checkout.is_tickbench), impls=tuple(impls))


def revision(checkout: Checkout, name: str, impls: Sequence[str], observer: Observer) -> Home:
    """A revision's side, built if it is not in the cache; raises UsageError for a name that git does not know."""
    commit = _git(checkout.root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    if commit is None:
        raise UsageError(f"--revision {name}: git knows no such revision in {checkout.root.name} (was it fetched?)")
    folder = cache_root() / "revisions" / commit
    with _locked(folder):
        tree = _worktree(checkout.root, commit, folder / "tree")
        if checkout.is_tickbench and not (tree / "toolkit" / "tickbench" / _WORKER).is_file():
            raise UsageError(f"--revision {name}: its tickbench is older than `compare --revision`: choose a later one")
        python = _environment(checkout, tree, observer)
    inside = [_in_tree(one, checkout.root, tree) for one in impls]
    if not checkout.is_tickbench and not any(moved != one for moved, one in zip(inside, impls, strict=True)):
        raise UsageError("--revision: nothing of this repository would be measured: name a file of it with --impls")
    environment = {**_python_path(tree, checkout.is_tickbench), "TICKBENCH_CACHE_DIR": str(folder / "cache")}
    return Home(f"{name} ({commit[:12]})", python, environment, tree, tuple(inside))


def variants_of(home: Home, components: Sequence[str]) -> dict[str, list[str]]:
    """Variants of components in a home, whose kernels are compiled by this; raises InputError if it can't."""
    question = msgspec.json.encode(Question(list(components), list(home.impls))).decode()
    command = [home.python, "-m", "tickbench.measure.pairing.describe", question]
    environment = {**os.environ, **home.environment}
    done = _run(command, home.folder or Path.cwd(), environment)
    if done.returncode:
        raise InputError(f"{home.name}: cannot list its variants:\n{done.stderr.decode(errors='replace').strip()[-2000:]}")
    return msgspec.json.decode(done.stdout, type=dict[str, list[str]])


def lock_hash(root: Path) -> str:
    """Hash of everything that says which packages a tree wants."""
    digest = hashlib.sha256(sys.version.encode())
    for pattern in _LOCK_FILES:
        for path in sorted(root.glob(pattern)):
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    project = root / "pyproject.toml"
    if project.is_file():
        table = read_toml(project, "the project file").get("project", {})
        wanted = [table.get(key) for key in ("requires-python", "dependencies", "optional-dependencies")]
        digest.update(repr(wanted).encode())
    return digest.hexdigest()[:16]


def _python_path(tree: Path, is_tickbench: bool) -> dict[str, str]:
    folders = [tree / "toolkit"] if is_tickbench else [tree / "src", tree]
    return {"PYTHONPATH": os.pathsep.join([*map(str, folders), *filter(None, [os.environ.get("PYTHONPATH")])])}


def _in_tree(module: str, root: Path, tree: Path) -> str:
    """The same file in the worktree; a dotted name is found there through PYTHONPATH."""
    path = Path(module)
    if path.suffix != ".py":
        return module
    full = path.resolve()
    return str(tree / full.relative_to(root)) if full.is_relative_to(root) else str(full)


def _worktree(root: Path, commit: str, tree: Path) -> Path:
    if tree.is_dir() and _git(tree, "rev-parse", "HEAD") == commit and _git(tree, "status", "--porcelain") == "":
        return tree
    shutil.rmtree(tree, ignore_errors=True)
    _git(root, "worktree", "prune")
    if _git(root, "worktree", "add", "--detach", "--force", str(tree), commit) is None:
        raise InputError(f"git cannot make a worktree of {commit[:12]} in {tree}: is there room on the disk?")
    return tree


def _environment(checkout: Checkout, tree: Path, observer: Observer) -> str:
    """The interpreter for a tree: this one if both want the same packages, else one of a virtual environment of its own."""
    wanted = lock_hash(tree)
    if wanted == lock_hash(checkout.root):
        return sys.executable
    folder = cache_root() / "environments" / wanted
    with _locked(folder.parent):  # revisions with the same locks share it
        return _built(folder, checkout, tree, observer)


def _built(folder: Path, checkout: Checkout, tree: Path, observer: Observer) -> str:
    """The interpreter of an environment with what the tree wants, built if it is not there whole."""
    python, stamp = folder / "bin" / "python", folder / ".complete"
    if stamp.is_file():
        return str(python)
    observer.note("the revision wants other packages: installing them into an environment of their own")
    shutil.rmtree(folder, ignore_errors=True)
    pinned = [f"-c{tree / 'ci' / 'constraints.txt'}"] if (tree / "ci" / "constraints.txt").is_file() else []
    install = [str(python), "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", *pinned]
    if checkout.is_tickbench:
        install += [f"{tree}[peers]"]
    else:
        install += [_running_tickbench()]
        install += [f"-r{path}" for path in sorted(tree.glob("requirements*.txt"))]
        install += [str(tree)] if (tree / "pyproject.toml").is_file() else []
    for command in ([sys.executable, "-m", "venv", str(folder)], install):
        done = _run(command, tree, dict(os.environ))
        if done.returncode:
            told = done.stderr.decode(errors="replace").strip()[-2000:]
            raise InputError(f"cannot build the environment of the revision: {' '.join(command[:4])} …:\n{told}")
    stamp.touch()
    return str(python)


def _running_tickbench() -> str:
    """What pip installs the running tickbench from: its checkout, or the version of an index."""
    import tickbench

    checkout = Path(tickbench.__file__).parents[2]
    return str(checkout) if (checkout / "pyproject.toml").is_file() else f"tickbench=={tickbench.__version__}"


def _run(command: Sequence[str], folder: Path, environment: dict[str, str]) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(
            list(command), cwd=folder, env=environment, capture_output=True, timeout=_BUILD_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"{command[0]}: {error}") from error


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One process at a time builds a revision."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    except OSError as error:
        raise InputError(f"cannot write to the cache folder {folder}: {error.strerror or error}") from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _git(folder: Path, *arguments: str) -> str | None:
    """What git says, stripped; None where it fails or is absent."""
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, timeout=_GIT_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
