"""Throughput against threads, or any measure against a swept parameter, with the places where the order changes."""

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from tickbench.render.figures.axes import label_lines, linear_axis, log_axis, number, readable
from tickbench.render.figures.choice import Choice, choose, only
from tickbench.render.figures.style import GREY, MARKERS, headline, line, new_figure, plain
from tickbench.render.view.model import Report, Sweep, SweepLine

_NS_PER_S = 1_000_000_000
_THREADS = ("threads", "writers", "readers")
_TIME = "time an operation"
_WIDE = 20.0  # highest over lowest from which a log axis shows more
_MOST_CROSSINGS = 6
_MOST_X_TICKS = 12


def scaling(report: Report, choice: Choice) -> Figure:
    """One line a variant with its intervals; vertical lines mark where two variants change places."""
    lacking = "the run holds no scenario that was swept over threads or a parameter: nothing to draw against"
    sweeps = [one for one in report.sweeps if any(each.x for each in one.lines)]
    found = choose("scaling", choice.scenario, sweeps, lambda one: one.title, lacking)
    measured, found = found, as_throughput(found)
    lines = only(choice, (one for one in found.lines if one.x), lambda one: one.variant)
    unit, scale = readable(found.y_unit, [y for one in lines for y in one.y])
    figure = new_figure(choice.width_mm, choice.width_mm * 0.5)
    axes = figure.subplots()
    drawn = []
    for one in lines:
        index = [each.variant for each in found.lines].index(one.variant)
        y = [value / scale for value in one.y]
        look = line(index) | {"marker": MARKERS[index % len(MARKERS)], "elinewidth": 0.9}
        held = axes.errorbar(one.x, y, yerr=_errors(one, scale), **look)
        held.lines[0].set_linestyle("none")
        x, between = _between(one, inverse=found is not measured)
        drawn += axes.plot(x, [value / scale for value in between], **line(index))
    _scales(axes, found, lines, scale, choice.linear)
    label_lines(axes, drawn, [one.variant for one in lines])
    shown = {one.variant for one in lines}
    _crossings(axes, [one for one in found.crossings if shown >= {one[1], one[2]}])
    axes.set_xlabel(plain(found.x_name))
    axes.set_ylabel(f"{plain(found.y_name)}, {unit}" if unit else plain(found.y_name))
    headline(figure, found.title, found.finding)
    return figure


def as_throughput(sweep: Sweep) -> Sweep:
    """Time an operation over a number of threads, as operations a second; other sweeps as they are."""
    over_threads = sweep.x_name in _THREADS and sweep.y_unit == "ns" and sweep.y_name == _TIME
    if not over_threads or any(bound <= 0 for one in sweep.lines for bound in (*one.y, *one.low, *one.high)):
        return sweep
    lines = tuple(
        replace(one, y=_per_second(one.y), low=_per_second(one.high), high=_per_second(one.low)) for one in sweep.lines
    )
    return replace(sweep, y_name="throughput", y_unit="operations/s", lines=lines)


def _between(one: SweepLine, *, inverse: bool) -> tuple[list[float], list[float]]:
    """The line between the points: straight in what was measured, as the crossings are computed, whatever the axes are."""
    x = np.unique([value for a, b in pairwise(one.x) for value in np.linspace(a, b, 32)] or one.x)
    y = 1 / np.interp(x, one.x, [1 / value for value in one.y]) if inverse else np.interp(x, one.x, one.y)
    return x.tolist(), y.tolist()


def _per_second(times_ns: Sequence[float]) -> tuple[float, ...]:
    return tuple(_NS_PER_S / one for one in times_ns)


def _errors(one: SweepLine, scale: float) -> list[list[float]]:
    """How far the interval reaches below and above each value."""
    below = [max(y - low, 0.0) / scale for y, low in zip(one.y, one.low, strict=True)]
    above = [max(high - y, 0.0) / scale for y, high in zip(one.y, one.high, strict=True)]
    return [below, above]


def _scales(axes: Axes, found: Sweep, lines: Sequence[SweepLine], scale: float, linear: bool) -> None:
    x = sorted({value for one in lines for value in one.x})
    if found.logarithmic and x[0] > 0 and not linear:
        axes.set_xscale("log")
    if len(x) <= _MOST_X_TICKS:
        axes.xaxis.set_major_locator(FixedLocator(x))
        axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(number))
    y = [value / scale for one in lines for value in one.y if value > 0]
    if y and not linear and max(y) > _WIDE * min(y):
        log_axis(axes.yaxis, min(y), max(y))
    else:
        linear_axis(axes.yaxis)
        axes.set_ylim(bottom=0)


def _crossings(axes: Axes, crossings: Sequence[tuple[float, str, str]]) -> None:
    for place, (x, one, other) in enumerate(crossings[:_MOST_CROSSINGS]):
        if not math.isfinite(x):
            continue
        axes.axvline(x, color=GREY, linewidth=0.9, linestyle=(0, (1, 1.5)))
        late = float(axes.transAxes.inverted().transform(axes.transData.transform((x, 1.0)))[0]) > 0.6
        axes.annotate(
            f"{plain(one, 18)} / {plain(other, 18)}: {number(float(f'{x:.3g}'))}",
            (x, 1),
            xycoords=("data", "axes fraction"),
            xytext=(-3 if late else 3, -2 - 8.5 * place),
            textcoords="offset points",
            va="top",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.85},
            ha="right" if late else "left",
            fontsize=7,
            color=GREY,
        )
