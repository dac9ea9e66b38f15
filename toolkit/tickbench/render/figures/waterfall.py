"""The latency budget as a waterfall: where each stage lies in the total, and what was measured of what it is allowed.

Stages are allowed 5 µs to 2,000 µs. One linear axis hides the small ones, one log axis cannot be added up: so two panels.
"""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from tickbench.errors import InputError
from tickbench.render.figures.axes import linear_axis, log_axis, number
from tickbench.render.figures.choice import Choice
from tickbench.render.figures.style import GREY, headline, new_figure, plain
from tickbench.render.view.model import Report, Stage, Waterfall

_ROW_MM = 6.0
_ALLOWED, _WITHIN, _OVER = "#C9D9E6", "#0072B2", "#D55E00"
_EXTERNAL_HATCH = "////"


def waterfall(report: Report, choice: Choice) -> Figure:
    """Left: the stages one after the other in the total; right: measured against allowed, each on a log axis."""
    view = report.waterfall
    if view is None or not view.stages:
        raise InputError(
            "the budgets name no total with stages, so there is no waterfall: give --budgets FILE with a sum_of line"
        )
    rows = len(view.stages) + (view.unallotted_us > 0)
    figure = new_figure(choice.width_mm, 30 + _ROW_MM * rows)
    total, each = figure.subplots(1, 2, sharey=True, width_ratios=(1, 1.15))
    _totals(total, view)
    _stages(each, view.stages)
    names = [("● " if one.priority == "critical" else "") + plain(one.name, 34) for one in view.stages]
    names += ["not allotted"] * (view.unallotted_us > 0)
    total.set_yticks(range(rows), names)
    for label, one in zip(total.get_yticklabels(), view.stages, strict=False):
        label.set_fontweight("bold" if one.priority == "critical" else "normal")
    total.set_ylim(rows - 0.4, -0.6)
    for axes in (total, each):
        axes.tick_params(axis="y", length=0)
        axes.grid(visible=False, axis="y")
    _legend(figure, view.stages)
    headline(figure, f"{plain(view.total_name)}: {view.total_us:,.6g} µs", view.finding)
    return figure


def _totals(axes: Axes, view: Waterfall) -> None:
    for place, one in enumerate(view.stages):
        hatch = _EXTERNAL_HATCH if one.priority == "external" else None
        axes.barh(
            place,
            one.allowed_us,
            left=one.start_us,
            height=0.7,
            color=_ALLOWED,
            edgecolor="#7F98AB",
            linewidth=0.5,
            hatch=hatch,
        )
        if one.measured_us is not None:
            axes.barh(place, one.measured_us, left=one.start_us, height=0.3, color=_measured_colour(one))
        end = one.start_us + one.allowed_us
        if place + 1 < len(view.stages) or view.unallotted_us > 0:
            axes.plot([end, end], [place - 0.35, place + 1.35], color=GREY, linewidth=0.5)
    if view.unallotted_us > 0:
        start = view.total_us - view.unallotted_us
        axes.barh(
            len(view.stages), view.unallotted_us, left=start, height=0.7, facecolor="white", edgecolor=GREY, linestyle=":"
        )
    axes.axvline(view.total_us, color="black", linewidth=1, linestyle=(0, (5, 2)))
    ends = [one.start_us + max(one.allowed_us, one.measured_us or 0.0) for one in view.stages]
    axes.set_xlim(0, max(view.total_us, *ends) * 1.02)
    linear_axis(axes.xaxis)
    axes.set_xlabel("place in the total, µs")


def _stages(axes: Axes, stages: Sequence[Stage]) -> None:
    values = [value for one in stages for value in (one.allowed_us, one.measured_us, one.before_us) if value]
    low, high = min(values, default=1.0) / 2, max(values, default=1.0)
    log_axis(axes.xaxis, low, high * 200)
    for place, one in enumerate(stages):
        hatch = _EXTERNAL_HATCH if one.priority == "external" else None
        axes.barh(
            place, one.allowed_us - low, left=low, height=0.7, color=_ALLOWED, edgecolor="#7F98AB", linewidth=0.5, hatch=hatch
        )
        if one.before_us is not None:
            axes.plot(one.before_us, place, marker="|", color=GREY, markersize=9, markeredgewidth=1.4)
        if one.measured_us:
            axes.plot([low, one.measured_us], [place, place], color=_measured_colour(one), linewidth=3, solid_capstyle="butt")
            axes.plot(one.measured_us, place, marker="D", color=_measured_colour(one), markersize=4.5)
        axes.annotate(
            _told(one),
            (1, place),
            xycoords=("axes fraction", "data"),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
            color=_OVER if one.verdict == "over" else GREY,
        )
    axes.set_xlim(low, high * 1.3)
    axes.set_xlabel("measured against allowed, µs (log)")


def _measured_colour(one: Stage) -> str:
    return _OVER if one.verdict == "over" else _WITHIN


def _told(one: Stage) -> str:
    if one.measured_us is None:
        return f"of {number(one.allowed_us)} µs: {plain(one.verdict, 16)}"
    over = " over" if one.verdict == "over" else ""
    return f"{number(float(f'{one.measured_us:.3g}'))} of {number(one.allowed_us)} µs{over}"


def _legend(figure: Figure, stages: Sequence[Stage]) -> None:
    handles: list[Patch | Line2D] = [Patch(facecolor=_ALLOWED, edgecolor="#7F98AB", label="allowed")]
    if any(one.priority == "external" for one in stages):
        handles.append(Patch(facecolor=_ALLOWED, edgecolor="#7F98AB", hatch=_EXTERNAL_HATCH, label="external: not ours"))
    if any(one.measured_us and one.verdict != "over" for one in stages):
        handles.append(Line2D([], [], color=_WITHIN, linewidth=3, marker="D", markersize=4.5, label="measured"))
    if any(one.verdict == "over" for one in stages):
        handles.append(Line2D([], [], color=_OVER, linewidth=3, marker="D", markersize=4.5, label="measured, over"))
    if any(one.before_us is not None for one in stages):
        handles.append(Line2D([], [], color=GREY, linewidth=0, marker="|", markersize=9, label="before"))
    if any(one.priority == "critical" for one in stages):
        handles.append(Line2D([], [], color="black", linewidth=0, marker="o", markersize=4.5, label="critical"))
    figure.legend(handles=handles, loc="outside lower left", ncols=len(handles))
