"""All workers of a scenario in the order in which they ran: a drift of the machine shows here."""

import statistics
from collections.abc import Mapping, Sequence

from tickbench.render.summary import Section, cost_ns
from tickbench.render.view.model import OrderPoint, RunOrder
from tickbench.results.run_file import Measurement

_LEAST_POINTS = 6  # of a drift: two a third
_LEAST_DRIFT_PERCENT = 3.0  # what repeated runs of one variant differ by on a shared machine

Places = Mapping[int, int]  # id of a measurement -> its place in the file


def run_order(section: Section, places: Places) -> RunOrder | None:
    """The workers of a scenario in time, without those of the driver alone.

    Without start times they stand in the order of the file, which is that in which they ended.
    """
    measured = [one for row in section.rows for one in row.measured if not row.variant.null]
    if not measured:
        return None
    timed = all(one.started_s is not None for one in measured)

    def when(one: Measurement) -> float:
        return float(places[id(one)]) if not timed or one.started_s is None else one.started_s

    open_loop = section.scenario.open_loop
    ordered = sorted(measured, key=when)
    points = tuple(OrderPoint(when(one), one.round, one.variant, cost_ns(one, open_loop), one.disturbed) for one in ordered)
    drift = _drift_percent(points)
    return RunOrder(points, drift, _finding(points, drift, timed))


def _drift_percent(points: Sequence[OrderPoint]) -> float | None:
    """How far the last third lies from the first, each worker relative to the median of its variant."""
    by_variant: dict[str, list[float]] = {}
    for one in points:
        by_variant.setdefault(one.variant, []).append(one.value_ns)
    medians = {name: statistics.median(values) for name, values in by_variant.items() if len(values) > 1}
    relative = [one.value_ns / medians[one.variant] for one in points if medians.get(one.variant, 0) > 0]
    third = len(relative) // 3
    if len(relative) < _LEAST_POINTS:
        return None
    first, last = statistics.median(relative[:third]), statistics.median(relative[-third:])
    return 100 * (last / first - 1) if first > 0 else None


def _finding(points: Sequence[OrderPoint], drift: float | None, timed: bool) -> str:
    disturbed = sum(one.disturbed for one in points)
    head = f"{len(points)} workers" + (f", {disturbed} of them disturbed" if disturbed else "")
    order = "" if timed else "; in the order of the file, for their start times are not known"
    if drift is None:
        return f"{head}: too few to tell a drift{order}."
    kind = "no drift to speak of" if abs(drift) < _LEAST_DRIFT_PERCENT else "slower towards the end" if drift > 0 else ""
    kind = kind or "faster towards the end"
    return f"{head}: {kind}, {drift:+.1f} % from the first third to the last{order}."
