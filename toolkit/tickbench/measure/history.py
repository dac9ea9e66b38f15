"""Series of the history with their change points, and the class of the machine that asks."""

from dataclasses import dataclass

from tickbench.analysis.trend import ChangePoint, change_points
from tickbench.kernels.clock import calibrate
from tickbench.measure import provenance
from tickbench.results.history import History, Point
from tickbench.results.history_points import machine_class


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
