"""Latency over time as a heat map: a small PNG for the eye, and the counts beside it for scripts.

A picture and not rectangles: a suite has hundreds of maps with a thousand cells each, and a PNG of one pixel a cell is some
hundred bytes. It holds opacity only, so that the page's own background shows through in light and in dark.
"""

import base64
import math
import struct
import zlib
from itertools import pairwise

from tickbench.render.charts.scales import duration
from tickbench.render.charts.shapes import Area, Chart, Path, Picture, Text, Tick, number
from tickbench.render.view.model import Heatmap

WIDTH, HEIGHT = 560.0, 220.0
_AREA = Area(66.0, 18.0, 548.0, 172.0)
_HUE = (0xD0, 0x5A, 0x00)  # Okabe and Ito's vermilion, darkened: 3:1 against white and against the dark page
_LEVELS = 8
_Y_TICKS = 3


def heat_chart(view: Heatmap) -> Chart | None:
    """Draw counts by time and latency; None where there is nothing to draw: one slice of time is no course of time."""
    columns, rows = len(view.columns), len(view.edges_ns) - 1
    if columns < 2 or rows < 1 or not all(map(math.isfinite, view.edges_ns)):
        return None
    width = _AREA.right - _AREA.left
    breaks = [k for k, (a, b) in enumerate(pairwise(view.columns), start=1) if a.round != b.round]
    starts = [0, *breaks]
    marks = [_AREA.left + width * k / columns for k in breaks]
    labels = [
        Text(
            _AREA.left + width * k / columns + 2,
            _AREA.top - 5,
            f"{'round ' * (k == 0)}{view.columns[k].round}",
            "start",
            "tick",
        )
        for k in starts[:: math.ceil(len(starts) / 10)]
    ]
    return Chart(
        kind="heat",
        width=WIDTH,
        height=HEIGHT,
        area=_AREA,
        label=view.finding,
        x_ticks=_time_ticks(view),
        y_ticks=_latency_ticks(view),
        x_name="s since the run started",
        y_name="latency",
        shapes=(
            Picture(_AREA.left, _AREA.top, width, _AREA.bottom - _AREA.top, picture(view)),
            Path("".join(f"M{number(x)} {number(_AREA.top)}V{number(_AREA.bottom)}" for x in marks), "break"),
            *labels,
        ),
    )


def picture(view: Heatmap) -> str:
    """The counts as a paletted PNG, the lowest latency at the bottom: opacity is the logarithm of the count."""
    rows = len(view.edges_ns) - 1
    most = max((max(column.counts, default=0) for column in view.columns), default=0)
    full = math.log1p(max(most, 1))
    lines = bytearray()
    for row in reversed(range(rows)):
        lines.append(0)  # filter of this line: none
        for column in view.columns:
            count = column.counts[row] if row < len(column.counts) else 0
            lines.append(1 + min(int((_LEVELS - 1) * math.log1p(count) / full), _LEVELS - 1) if count > 0 else 0)
    opacity = bytes([0, *(70 + 185 * k // (_LEVELS - 1) for k in range(_LEVELS))])
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", len(view.columns), rows, 8, 3, 0, 0, 0)),
        (b"PLTE", bytes(_HUE) * (_LEVELS + 1)),
        (b"tRNS", opacity),
        (b"IDAT", zlib.compress(bytes(lines), 6)),
        (b"IEND", b""),
    )
    png = b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def heat_data(view: Heatmap) -> dict[str, object]:
    """What a script needs to sum a range of time: edges, and for each column its times and its counts.

    Counts are [first row, counts …] without the zeros at both ends.
    """
    return {
        "edges": [float(f"{edge:.5g}") for edge in view.edges_ns],
        "columns": [
            [round(column.start_s, 3), round(column.end_s, 3), float(f"{column.max_ns:.4g}"), *_trimmed(column.counts)]
            for column in view.columns
        ],
        "area": [_AREA.left, _AREA.right],
    }


def _trimmed(counts: tuple[int, ...]) -> list[int]:
    filled = [k for k, count in enumerate(counts) if count]
    return [filled[0], *counts[filled[0] : filled[-1] + 1]] if filled else [0]


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _time_ticks(view: Heatmap) -> tuple[Tick, ...]:
    columns = len(view.columns)
    step = math.ceil(columns / 6)
    width = (_AREA.right - _AREA.left) / columns
    return tuple(Tick(round(_AREA.left + width * k, 1), _seconds(view.columns[k].start_s)) for k in range(0, columns, step))


def _seconds(start_s: float) -> str:
    return f"{start_s:,.0f}" if start_s >= 100 else f"{start_s:.3g}"


def _latency_ticks(view: Heatmap) -> tuple[Tick, ...]:
    rows = len(view.edges_ns) - 1
    height = (_AREA.bottom - _AREA.top) / rows
    step = math.ceil(rows / _Y_TICKS)
    return tuple(
        Tick(round(_AREA.bottom - height * k, 1), duration(float(f"{view.edges_ns[k]:.2g}"))) for k in range(0, rows + 1, step)
    )
