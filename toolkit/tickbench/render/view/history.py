"""Series of the history."""

from collections.abc import Iterable

from tickbench.measure.history import Series
from tickbench.render.history import change_text, revision_text
from tickbench.render.numbers import quantity
from tickbench.render.view.model import HistoryPoint, HistorySeries
from tickbench.results.history_points import unit_of


def history_series(series: Iterable[Series]) -> tuple[HistorySeries, ...]:
    """Each series with its change points."""
    return tuple(_series(one) for one in series if one.points)


def _series(series: Series) -> HistorySeries:
    unit = unit_of(series.metric)
    points = tuple(
        HistoryPoint(one.started_at, revision_text(series, index), one.value, quantity(one.value, unit))
        for index, one in enumerate(series.points)
    )
    changes = tuple((one.index, change_text(series, one)) for one in series.changes)
    what = f"{series.metric} of {series.variant} in {series.scenario}"
    if changes:
        finding = f"{what} over {len(points)} runs {changes[-1][1]}."
    else:
        finding = f"{what} over {len(points)} runs: no change of level, last {points[-1].text}."
    return HistorySeries(series.scenario, series.variant, series.metric, unit, points, changes, series.left_out, finding)
