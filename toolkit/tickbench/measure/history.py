"""Series of the history with their change points, and the class of the machine that asks."""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tickbench.analysis.trend import ChangePoint, change_points
from tickbench.errors import TickbenchError
from tickbench.kernels.clock import calibrate
from tickbench.measure import provenance
from tickbench.measure.budgets import COUNTER, BudgetFinding
from tickbench.measure.ledger import Finding
from tickbench.results.history import History, Point, existing_history
from tickbench.results.history_points import METRICS, THROUGHPUT, machine_class
from tickbench.results.run_file import Run

MOST_SERIES = 24  # of a report: what a reader looks at
_LEAST_POINTS = 2
_METRIC = {"rate": THROUGHPUT, "mean": THROUGHPUT}  # budgets' and claims' names for what the history calls otherwise


@dataclass(frozen=True)
class Series:
    """The values of one scenario, variant and metric on one machine class, the oldest first, and where their level changed.

    `left_out` counts values that another workload, input or load gave: those say nothing about these.
    """

    scenario: str
    variant: str
    metric: str
    machine: str
    points: list[Point]
    changes: list[ChangePoint]
    left_out: int


def this_machine() -> str:
    """The machine class of runs made here."""
    return machine_class(provenance.collect((), 0, calibrate(), {}))


def read_series(history: History, scenario: str, variant: str, metric: str, machine: str) -> Series:
    """A series of the workload that was measured last; runs that were interrupted hold whole rounds and count."""
    points, left_out = read_points(history, scenario, variant, metric, machine)
    changes = change_points([one.value for one in points])
    return Series(scenario, variant, metric, machine, points, changes, left_out)


def read_points(history: History, scenario: str, variant: str, metric: str, machine: str) -> tuple[list[Point], int]:
    """The values of the workload that was measured last, and how many of another one are left out."""
    found = history.series(scenario, variant, metric, machine)
    points = [one for one in found if one.asked == found[-1].asked]
    return points, len(found) - len(points)


def series_of_run(run: Run, budgets: Iterable[BudgetFinding], claims: Iterable[Finding]) -> list[Series]:
    """The series that a report of a run shows, at most MOST_SERIES: those of its budgets and claims, then those that changed.

    Without a history, or with one that cannot be used, there are none; a history is never made here.
    """
    machine = machine_class(run.provenance)
    with contextlib.suppress(TickbenchError):
        history = existing_history()
        if history is None:
            return []
        with history:
            named = [*dict.fromkeys(_named(run, budgets, claims))]
            others = [one for one in dict.fromkeys(_others(run)) if one not in named]
            found = [read_series(history, *one, machine) for one in named[:MOST_SERIES]]
            shown = [one for one in found if len(one.points) >= _LEAST_POINTS]
            for one in others:
                if len(shown) >= MOST_SERIES:
                    break
                series = read_series(history, *one, machine)
                shown += [series] if series.changes else []
            return shown
    return []


def _named(run: Run, budgets: Iterable[BudgetFinding], claims: Iterable[Finding]) -> Iterator[tuple[str, str, str]]:
    """Scenario, variant and metric of the budgets and claims that this run measured."""
    measured = {(one.scenario, one.variant) for one in run.measurements}
    asked: list[tuple[str | None, str | None, str | None]] = []
    asked += [(one.budget.scenario, one.variant, one.budget.metric) for one in budgets]
    asked += [(one.claim.scenario, one.claim.after, one.claim.metric) for one in claims]
    for scenario, variant, metric in asked:
        if scenario is None or variant is None or (scenario, variant) not in measured:
            continue
        name = (metric or "").removeprefix(COUNTER)
        name = _METRIC.get(name, name)
        if name in METRICS:
            yield scenario, variant, name


def _others(run: Run) -> Iterator[tuple[str, str, str]]:
    null = {(one.component, one.name) for one in run.variants if one.null}
    for one in run.measurements:
        if (one.component, one.variant) not in null:
            yield one.scenario, one.variant, THROUGHPUT
