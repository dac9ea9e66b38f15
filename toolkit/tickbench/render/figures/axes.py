"""Axes that several figures share: units, ticks without mathtext, the axis of nines, and labels at the ends of lines."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from tickbench.render.figures.style import plain
from tickbench.render.numbers import TIMES

# The axis of HdrHistogram's plotter: 1 / (1 - p), so that each nine takes the same width.
NINES = {1: "0", 10: "90", 100: "99", 1_000: "99.9", 10_000: "99.99", 100_000: "99.999", 1_000_000: "99.9999"}
_BESIDE, _PIECE = 1.03, 0.04  # of the axes' width: where labels begin, and how long the piece of line before them is
_SPACING = 1.3  # of labels below each other, in letter heights


@dataclass(frozen=True)
class TimeUnit:
    """A unit of time: its name, and how many ns it is."""

    name: str
    ns: float


def time_unit(values_ns: Iterable[float]) -> TimeUnit:
    """The largest unit in which the middle of these values, on a log scale, is 1 or more."""
    positive = [one for one in values_ns if one > 0]
    middle = math.sqrt(min(positive) * max(positive)) if positive else 1.0
    return next((TimeUnit(name, ns) for ns, name in TIMES if middle >= ns), TimeUnit("ns", 1.0))


def readable(unit: str, values: Sequence[float]) -> tuple[str, float]:
    """The unit to write values of this unit in, and how many of it they are: 12,000,000 operations/s are 12 million."""
    if unit == "ns":
        time = time_unit(values)
        return time.name, time.ns
    most = max((abs(one) for one in values), default=0.0)
    names = {"bytes": ("kB", "MB"), "": ("thousands", "millions")}.get(unit, (f"thousand {unit}", f"million {unit}"))
    if most >= 1e6:
        return plain(names[1]), 1e6
    return (plain(names[0]), 1e3) if most >= 1e4 else (plain(unit), 1.0)


def number(value: float, _position: int | None = None) -> str:
    """A tick's number: plain digits, no mathtext, no power of ten up to a billion."""
    return f"{value:.3g}" if value and not 1e-4 <= abs(value) < 1e9 else f"{value:,.9g}"


def log_axis(axis: Axis, low: float, high: float) -> None:
    """A log scale whose ticks are written as numbers: 1, 2 and 5 of each power over a short range, else the powers."""
    axis._set_axes_scale("log")  # type: ignore[attr-defined]
    short = high < low * 150
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if short else (1.0,), numticks=12))
    axis.set_major_formatter(FuncFormatter(number))
    axis.set_minor_formatter(NullFormatter())


def linear_axis(axis: Axis) -> None:
    """A linear scale with plain numbers."""
    axis.set_major_formatter(FuncFormatter(number))


def nines_axis(axes: Axes, last: float) -> None:
    """The x axis of percentiles, up to 1 / (1 - p) = `last`."""
    axes.set_xscale("log")
    axes.set_xticks(list(NINES), list(NINES.values()))
    axes.minorticks_off()
    axes.set_xlim(1, max(last, 2.0))
    axes.set_xlabel("percentile of operations, %")


def label_lines(axes: Axes, lines: Sequence[Line2D], names: Sequence[str]) -> None:
    """Name each line at its right end, moved apart where they would touch; a legend where there is no room for that."""
    shown = [plain(one, 32) for one in names]
    ends = [(float(np.asarray(one.get_xdata())[-1]), float(np.asarray(one.get_ydata())[-1])) for one in lines]
    room = _places(axes, [height for _, height in ends])
    if room is None:
        legend(axes, lines, shown)
        return
    for one, name, end, height in zip(lines, shown, ends, room, strict=True):
        _end_label(axes, one, name, end, height)


def _end_label(axes: Axes, one: Line2D, name: str, end: tuple[float, float], height: float) -> None:
    """A name beside the axes, after a piece of its line: colours repeat from the ninth line on, their styles do not."""
    colour = one.get_color()
    piece = Line2D((_BESIDE, _BESIDE + _PIECE), (height, height), color=colour, linewidth=one.get_linewidth())
    piece.set(linestyle=one.get_linestyle(), transform=axes.transAxes, clip_on=False)
    axes.add_artist(piece)
    axes.annotate(
        "",
        xy=end,
        xytext=(_BESIDE - 0.003, height),
        textcoords="axes fraction",
        annotation_clip=False,
        arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 1, "alpha": 0.6},
    )
    size = mpl.rcParams["legend.fontsize"]
    axes.text(_BESIDE + _PIECE + 0.01, height, name, color=colour, va="center", fontsize=size, transform=axes.transAxes)


def legend(axes: Axes, handles: Sequence[Line2D], names: Sequence[str], title: str | None = None) -> None:
    """A legend to the right of the axes. Texts are set afterwards: matplotlib leaves out names that begin with `_`."""
    made = axes.legend(
        handles, ["x"] * len(handles), loc="upper left", bbox_to_anchor=(1.01, 1), title=title, borderaxespad=0, handlelength=3
    )
    for text, name in zip(made.get_texts(), names, strict=True):
        text.set_text(plain(name, 32))


def _places(axes: Axes, ends: Sequence[float]) -> list[float] | None:
    """The heights of labels, as shares of the axes: near the ends, in their order, none upon another; None without room."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    high_points = figure.get_figheight() * 72 * 0.8  # what the layout leaves for the axes, about
    step = _SPACING * float(mpl.rcParams["legend.fontsize"]) / high_points
    if step * len(ends) > 1:
        return None
    shares = [float(axes.transAxes.inverted().transform(axes.transData.transform((1.0, one)))[1]) for one in ends]
    order = sorted(range(len(ends)), key=shares.__getitem__)
    heights = dict(zip(order, spread([min(max(shares[k], 0.0), 1.0) for k in order], step), strict=True))
    return [heights[k] for k in range(len(ends))]


def spread(wanted: Sequence[float], step: float) -> list[float]:
    """Ascending heights of which neighbours are at least `step` apart, moved as little as this takes, from 0 to 1.

    Groups that would overlap are merged and centred on what their members want (pool adjacent violators).
    """
    groups: list[tuple[float, int]] = []  # (centre, members)
    for one in wanted:
        centre, members = one, 1
        while groups and centre - members * step / 2 < groups[-1][0] + groups[-1][1] * step / 2:
            before, count = groups.pop()
            centre = (before * count + centre * members) / (count + members)
            members += count
            centre = min(max(centre, (members - 1) * step / 2), 1 - (members - 1) * step / 2)
        groups.append((centre, members))
    return [centre + (k - (members - 1) / 2) * step for centre, members in groups for k in range(members)]
