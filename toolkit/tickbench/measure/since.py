"""Since when: what the history tells about a line that fails."""

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from tickbench.errors import TickbenchError
from tickbench.measure.budgets import COUNTER
from tickbench.measure.gate import Gate, Line
from tickbench.results.run_file import Run

if TYPE_CHECKING:
    from tickbench.results.history import History, Point

_REVISION_DIGITS = 9
_HISTORY_METRIC = {"rate": "throughput", "mean": "throughput"}  # budgets' names for what the history calls otherwise
_NS_PER_S = 1_000_000_000


def with_since(gate: Gate, run: Run) -> Gate:
    """The gate with `since` filled in where the history knows; without a history, or a broken one, as it was."""
    from tickbench.results.history import existing_history

    with contextlib.suppress(TickbenchError):
        if gate.lines and (found := existing_history()) is not None:
            with found as history:
                return replace(gate, lines=tuple(_told(one, history, run, gate) for one in gate.lines))
    return gate


def _told(line: Line, history: "History", run: Run, gate: Gate) -> Line:
    if line.kind == "budget":
        return replace(line, since=_over_since(line, history, run, gate))
    if line.kind == "regression" and line.metric:
        return replace(line, since=_changed_since(line, history, run))
    return line


def _series(line: Line, metric: str, history: "History", run: Run) -> "list[Point]":
    from tickbench.measure.history import read_points
    from tickbench.results.history_points import machine_class

    points = read_points(history, line.scenario, line.variant, metric, machine_class(run.provenance))[0]
    return [one for one in points if one.started_at <= run.provenance.started_at]  # a later run says nothing of this one


def _over_since(line: Line, history: "History", run: Run, gate: Gate) -> str:
    """The first of the latest runs that are over without a break."""
    found = next((one for one in gate.budgets if one.verdict == "over" and one.budget.id == line.budget), None)
    if found is None or found.budget.metric is None:
        return ""
    budget = found.budget
    limit, at_most = budget.limit_in_run_units, budget.direction == "at most"
    metric = (budget.metric or "").removeprefix(COUNTER)
    points = _series(line, _HISTORY_METRIC.get(metric, metric), history, run)
    latest = []
    for point in reversed(points):
        value = _NS_PER_S / point.value if metric == "mean" else point.value
        if (value <= limit) if at_most else (value >= limit):
            break
        latest.append(point)
    if not latest:
        return ""
    return f"since {_when(latest[-1])}" + (f", {len(latest)} runs in a row" if len(latest) > 1 else ", the first run over it")


def _changed_since(line: Line, history: "History", run: Run) -> str:
    """The last change point of the series to the worse, if it has one."""
    from tickbench.analysis.trend import change_points

    points = _series(line, line.metric, history, run)
    more_is_worse = line.metric != "throughput"
    worse = [one for one in change_points([p.value for p in points]) if (one.after > one.before) == more_is_worse]
    return f"the series changed at {_when(points[worse[-1].index])}" if worse else ""


def _when(point: "Point") -> str:
    revision = f" (revision {point.revision[:_REVISION_DIGITS]})" if point.revision else ""
    return f"{point.started_at[:10]}{revision}"
