"""Baselines: plain copies of run files under a name, in `.tickbench/baselines/NAME.json`.

They are small, stable and meant for the repository: a review shows who moved the bar, and a CI job finds them in its checkout.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from tickbench.errors import InputError, UsageError
from tickbench.registry import unknown_name
from tickbench.results.project import project_folder
from tickbench.results.run_file import Run, load, write_and_rename

_SUFFIX = ".json"
# No separator, nothing hidden, no option, nothing that a shell or a file system reads in another way.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")


def save(name: str, run_file: Path, *, force: bool = False) -> Path:
    """Keep a copy of `run_file` as the baseline `name`; returns the copy's path.

    Raises UsageError for a name that cannot be one or that is taken (unless `force`), InputError for a run that proves nothing.
    """
    path = _path(name)
    _refuse_partial(load(run_file), run_file)
    if path.exists() and not force:
        raise UsageError(f"there is a baseline {name!r} already ({path}): choose another name, or replace it with --force")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_and_rename(run_file.read_bytes(), path)
    except OSError as error:
        raise InputError(f"cannot save the baseline {path}: {error.strerror or error}; {run_file} is untouched") from error
    return path


def _refuse_partial(run: Run, path: Path) -> None:
    facts = run.provenance
    if not run.measurements:
        raise InputError(f"{path}: this run holds no measurement: nothing could be compared with it")
    if facts.interrupted or facts.ended_at is None:
        raise InputError(f"{path}: this run was interrupted, so some of its rounds are missing: run it again, to its end")


def _path(name: str) -> Path:
    if not _NAME.fullmatch(name) or name.endswith(_SUFFIX):
        raise UsageError(
            f"{name!r} cannot name a baseline: letters, digits and . _ + - are allowed, a letter or digit first, "
            f"100 at most, without {_SUFFIX}"
        )
    return _folder() / f"{name}{_SUFFIX}"


def _folder() -> Path:
    return project_folder() / "baselines"


def names() -> list[str]:
    """The names of all baselines of this project, sorted."""
    return sorted(path.stem for path in _folder().glob(f"*{_SUFFIX}") if _NAME.fullmatch(path.stem))


def read_all() -> Iterator[tuple[str, Path, Run | InputError]]:
    """Every baseline with its path and its run, or what is wrong with its file."""
    for name in names():
        path = _path(name)
        try:
            yield name, path, load(path)
        except InputError as error:
            yield name, path, error


def find(name_or_path: str) -> Path:
    """The run file that is meant: a path to a file, else the name of a baseline.

    Raises UsageError with the nearest names when it is neither.
    """
    if (path := Path(name_or_path)).is_file():
        return path
    if path.name != name_or_path or path.suffix == _SUFFIX:
        raise UsageError(f"there is no run file {name_or_path}")
    return named(name_or_path)


def named(name: str) -> Path:
    """The file of a baseline; raises UsageError with the nearest names when there is none."""
    if name not in (known := names()):
        remedy = "tickbench baseline save NAME RUN.json makes one" if not known else "tickbench baseline list"
        raise UsageError(f"{unknown_name('baseline', name, known)} ({remedy})")
    return _path(name)


def remove(name: str) -> Path:
    """Delete a baseline; returns where it was."""
    path = named(name)
    try:
        path.unlink()
    except OSError as error:
        raise InputError(f"cannot remove the baseline {path}: {error.strerror or error}") from error
    return path
