import base64
import math
import struct
import zlib
from dataclasses import replace
from itertools import pairwise

import pytest

from report_samples import full_report
from tickbench.render.charts.bars import spark_chart, throughput_chart
from tickbench.render.charts.draw import drawing
from tickbench.render.charts.flame import flame_chart
from tickbench.render.charts.heat import heat_chart, heat_data, picture
from tickbench.render.charts.order import order_chart
from tickbench.render.charts.percentiles import percentile_chart
from tickbench.render.charts.ratios import forest_chart, gains_chart
from tickbench.render.charts.scales import duration, linear_scale, log_scale, place, tick_values
from tickbench.render.charts.series import history_chart, sweep_chart
from tickbench.render.charts.shapes import Box, short
from tickbench.render.charts.waterfall import waterfall_chart

REPORT = full_report()
SCENARIO = REPORT.scenarios[0]
ALL = {
    "waterfall": waterfall_chart(REPORT.waterfall),
    "forest": forest_chart(REPORT.comparison),
    "gains": gains_chart(REPORT.claims, REPORT.claims_summary),
    "percentiles": percentile_chart(SCENARIO),
    "throughput": throughput_chart(SCENARIO),
    "spark": spark_chart(SCENARIO),
    "heat": heat_chart(SCENARIO.heatmaps[0]),
    "order": order_chart(SCENARIO),
    "sweep": sweep_chart(REPORT.sweeps[0]),
    "history": history_chart(REPORT.history[0]),
    "flame": flame_chart(SCENARIO.profiles[0]),
}


@pytest.mark.parametrize("name", ALL)
def test_every_chart_says_its_finding_and_draws_finite_places(name):
    svg = str(drawing(ALL[name]))
    assert ALL[name].label
    assert 'role="img" aria-label="' in svg
    assert "nan" not in svg
    assert "inf" not in svg.replace("finding", "")
    assert " style=" not in svg


@pytest.mark.parametrize("name", sorted(set(ALL) - {"spark", "flame"}))
def test_every_axis_has_a_name_or_units_and_ticks_inside_the_area(name):
    chart = ALL[name]
    assert chart.x_name
    assert all(chart.area.left - 1 <= tick.at <= chart.area.right + 1 for tick in chart.x_ticks)
    assert all(chart.area.top - 1 <= tick.at <= chart.area.bottom + 1 for tick in chart.y_ticks)


@pytest.mark.parametrize("low_high", [(1.0, 1.0), (1e-9, 1e9), (180.0, 190.0), (0.0, 5.0)])
def test_ticks_are_few_and_rise(low_high):
    for scale in (log_scale(low_high, "ns"), linear_scale(low_high, "ns")):
        values = tick_values(scale)
        assert 1 <= len(values) <= 8
        assert all(a < b for a, b in pairwise(values))


def test_what_is_no_number_lies_at_the_end_of_a_scale():
    scale = log_scale([1.0, 10.0], "ns")
    assert place(scale, math.inf, 0.0, 100.0) == place(scale, math.nan, 0.0, 100.0) == 100.0
    assert place(scale, 0.0, 0.0, 100.0) == 0.0


def test_durations_are_written_in_the_unit_that_fits():
    assert [duration(v) for v in (5, 1_000, 2_500_000, 3e9)] == ["5 ns", "1 µs", "2.5 ms", "3 s"]


def test_the_steps_of_the_waterfall_are_true_to_scale():
    boxes = [one for one in ALL["waterfall"].shapes if isinstance(one, Box) and "allowed" in one.title]
    by_name = {box.title.split(":")[0]: box for box in boxes}
    ratio = by_name["Exchange processing"].width / by_name["Fill acknowledgement"].width
    assert ratio == pytest.approx(4.0)


def test_five_and_two_thousand_microseconds_can_both_be_told_from_nothing():
    ticks = {tick.label for tick in ALL["waterfall"].x_ticks}
    assert {"10 µs", "1 ms"} <= ticks


def test_a_budget_far_from_all_values_is_named_and_not_drawn():
    far = replace(SCENARIO.limits[0], limit_ns=3e9)
    chart = percentile_chart(replace(SCENARIO, limits=(far,)))
    assert any("off this axis" in shape.text for shape in chart.shapes)
    assert not any(group.name == "budget" for group in chart.groups)


def test_the_picture_of_a_heat_map_holds_a_pixel_a_cell():
    heatmap = SCENARIO.heatmaps[0]
    png = base64.b64decode(picture(heatmap).removeprefix("data:image/png;base64,"))
    width, height = struct.unpack(">II", png[16:24])
    assert (width, height) == (len(heatmap.columns), len(heatmap.edges_ns) - 1)
    start = png.index(b"IDAT") + 4
    raw = zlib.decompress(png[start : start + struct.unpack(">I", png[start - 8 : start - 4])[0]])
    rows = [raw[k * (width + 1) + 1 : (k + 1) * (width + 1)] for k in range(height)]
    for k, column in enumerate(heatmap.columns):
        assert [row[k] > 0 for row in reversed(rows)] == [count > 0 for count in column.counts]


def test_the_counts_for_scripts_are_those_of_the_view():
    heatmap = SCENARIO.heatmaps[0]
    for given, column in zip(heat_data(heatmap)["columns"], heatmap.columns, strict=True):
        first, *counts = given[3:]
        assert sum(counts) == sum(column.counts)
        assert tuple(counts) == column.counts[first : first + len(counts)]


def test_nothing_to_draw_is_no_chart():
    empty = replace(SCENARIO, rows=(), curves=(), order=None)
    assert percentile_chart(empty) is throughput_chart(empty) is order_chart(empty) is spark_chart(empty) is None
    for columns in ((), SCENARIO.heatmaps[0].columns[:1]):
        assert heat_chart(replace(SCENARIO.heatmaps[0], columns=columns)) is None
    assert sweep_chart(replace(REPORT.sweeps[0], lines=())) is None
    assert history_chart(replace(REPORT.history[0], points=())) is None
    assert flame_chart(replace(SCENARIO.profiles[0], folded=())) is None


def test_a_long_label_keeps_its_start_and_its_end():
    assert short("a" * 50 + "z" * 50, 10) == "aaaaaa…zzz"
