"""Throughput of the variants as bars, and the small bars of the index of scenarios."""

from tickbench.render.charts.percentiles import series_of
from tickbench.render.charts.scales import linear_scale, place, plain, ticks
from tickbench.render.charts.shapes import Area, Box, Chart, Group, Path, Scale, Text, marker, short
from tickbench.render.view.model import ScenarioView

WIDTH = 560.0
_ROW = 26.0
_LEFT, _RIGHT, _TOP = 160.0, 450.0, 10.0
_SPARK = (96.0, 12.0)
_SPARK_VARIANTS = 8


def throughput_chart(view: ScenarioView) -> Chart | None:
    """Draw operations per second of each variant from zero; None for fewer than two. The driver alone would dwarf them all."""
    rows = [row for row in view.rows if row.operations_per_s > 0 and not row.null]
    if len(rows) < 2:
        return None
    scale = linear_scale([row.operations_per_s for row in rows], "1/s")
    series = series_of(view)
    bottom = _TOP + _ROW * len(rows)
    groups = []
    for k, row in enumerate(rows):
        y = _TOP + _ROW * k
        width = max(place(scale, row.operations_per_s, _LEFT, _RIGHT) - _LEFT, 1)
        box = Box(_LEFT, y + 5, width, _ROW - 10, "bar")
        name = Text(_LEFT - 12, y + 17, short(row.name, 22), "end", "name")
        groups.append(
            Group(row.name, series[row.name], (name, box, Text(_LEFT + width + 8, y + 17, row.operations_per_s_text)))
        )
    best = max(rows, key=lambda row: row.operations_per_s)
    return Chart(
        kind="bars",
        width=WIDTH,
        height=bottom + 44,
        area=Area(_LEFT, _TOP, _RIGHT, bottom),
        label=f"Throughput: {short(best.name)} does most, {best.operations_per_s_text}. {view.threads_text}",
        x_ticks=ticks(scale, _LEFT, _RIGHT, plain),
        x_name="operations per second",
        groups=tuple(groups),
    )


def spark_chart(view: ScenarioView) -> Chart | None:
    """A line of points for a table cell: the cost of each variant against the reference, from a third to three times."""
    ratios = [(row.name, row.ratio) for row in view.rows if row.ratio is not None and row.ratio > 0][:_SPARK_VARIANTS]
    if not ratios:
        return None
    width, height = _SPARK
    scale = Scale("log", 1 / 3, 3.0, "×")
    series = series_of(view)
    points = [
        Path(
            marker(0 if 1 / 3 < ratio < 3 else 3, place(scale, ratio, 4, width - 4), height / 2, 3), f"dot s{series[name] % 8}"
        )
        for name, ratio in ratios
    ]
    best = min(ratios, key=lambda pair: pair[1])
    return Chart(
        kind="spark",
        width=width,
        height=height,
        area=Area(4, 0, width - 4, height),
        label=f"Costs against the reference: lowest is {short(best[0])} with {best[1]:.3g}×",
        shapes=(Path(f"M4 {height / 2}H{width - 4}", "grid"), Path(f"M{width / 2} 1V{height - 1}", "zero"), *points),
    )
