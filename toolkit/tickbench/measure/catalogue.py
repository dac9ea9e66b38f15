"""Which scenarios there are, and which of them a name on the command line means.

A name is, in this order: a file of the user's own (ending in .toml), a suite, an id, the last part of an id, a
component. A component, or the beginning of ids, means its scenarios in the default suite where that has some: the quick
ones. `-` and `_` are the same.
"""

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import tickbench
from tickbench.errors import InputError, UsageError
from tickbench.measure.scenario import Scenario, read_scenarios

DEFAULT_SUITE = "smoke"
OWN_SUITE = "own"  # the folder part of the id of a scenario that the user gave as a file


def scenario_folders() -> list[Path]:
    """The folders that hold suites: in the checkout beside toolkit/, in a wheel inside the package."""
    return [folder for base in tickbench.__path__ if (folder := Path(base) / "scenarios").is_dir()]


def beside_scenarios(name: str, option: str) -> Path:
    """The file that ships in the scenarios' folder; raises InputError that names the option for another one."""
    for folder in scenario_folders():
        if (path := folder / name).is_file():
            return path
    raise InputError(f"no {name} lies beside the scenarios: reinstall tickbench, or give {option} FILE")


def all_scenarios(folders: Iterable[Path] | None = None) -> list[Scenario]:
    """Every scenario that ships, sorted by id; raises InputError for the first file that is not right."""
    found = [
        scenario
        for folder in (scenario_folders() if folders is None else folders)
        for path in sorted(folder.glob("*/**/*.toml"))
        for scenario in read_scenarios(path, path.relative_to(folder).with_suffix("").as_posix())
    ]
    return sorted(found, key=lambda one: one.base_id)  # points of a sweep keep their order


def suites(scenarios: Iterable[Scenario]) -> dict[str, list[Scenario]]:
    """Scenarios by suite."""
    grouped: dict[str, list[Scenario]] = {}
    for scenario in scenarios:
        grouped.setdefault(scenario.suite, []).append(scenario)
    return grouped


def select(names: Sequence[str], known: Sequence[Scenario]) -> list[Scenario]:
    """The scenarios that the names mean, each once, in the order given; no name means the default suite."""
    chosen: dict[str, Scenario] = {}
    for name in names or [DEFAULT_SUITE]:
        for scenario in _meant_by(name, known):
            chosen.setdefault(scenario.id, scenario)
    return list(chosen.values())


def _meant_by(name: str, known: Sequence[Scenario]) -> list[Scenario]:
    if name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise UsageError(f"scenario {name}: there is no such file")
        return read_scenarios(path, f"{OWN_SUITE}/{path.stem}")
    wanted = _normal(name)
    for matches in _rules(wanted):
        if found := [one for one in known if matches(one)]:
            return found
    raise UsageError(_unknown(name, known))


def _rules(wanted: str) -> Iterator[Callable[[Scenario], bool]]:
    """From the narrowest meaning of a name to the widest."""
    yield lambda one: _normal(one.suite) == wanted
    yield lambda one: _normal(one.id) == wanted
    yield lambda one: _normal(one.base_id) == wanted
    yield lambda one: _normal(one.short_name) == wanted and one.suite == DEFAULT_SUITE
    yield lambda one: _normal(one.short_name) == wanted
    yield lambda one: _normal(one.component) == wanted and one.suite == DEFAULT_SUITE
    yield lambda one: _normal(one.component) == wanted
    yield lambda one: _starts(one.short_name, wanted) and one.suite == DEFAULT_SUITE
    yield lambda one: _starts(one.short_name, wanted) or _starts(one.id, wanted)


def _starts(text: str, wanted: str) -> bool:
    """Whether `wanted` is the beginning of `text` up to a word's end."""
    normal = _normal(text)
    return normal.startswith((f"{wanted}-", f"{wanted}/"))


def _normal(name: str) -> str:
    return name.replace("_", "-").strip("/")


def _unknown(name: str, known: Sequence[Scenario]) -> str:
    groups = sorted({one.suite for one in known})
    names = sorted({*groups, *(_normal(one.component) for one in known)})
    names += [part for one in known for part in (one.base_id, one.short_name)]
    near = list(dict.fromkeys(difflib.get_close_matches(name, names, n=3)))
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    return (
        f"there is no scenario or suite named {name!r}: {hint}suites are {', '.join(groups) or 'none'}; "
        "`tickbench list scenarios` shows all"
    )


def check_unique(scenarios: Iterable[Scenario]) -> None:
    """Raise InputError where two files have the same id."""
    seen: set[str] = set()
    for scenario in scenarios:
        if scenario.id in seen:
            raise InputError(f"two scenarios have the id {scenario.id}: rename one of the files")
        seen.add(scenario.id)
