"""Cost over a swept parameter or a number of threads, and where two variants change places."""

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tickbench.analysis.ratios import median_interval
from tickbench.render.numbers import quantity
from tickbench.render.summary import RATIO_PERCENTILE, cost_ns
from tickbench.render.tables import three_digits
from tickbench.render.view.memory import RESIDENT
from tickbench.render.view.model import Sweep, SweepLine
from tickbench.results.run_file import Measurement, Run, ScenarioRecord

_THREADS = "threads"
_LEAST_DECADES = 0.7  # from a span of five times on an axis is logarithmic
_SHOWN_CROSSINGS = 3


@dataclass(frozen=True)
class _Group:
    """Scenarios that differ in one number only."""

    title: str
    x_name: str
    open_loop: bool
    points: tuple[tuple[float, ScenarioRecord], ...]


def sweeps_of(run: Run) -> tuple[Sweep, ...]:
    """A chart for every swept number, and for workloads that were run with several numbers of threads."""
    null = {(one.component, one.name) for one in run.variants if one.null}
    measured: dict[str, dict[str, list[Measurement]]] = {}
    for one in run.measurements:
        if (one.component, one.variant) not in null and RESIDENT not in one.counters:  # of memory the size counts, not the time
            measured.setdefault(one.scenario, {}).setdefault(one.variant, []).append(one)
    found = (_sweep(one, f"sweep-{index}", measured) for index, one in enumerate(_groups(run.scenarios)))
    return tuple(one for one in found if one is not None)


def _groups(scenarios: Sequence[ScenarioRecord]) -> list[_Group]:
    groups: dict[tuple[str, ...], dict[float, ScenarioRecord]] = {}
    names: dict[tuple[str, ...], str] = {}
    for one in scenarios:
        for key, name, x in _places(one):
            groups.setdefault(key, {}).setdefault(x, one)
            names[key] = name
    found = []
    for key, points in groups.items():
        if len(points) > 1:
            ordered = tuple(sorted(points.items()))
            found.append(_Group(_title(key, names[key]), names[key], ordered[0][1].open_loop, ordered))
    return found


def _places(one: ScenarioRecord) -> Iterable[tuple[tuple[str, ...], str, float]]:
    """The groups that a scenario is a point of: key, name of the axis, place on it."""
    family = one.id.partition("@")[0]
    for name, value in one.point.items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            others = tuple(f"{key}={other}" for key, other in sorted(one.point.items()) if key != name)
            yield (family, name, *others), name, float(value)
    if not one.point:
        asked = repr((one.suite, one.component, one.workload, one.parameters, one.load, one.feed))
        yield (f"{one.suite}/{one.component} {one.workload}", _THREADS, asked), _THREADS, float(one.writers + one.readers)


def _title(key: tuple[str, ...], name: str) -> str:
    others = f" ({', '.join(key[2:])})" if name != _THREADS and len(key) > 2 else ""
    return f"{key[0]} over {name.replace('_', ' ')}{others}"


def _sweep(group: _Group, anchor: str, measured: Mapping[str, Mapping[str, list[Measurement]]]) -> Sweep | None:
    values: dict[str, list[tuple[float, float, float, float]]] = {}
    for x, scenario in group.points:
        for variant, found in measured.get(scenario.id, {}).items():
            cost = median_interval(cost_ns(one, group.open_loop) for one in found)
            values.setdefault(variant, []).append((x, cost.median, cost.low, cost.high))
    lines = tuple(SweepLine(name, *zip(*points, strict=True)) for name, points in values.items() if len(points) > 1)
    if not lines:
        return None
    crossings = _crossings(lines)
    xs = [x for x, _ in group.points]
    y_name = f"p{RATIO_PERCENTILE} of the response" if group.open_loop else "time an operation"
    return Sweep(
        title=group.title,
        anchor=anchor,
        x_name=group.x_name.replace("_", " "),
        y_name=y_name,
        y_unit="ns",
        logarithmic=min(xs) > 0 and math.log10(max(xs) / min(xs)) >= _LEAST_DECADES,
        lines=lines,
        crossings=crossings,
        finding=_finding(group, lines, crossings),
    )


def _crossings(lines: Sequence[SweepLine]) -> tuple[tuple[float, str, str], ...]:
    """Where the order of two variants changes: on the straight line between two points that both have; the left one first."""
    found = []
    for one, other in itertools.combinations(lines, 2):
        a, b = dict(zip(one.x, one.y, strict=True)), dict(zip(other.x, other.y, strict=True))
        common = sorted(a.keys() & b.keys())
        for x0, x1 in itertools.pairwise(common):
            before, after = a[x0] - b[x0], a[x1] - b[x1]
            if before * after < 0:
                cheaper_first = (one.variant, other.variant) if before < 0 else (other.variant, one.variant)
                found.append((x0 + (x1 - x0) * before / (before - after), *cheaper_first))
    return tuple(sorted(found))


def _finding(group: _Group, lines: Sequence[SweepLine], crossings: Sequence[tuple[float, str, str]]) -> str:
    xs = sorted({x for line in lines for x in line.x})
    first, last = (_cheapest(lines, x) for x in (xs[0], xs[-1]))
    name = group.x_name.replace("_", " ")
    text = f"Of {len(lines)} variants {first} at {three_digits(xs[0])} {name}, {last} at {three_digits(xs[-1])}"
    if not crossings:
        return f"{text}; no two change places."
    shown = [f"{after} overtakes {before} near {three_digits(x)}" for x, before, after in crossings[:_SHOWN_CROSSINGS]]
    more = f" and {len(crossings) - len(shown)} more" if len(crossings) > len(shown) else ""
    return f"{text}; {'; '.join(shown)}{more}."


def _cheapest(lines: Iterable[SweepLine], x: float) -> str:
    cost, variant = min((line.y[line.x.index(x)], line.variant) for line in lines if x in line.x)
    return f"{variant} takes least, {quantity(cost, 'ns')},"
