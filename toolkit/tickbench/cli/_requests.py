"""From what was typed to scenarios and to the path of the run file."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tickbench.errors import UsageError
from tickbench.measure.catalogue import all_scenarios, check_unique, select
from tickbench.measure.scenario import Scenario
from tickbench.registry import unknown_name

RESULTS_FOLDER = "results"


def find_scenarios(
    scenarios: Sequence[str],
    component: str | None = None,
    feed: str | None = None,
    rounds: int | None = None,
    seconds: float | None = None,
    threads: int | None = None,
    **_others: object,
) -> list[Scenario]:
    """The scenarios that were named, with what the options change in them."""
    only_own = bool(scenarios) and all(name.endswith(".toml") for name in scenarios)
    known = [] if only_own else all_scenarios()
    check_unique(known)
    chosen = select(scenarios, known)
    if component is not None:
        wanted = component.replace("-", "_")
        found = [one for one in chosen if one.component == wanted]
        if not found:
            raise UsageError("among these scenarios: " + unknown_name("component", component, {s.component for s in chosen}))
        chosen = found
    given = {"feed": feed, "rounds": rounds, "seconds": seconds}
    changes = {name: value for name, value in given.items() if value is not None}
    chosen = [msgspec.structs.replace(one, **changes) for one in chosen]
    return chosen if threads is None else _with_threads(chosen, threads)


def _with_threads(scenarios: Sequence[Scenario], writers: int) -> list[Scenario]:
    """`writers` writing threads where a scenario has several threads; a single-threaded one asks something else."""
    if all(one.threads == 1 for one in scenarios):
        raise UsageError("--threads: all of these scenarios are single-threaded; name one that is not")
    return [one if one.threads == 1 else msgspec.structs.replace(one, writers=writers) for one in scenarios]


def output_path(output: str | None, scenarios: Sequence[Scenario]) -> Path:
    """Where the run file goes, checked to be writable; by default a name that is not taken yet."""
    path = Path(output) if output else _new_name(scenarios)
    if path.is_dir():
        raise UsageError(f"-o {path}: this is a folder; name a file in it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder {path.parent}: {error.strerror or error}") from error
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"the folder {path.parent} is not writable: choose another with -o")
    return path


def _new_name(scenarios: Sequence[Scenario]) -> Path:
    time = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    suites = sorted({one.suite.replace("/", "-") for one in scenarios})
    stem = f"{time}-{'-'.join(suites)}"
    path, number = Path(RESULTS_FOLDER) / f"{stem}.json", 1
    while path.exists():
        number += 1
        path = path.with_name(f"{stem}-{number}.json")
    return path
