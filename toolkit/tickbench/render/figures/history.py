"""A metric over the runs of one machine class, with the places where its level changed."""

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tickbench.errors import InputError
from tickbench.render.figures.axes import label_lines, linear_axis, readable
from tickbench.render.figures.choice import Choice, choose, only
from tickbench.render.figures.style import GREY, MARKERS, colour, headline, line, new_figure, plain
from tickbench.render.view.model import HistorySeries, Report

_MOST_TICKS = 9
_REVISION = 8


def history(report: Report, choice: Choice) -> Figure:
    """One line a variant over the runs; change points are vertical lines in the colour of their variant, with their sizes."""
    every = [one for one in report.history if one.points and choice.metric in (None, one.metric)]
    if not every:
        metrics = sorted({plain(one.metric, 20) for one in report.history})
        hint = f": metrics are {', '.join(metrics)}" if metrics else "; tickbench run adds to it"
        raise InputError(f"the history of this machine class holds nothing of this run's scenarios{hint}")
    scenarios = list(dict.fromkeys(one.scenario for one in every))
    wanted = choose("history", choice.scenario, scenarios, str, "")
    fits = [one for one in every if one.scenario == wanted]
    metric = choice.metric or fits[0].metric
    series = only(choice, [one for one in fits if one.metric == metric], lambda one: one.variant)
    figure = new_figure(choice.width_mm, choice.width_mm * 0.45)
    axes = figure.subplots()
    _draw(axes, series)
    told = " ".join(plain(one.finding, 120) for one in series if one.changes) or "No change point."
    machine = f"Machine class: {plain(choice.machine, 90)}. " if choice.machine else ""
    headline(figure, f"{wanted}: {plain(metric, 30)} over the runs", machine + told)
    return figure


def _draw(axes: Axes, series: list[HistorySeries]) -> None:
    dates = sorted({point.started_at for one in series for point in one.points})
    values = [point.value for one in series for point in one.points]
    unit, scale = readable(series[0].unit, values)
    drawn = []
    heights = 0
    for index, one in enumerate(series):
        x = [dates.index(point.started_at) for point in one.points]
        y = [point.value / scale for point in one.points]
        drawn += axes.plot(x, y, marker=MARKERS[index % len(MARKERS)], markersize=3, **(line(index) | {"linewidth": 1.0}))
        for change, text in one.changes:
            if 0 <= change < len(x):
                _mark(axes, x[change] - 0.5, f"{plain(one.variant, 20)}: {plain(text, 60)}", index, heights)
                heights += 1
    linear_axis(axes.yaxis)
    _value_range(axes, min(values) / scale, max(values) / scale)
    step = max(1, math.ceil(len(dates) / _MOST_TICKS))
    revisions = {point.started_at: point.revision for one in series for point in one.points}
    names = [f"{plain(one, 16)[:10]}\n{plain(revisions[one], _REVISION + 1)[:_REVISION]}" for one in dates[::step]]
    axes.set_xticks(range(0, len(dates), step), names)
    axes.set_xlim(-0.6, len(dates) - 0.4)
    axes.set_xlabel("run: day and revision, the oldest first")
    axes.set_ylabel(f"{plain(series[0].metric, 30)}, {unit}" if unit else plain(series[0].metric, 30))
    label_lines(axes, drawn, [one.variant for one in series])


def _value_range(axes: Axes, low: float, high: float) -> None:
    """Wide enough that noise of a few percent looks small; from 0 where values differ by more than a factor of two."""
    margin = max(0.15 * (high - low), 0.05 * abs(high))
    axes.set_ylim(0 if 0 <= low < high / 2 else low - 1.5 * margin, high + margin)


def _mark(axes: Axes, x: float, text: str, index: int, place: int) -> None:
    axes.axvline(x, color=colour(index), linewidth=1.0, linestyle=(0, (4, 2)))
    late = x > 0.6 * axes.dataLim.x1
    axes.annotate(
        text,
        (x, 0),
        xycoords=("data", "axes fraction"),
        xytext=(-3 if late else 3, 3 + 9 * (place % 6)),
        textcoords="offset points",
        ha="right" if late else "left",
        fontsize=7,
        color=GREY,
    )
