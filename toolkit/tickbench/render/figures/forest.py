"""A comparison as a forest plot: each change with its interval, beside the tolerance within which nobody acts."""

import math
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from tickbench.errors import InputError
from tickbench.render.figures.choice import Choice, only
from tickbench.render.figures.style import FAINT, GREY, headline, new_figure, plain
from tickbench.render.view.model import ComparisonView, EffectRow, Report

_MOST_ROWS = 60  # a page of A4
_ROW_MM = 4.6
# Colour and marker of a verdict: each tells it alone.
_LOOKS = {"regression": ("#D55E00", "^"), "improvement": ("#009E73", "v"), "unchanged": ("#0072B2", "o")}
_OTHER = ("#777777", "D")
_TICKS_BETTER = (-1, -2, -5, -10, -20, -30, -50, -67, -80, -90, -95, -98, -99, -99.9)  # percent
_TICKS_WORSE = (1, 2, 5, 10, 25, 50, 100, 200, 400, 900, 1_900, 4_900, 9_900, 99_900)
_MOST_TICKS = 10
_MOST_BEYOND = 3.0  # an interval is drawn up to this factor beyond the outermost ratio, then an arrow goes on


def forest(report: Report, choice: Choice) -> Figure:
    """Rows in the order of importance, the ratio of costs on a log axis that is labelled in percent."""
    view = report.comparison
    if view is None:
        raise InputError("--kind forest shows a comparison: give --baseline NAME|FILE, or --comparison CMP.json")
    every = [one for one in view.rows if _drawable(one) and choice.scenario in (None, one.scenario)]
    rows = only(choice, every, lambda one: one.variant)[:_MOST_ROWS]
    if not rows:
        raise InputError("the comparison holds nothing that could be compared: no row of it has a ratio")
    figure = new_figure(choice.width_mm, 22 + _ROW_MM * len(rows))
    axes = figure.subplots()
    low, high = _range(rows)
    for place, one in enumerate(rows):
        _row(axes, place, one, low, high)
    axes.axvline(1.0, color="black", linewidth=0.8, zorder=1)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_yticks(range(len(rows)), [_name(one) for one in rows])
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    _ratio_axis(axes, low, high)
    _verdicts(axes, rows)
    headline(figure, f"{plain(view.new)} against {plain(view.base)}", _told(view, len(view.rows) - len(rows)))
    return figure


def _drawable(one: EffectRow) -> bool:
    return one.ratio is not None and math.isfinite(one.ratio) and one.ratio > 0


def _name(one: EffectRow) -> str:
    return f"{plain(one.scenario, 44)}  {plain(one.variant, 26)}  {plain(one.metric, 12)}"


def _told(view: ComparisonView, rest: int) -> str:
    more = f" {rest} rows are not shown." if rest else ""
    return f"{plain(view.summary, 160)}. Bars: intervals; grey bands: the tolerance.{more}"


def _bounds(one: EffectRow) -> tuple[float, float]:
    """The interval, as far as it can be drawn: a bound that is missing, zero or infinite is 20 times away."""
    assert one.ratio is not None
    low = one.low if one.low and math.isfinite(one.low) and one.low > 0 else one.ratio / 20
    high = one.high if one.high and math.isfinite(one.high) else one.ratio * 20
    return low, high


def _range(rows: Sequence[EffectRow]) -> tuple[float, float]:
    """Of the axis: all ratios, and of intervals and tolerances what is not far beyond them."""
    ratios = [1.0, *(one.ratio for one in rows if one.ratio is not None)]
    bounds = [_bounds(one) for one in rows]
    low = min(*ratios, *(one for one, _ in bounds), *(1 / (1 + one.tolerance) for one in rows))
    high = max(*ratios, *(one for _, one in bounds), *(1 + one.tolerance for one in rows))
    low, high = max(low, min(ratios) / _MOST_BEYOND), min(high, max(ratios) * _MOST_BEYOND)
    return low / 1.01, high * 1.01


def _row(axes: Axes, place: int, one: EffectRow, least: float, most: float) -> None:
    colour, marker = _LOOKS.get(one.verdict, _OTHER)
    band = (1 / (1 + one.tolerance), 1 + one.tolerance)
    axes.fill_between(band, place - 0.5, place + 0.5, color=FAINT, linewidth=0, zorder=0)
    if one.low is not None or one.high is not None:
        low, high = _bounds(one)
        ends = (max(low, least), min(high, most))
        axes.plot(ends, (place, place), color=colour, linewidth=1.6, solid_capstyle="butt", zorder=2)
        for end, cut, arrow in ((ends[0], low < least, "<"), (ends[1], high > most, ">")):
            if cut:
                axes.plot(end, place, marker=arrow, color=colour, markersize=4, clip_on=False)
    assert one.ratio is not None
    hollow = one.verdict not in _LOOKS
    face = "white" if hollow else colour
    axes.plot(one.ratio, place, marker=marker, color=colour, markerfacecolor=face, markersize=4.5, zorder=3)
    axes.annotate(
        plain(one.change_text, 40),
        (1, place),
        xycoords=("axes fraction", "data"),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize=7,
        color=colour if one.verdict in ("regression", "improvement") else GREY,
    )


def _ratio_axis(axes: Axes, low: float, high: float) -> None:
    """Log scale of the ratio, ticks in percent."""
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.xaxis.set_major_locator(FixedLocator([1 + one / 100 for one in ratio_ticks(low, high)]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda ratio, _: f"{100 * (ratio - 1):+,.3g}" if abs(ratio - 1) > 1e-9 else "0")
    )
    axes.set_xlabel("change of cost, % (log scale of the ratio; to the right is worse)")


def ratio_ticks(low: float, high: float) -> list[float]:
    """Percents to mark between two ratios: round ones, far enough from each other to be read; 0 always."""
    least = math.log(high / low) / _MOST_TICKS
    kept = [0.0]
    for side in (_TICKS_BETTER, _TICKS_WORSE):
        last = 0.0
        for percent in side:
            place = math.log1p(percent / 100)
            if low <= 1 + percent / 100 <= high and abs(place - last) >= least:
                kept.append(float(percent))
                last = place
    return sorted(kept)


def _verdicts(axes: Axes, rows: Sequence[EffectRow]) -> None:
    """A legend of the verdicts that occur, above the axes."""
    verdicts = list(dict.fromkeys(one.verdict if one.verdict in _LOOKS else "inconclusive" for one in rows))
    handles = []
    for one in verdicts:
        colour, marker = _LOOKS.get(one, _OTHER)
        face = colour if one in _LOOKS else "white"
        handles += axes.plot([], [], marker=marker, color=colour, markerfacecolor=face, markersize=4.5, linewidth=1.6)
    axes.legend(handles, verdicts, loc="lower left", bbox_to_anchor=(0, 1), ncols=len(verdicts), borderaxespad=0.2)
