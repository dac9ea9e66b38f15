"""From what was asked to the subjects of a comparison in pairs."""

from collections.abc import Iterable, Sequence

from tickbench.measure.pairing.pair import QUADS_OF_RUNS
from tickbench.measure.pairing.session import Subject
from tickbench.measure.pairing.side import Side
from tickbench.measure.pairing.sides import Home, variant_side
from tickbench.measure.plan import Entry
from tickbench.measure.runner import SECONDS_FACTOR, START_ALLOWANCE_S
from tickbench.registry import discover


def between_homes(
    entries: Iterable[Entry], base: Home, new: Home, known: dict[str, list[str]]
) -> tuple[list[Subject], list[str]]:
    """A subject for each variant that both homes have, and `scenario variant` of those that only the new one has."""
    subjects, appeared = [], []
    for entry in entries:
        for variant in (one.name for one in entry.variants if not one.null):
            if variant in known.get(entry.scenario.component, []):
                subjects.append(_subject(entry, variant, _side(base, entry, variant), _side(new, entry, variant)))
            else:
                appeared.append(f"{entry.scenario.id} {variant}")
    return subjects, appeared


def between_variants(entries: Iterable[Entry], home: Home, base: str, new: str) -> list[Subject]:
    """A subject a scenario in which both variants take part."""
    return [
        _subject(entry, f"{base}→{new}", variant_side(home, entry, base, base), variant_side(home, entry, new, new))
        for entry in entries
        if {base, new} <= {one.name for one in entry.variants}
    ]


def of_commands(name: str, base: Side, new: Side) -> list[Subject]:
    """Two programs."""
    return [Subject(name, "command", "command", base, new, run_timeout_s=START_ALLOWANCE_S)]


def vanished(entries: Sequence[Entry], known: dict[str, list[str]]) -> list[str]:
    """`scenario variant` of what only the base has, in scenarios that ask for all variants."""
    # All that the work tree has: what a scenario does not ask, as its capabilities do not suffice, has not vanished.
    here = {component: {one.name for one in discover(component)[0]} for component in known}
    return [
        f"{entry.scenario.id} {name}"
        for entry in entries
        for name in known.get(entry.scenario.component, [])
        if not entry.scenario.variants and name not in here[entry.scenario.component]
    ]


def _side(home: Home, entry: Entry, variant: str) -> Side:
    return variant_side(home, entry, variant, f"{variant} of {home.name}")


def _subject(entry: Entry, label: str, base: Side, new: Side) -> Subject:
    scenario = entry.scenario
    return Subject(
        scenario.id,
        scenario.component,
        label,
        base,
        new,
        {str(key): value for key, value in scenario.tolerance.items()},
        {str(key): value for key, value in scenario.target.items()},
        run_timeout_s=START_ALLOWANCE_S + QUADS_OF_RUNS * SECONDS_FACTOR * scenario.seconds,
    )
