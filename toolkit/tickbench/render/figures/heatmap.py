"""Latency over time: how many operations took how long, in each slice of time of each round."""

from collections.abc import Sequence
from itertools import accumulate, groupby

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import FuncFormatter, LogLocator

from tickbench.render.figures.axes import TimeUnit, linear_axis, log_axis, number, time_unit
from tickbench.render.figures.choice import Choice, only, scenario_with
from tickbench.render.figures.style import GREY, headline, new_figure, plain
from tickbench.render.view.model import HeatColumn, Heatmap, Report

FloatArray = npt.NDArray[np.float64]
_GAP = 0.03  # between rounds, as a share of all of them
_MOST_PANELS = 4  # without --variant


def heatmap(report: Report, choice: Choice) -> Figure:
    """A panel a variant, rounds side by side with gaps between them, median and p99 as lines."""
    lacking = "the run holds no values over time: it is from before they were kept, or nothing was timed by the operation"
    found = scenario_with("heatmap", report, choice, lambda one: any(map(_drawable, one.heatmaps)), lacking)
    maps = only(choice, filter(_drawable, found.heatmaps), lambda one: one.variant)
    shown = maps if choice.variants else maps[:_MOST_PANELS]
    figure = new_figure(choice.width_mm, (0.12 + 0.26 * len(shown) + (0.08 if len(shown) == 1 else 0)) * choice.width_mm)
    panels = figure.subplots(len(shown), 1, squeeze=False)[:, 0]
    most = max(count for one in shown for column in one.columns for count in column.counts)
    norm = LogNorm(1, max(most, 2))
    unit = time_unit([edge for one in shown for edge in _range_ns(one)])
    for axes, one in zip(panels, shown, strict=True):
        mesh = _panel(axes, one, unit, norm, choice.linear)
    bar = figure.colorbar(mesh, ax=list(panels), pad=0.015, fraction=0.04, aspect=30)
    bar.set_label("operations in a cell")
    bar.locator = LogLocator(numticks=8)
    bar.formatter = FuncFormatter(number)
    bar.update_ticks()
    bar.ax.minorticks_off()
    panels[-1].set_xlabel("time within each round, s")
    rest = "" if len(shown) == len(maps) else f"{len(maps) - len(shown)} more variants: choose with --variant. "
    headline(
        figure,
        f"{found.id}: latency over time",
        f"{rest}Lines: median, and above it p99, dashed. White cells hold no operation.",
    )
    return figure


def _drawable(one: Heatmap) -> bool:
    return any(sum(column.counts) for column in one.columns) and len(one.edges_ns) > 1


def _range_ns(one: Heatmap) -> tuple[float, float]:
    """Lowest and highest edge of a row that holds something."""
    rows = np.array([column.counts for column in one.columns]).sum(axis=0).nonzero()[0]
    low, high = one.edges_ns[rows[0]], one.edges_ns[rows[-1] + 1]
    return max(low, min(edge for edge in one.edges_ns if edge > 0)), high


def _panel(axes: Axes, one: Heatmap, unit: TimeUnit, norm: LogNorm, linear: bool) -> QuadMesh:
    rounds = [list(group) for _, group in groupby(sorted(one.columns, key=lambda c: (c.round, c.start_s)), lambda c: c.round)]
    lengths = [columns[-1].end_s - columns[0].start_s for columns in rounds]
    gap = _GAP * sum(lengths)
    low, high = (edge / unit.ns for edge in _range_ns(one))
    edges = np.array(one.edges_ns) / unit.ns
    if linear:
        linear_axis(axes.yaxis)
    else:
        edges = np.maximum(edges, low / 10)
        log_axis(axes.yaxis, low, high)
    starts = [0.0, *accumulate(length + gap for length in lengths)]
    for columns, start, length in zip(rounds, starts, lengths, strict=False):
        mesh = _round(axes, columns, start - columns[0].start_s, edges, unit, norm)
        axes.axvspan(start + length, start + length + gap, color="#EEEEEE", linewidth=0)
        axes.annotate(
            f"round {columns[0].round + 1}, from {number(round(columns[0].start_s, 2))} s",
            (start, 1),
            xycoords=("data", "axes fraction"),
            xytext=(0, 2),
            textcoords="offset points",
            fontsize=7,
            color=GREY,
            annotation_clip=False,
        ).set_visible(len(rounds) * 30 <= axes.get_figure().get_figwidth() * 25.4)  # type: ignore[union-attr]
    axes.set_xlim(0, starts[-1] - gap)
    axes.set_ylim(0 if linear else low, high)
    _time_ticks(axes, starts, lengths)
    axes.grid(visible=False)
    axes.set_ylabel(f"latency, {unit.name}")
    axes.set_title(plain(one.variant), pad=12, fontweight="bold")
    return mesh


def _round(
    axes: Axes, columns: Sequence[HeatColumn], shift: float, edges: FloatArray, unit: TimeUnit, norm: LogNorm
) -> QuadMesh:
    times = np.array([columns[0].start_s, *(column.end_s for column in columns)]) + shift
    counts = np.array([column.counts for column in columns], float).T
    mesh = axes.pcolormesh(
        times, edges, np.where(counts > 0, counts, np.nan), norm=norm, cmap=mpl.rcParams["image.cmap"], rasterized=True
    )
    for values_ns, style in (([one.p50_ns for one in columns], "-"), ([one.p99_ns for one in columns], (0, (1.5, 1)))):
        outline = [Stroke(linewidth=2.4, foreground="black"), Normal()]
        axes.stairs(
            [one / unit.ns for one in values_ns],
            times,
            baseline=None,
            color="white",
            linewidth=1.1,
            linestyle=style,
            path_effects=outline,
        )
    return mesh


def _time_ticks(axes: Axes, starts: Sequence[float], lengths: Sequence[float]) -> None:
    """Ticks at the beginning and the end of each round; of many short rounds, at their beginnings only."""
    places: list[float] = []
    names: list[str] = []
    for start, length in zip(starts, lengths, strict=False):
        marks = (0.0, length / 2, length) if len(lengths) <= 3 else (0.0, length) if len(lengths) <= 6 else (length,)
        places += [start + mark for mark in marks]
        names += [number(float(f"{mark:.2g}")) for mark in marks]
    axes.set_xticks(places, names)
    for label, name in zip(axes.get_xticklabels(), names, strict=True):
        label.set_horizontalalignment("left" if name == "0" else "right")
