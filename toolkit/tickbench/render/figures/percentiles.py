"""Latency against percentile, on HdrHistogram's axis of nines, with budgets as steps."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from tickbench.render.figures.axes import TimeUnit, label_lines, linear_axis, log_axis, nines_axis, time_unit
from tickbench.render.figures.choice import Choice, only, scenario_with
from tickbench.render.figures.style import GREY, headline, line, new_figure, plain
from tickbench.render.view.model import Curve, LimitLine, Report

_ROLES = {"baseline": " (baseline)", "reference": " (reference)", "driver": " (driver alone)", "variant": ""}


def percentiles(report: Report, choice: Choice) -> Figure:
    """One line a variant; a baseline is dashed in the colour of its variant, and budgets are steps."""
    lacking = "the run holds no scenario whose operations were timed one by one, so it has no percentiles of operations"
    found = scenario_with("percentiles", report, choice, lambda one: bool(one.curves), lacking)
    curves = only(choice, found.curves, lambda one: one.name)
    every = [value for one in curves for value in one.latency_ns] + [one.limit_ns for one in found.limits]
    unit = time_unit(every)
    figure = new_figure(choice.width_mm, choice.width_mm * 0.52)
    axes = figure.subplots()
    lines = _lines(axes, found.curves, curves, unit)
    nines_axis(axes, max(one.nines[-1] for one in curves))
    positive = [one for one in every if one > 0]
    if choice.linear or not positive:
        linear_axis(axes.yaxis)
        axes.set_ylim(0, 1.05 * max(every) / unit.ns)
    else:
        log_axis(axes.yaxis, min(positive), max(positive))
        axes.set_ylim(min(positive) / unit.ns / 1.25, max(positive) / unit.ns * 1.25)
    axes.set_ylabel(f"latency, {unit.name}")
    label_lines(axes, lines, [f"{one.name}{_ROLES[one.role]}" for one in curves])
    _draw_limits(axes, found.limits, unit)
    headline(figure, found.id, found.finding or found.why)
    return figure


def _lines(axes: Axes, every: Sequence[Curve], curves: Sequence[Curve], unit: TimeUnit) -> list[Line2D]:
    own = list(dict.fromkeys(one.name for one in every))  # a variant keeps its colour whichever are chosen
    lines: list[Line2D] = []
    for one in curves:
        look = line(own.index(one.name))
        if one.role == "baseline":
            look |= {"linestyle": (0, (2, 1.5)), "linewidth": 1.0}
        elif one.role == "driver":
            look |= {"color": GREY, "linewidth": 1.0}
        (drawn,) = axes.plot(one.nines, [value / unit.ns for value in one.latency_ns], **look)
        lines.append(drawn)
    return lines


def limit_steps(limits: Sequence[LimitLine]) -> list[tuple[float, float, float, LimitLine]]:
    """Budgets as steps (from nines, to nines, limit in ns, the budget): what holds at p99 holds below it as well."""
    steps, start = [], 1.0
    ordered = sorted(limits, key=lambda one: (_nines(one.p), one.limit_ns))
    for k, one in enumerate(ordered):
        end, lowest = _nines(one.p), min(ordered[k:], key=lambda other: other.limit_ns)
        if end > start:
            steps.append((start, end, lowest.limit_ns, lowest))
            start = end
    return steps


def _nines(p: str) -> float:
    """`99` or `p99` is 100."""
    try:
        share = float(p.removeprefix("p")) / 100
    except ValueError:
        return math.inf
    return 1 / (1 - share) if share < 1 else math.inf


def _draw_limits(axes: Axes, limits: Sequence[LimitLine], unit: TimeUnit) -> None:
    last = axes.get_xlim()[1]
    before: float | None = None
    for start, end, limit_ns, one in limit_steps(limits):
        if start >= last:
            return
        level, to = limit_ns / unit.ns, min(end, last)
        if before is not None:
            axes.plot([start, start], [before, level], color="black", linewidth=1.2, linestyle=(0, (5, 2)))
        axes.plot([start, to], [level, level], color="black", linewidth=1.2, linestyle=(0, (5, 2)))
        text = f"budget: {plain(one.name, 40)}, p{plain(one.p.removeprefix('p'), 8)} ≤ {level:,.4g} {unit.name}"
        axes.annotate(text, (start, level), xytext=(4, 2), textcoords="offset points", fontsize=7, color="black")
        before = level
