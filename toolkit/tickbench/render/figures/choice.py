"""What of a report a figure shows, and finding it; raises UsageError and InputError with the names that there are."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from tickbench.errors import InputError, UsageError
from tickbench.registry import unknown_name
from tickbench.render.figures.style import plain
from tickbench.render.view.model import Report, ScenarioView

Named = TypeVar("Named")
_LISTED = 8


@dataclass(frozen=True)
class Choice:
    """What the user asked for: no `scenario` is the only one that fits, no `variants` are all, `metric` is of the history."""

    scenario: str | None = None
    variants: tuple[str, ...] = ()
    metric: str | None = None
    linear: bool = False
    width_mm: float = 180.0
    machine: str = ""


def choose(kind: str, wanted: str | None, among: Sequence[Named], name: Callable[[Named], str], lacking: str) -> Named:
    """The one with the wanted name, or the only one; `lacking` says why there may be none."""
    if not among:
        raise InputError(lacking)
    names = [name(one) for one in among]
    if wanted is None:
        if len(among) == 1:
            return among[0]
        listed = ", ".join(plain(one) for one in names[:_LISTED]) + (", …" if len(names) > _LISTED else "")
        raise UsageError(f"--kind {kind}: {len(names)} scenarios fit: choose one with --scenario: {listed}")
    for part in (str, _family, lambda one: _family(one).rpartition("/")[2]):
        fits = [one for one in names if part(one) == wanted]
        if len(fits) == 1:
            return among[names.index(fits[0])]
        if fits:
            raise UsageError(
                f"--scenario {wanted}: {len(fits)} fit: choose {' or '.join(repr(plain(one)) for one in fits[:_LISTED])}"
            )
    raise UsageError(f"--scenario: {unknown_name(f'scenario that {kind} can show', wanted, map(plain, names))}")


def _family(name: str) -> str:
    """`full/mutex over writers` is a sweep of `full/mutex`."""
    return name.partition(" over ")[0]


def scenario_with(
    kind: str, report: Report, choice: Choice, fits: Callable[[ScenarioView], bool], lacking: str
) -> ScenarioView:
    """The scenario that the user means, among those that fit."""
    return choose(kind, choice.scenario, [one for one in report.scenarios if fits(one)], lambda one: one.id, lacking)


def only(choice: Choice, items: Iterable[Named], variant: Callable[[Named], str]) -> list[Named]:
    """Those of the chosen variants, all without a choice; raises UsageError for a name that none of them has."""
    among = list(items)
    names = {variant(one) for one in among}
    for wanted in choice.variants:
        if wanted not in names:
            raise UsageError(f"--variant: {unknown_name('variant', wanted, map(plain, names))}")
    return [one for one in among if not choice.variants or variant(one) in choice.variants]
