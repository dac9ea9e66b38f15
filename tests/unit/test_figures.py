"""Figures: what stands on their axes, that hostile names are text, and that files are whole and the same each time."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from matplotlib.colors import LogNorm

import figure_samples as samples
from tickbench.errors import InputError, UsageError
from tickbench.render.figures import KINDS
from tickbench.render.figures.axes import number, readable, spread, time_unit
from tickbench.render.figures.choice import Choice
from tickbench.render.figures.draw import FIGURES, draw
from tickbench.render.figures.forest import ratio_ticks
from tickbench.render.figures.percentiles import limit_steps
from tickbench.render.figures.scaling import as_throughput
from tickbench.render.figures.style import LINE_STYLES, line, plain, style_file, styled
from tickbench.render.view import model

HOSTILE = (
    "$x^{2$",
    "$\\frac{1}{0}$",
    "_hidden",
    "<script>alert(1)</script>",
    "]]>--><svg onload=x>",
    "a\nb\x00\u202ec",
    "名字",
    "\\input{x}",
)


@pytest.fixture(autouse=True)
def in_style():
    with styled():
        yield


def figure_of(kind, report=None, **choice):
    made = FIGURES[kind](report or samples.everything(), Choice(**choice))
    made.draw_without_rendering()
    return made


def texts(figure):
    return [one.get_text() for one in figure.findobj(mpl.text.Text) if one.get_text()]


def curves(axes):
    """The lines that hold values, without marks."""
    return [one for one in axes.get_lines() if len(one.get_xdata()) > 2]


def test_the_kinds_of_the_command_line_are_those_that_can_be_drawn():
    assert tuple(FIGURES) == KINDS


@pytest.mark.parametrize(
    ("kind", "x", "y"),
    [
        ("percentiles", "percentile of operations, %", "latency, ns"),
        ("heatmap", "time within each round, s", "latency, ns"),
        ("forest", "change of cost, % (log scale of the ratio; to the right is worse)", ""),
        ("waterfall", "place in the total, µs", ""),
        ("scaling", "writers", "throughput, million operations/s"),
        ("history", "run: day and revision, the oldest first", "p50, µs"),
    ],
)
def test_axes_are_labelled_with_units(kind, x, y):
    axes = [one for one in figure_of(kind).get_axes() if one.get_label() != "<colorbar>"]
    assert x in {one.get_xlabel() for one in axes}
    assert y in {one.get_ylabel().replace("µs", "ns") if kind == "heatmap" else one.get_ylabel() for one in axes}


def test_percentiles_stand_on_an_axis_of_nines_with_one_line_a_variant():
    (axes,) = figure_of("percentiles").get_axes()
    assert axes.get_xscale() == axes.get_yscale() == "log"
    assert [one.get_text() for one in axes.get_xticklabels()][:4] == ["0", "90", "99", "99.9"]
    assert len(curves(axes)) == 4
    assert len({(one.get_color(), one.get_linestyle()) for one in curves(axes)}) == 4
    assert {f"variant_{k}" for k in range(4)} <= set(texts(axes.figure))
    assert figure_of("percentiles", linear=True).get_axes()[0].get_yscale() == "linear"


def test_a_variant_keeps_its_colour_when_others_are_left_out():
    (axes,) = figure_of("percentiles", variants=("variant_2",)).get_axes()
    (only,) = curves(axes)
    assert only.get_color() == line(2)["color"]


def test_a_baseline_is_dashed_in_the_colour_of_its_variant():
    pair = (samples.a_curve("plain"), samples.a_curve("plain", 120.0, role="baseline"))
    (axes,) = figure_of("percentiles", samples.a_report(scenarios=(samples.a_scenario(curves=pair),))).get_axes()
    now, before = curves(axes)
    assert now.get_color() == before.get_color()
    assert now.get_linestyle() == "-" != before.get_linestyle()
    assert "plain (baseline)" in texts(axes.figure)


def test_budgets_are_steps_that_hold_below_their_percentile():
    limits = [samples.a_limit("99.9", 9_000.0), samples.a_limit("50", 1_000.0), samples.a_limit("99", 9_500.0)]
    found = [(round(start), round(end), limit) for start, end, limit, _ in limit_steps(limits)]
    assert found == [(1, 2, 1_000.0), (2, 100, 9_000.0), (100, 1_000, 9_000.0)]


def test_a_budget_is_named_with_its_percentile_and_unit():
    assert any("Order book update, p99 ≤ 5,000 ns" in one for one in texts(figure_of("percentiles")))


def test_more_lines_than_fit_beside_the_axes_get_a_legend():
    many = tuple(samples.a_curve(f"_v{k}", 100 + k) for k in range(30))
    (axes,) = figure_of("percentiles", samples.a_report(scenarios=(samples.a_scenario(curves=many),))).get_axes()
    assert [one.get_text() for one in axes.get_legend().get_texts()] == [f"_v{k}" for k in range(30)]


def test_32_lines_differ_in_colour_or_style():
    assert len({tuple(line(k).values()) for k in range(8 * len(LINE_STYLES))}) == 32


def test_labels_are_moved_apart_in_their_order_and_stay_inside():
    found = spread([0.0, 0.01, 0.02, 0.5, 1.0, 1.0], 0.1)
    assert all(b - a >= 0.1 - 1e-12 for a, b in pairwise(found))
    assert found[0] >= 0
    assert found[-1] <= 1
    assert found[3] == 0.5


def test_a_heat_map_has_a_panel_a_variant_a_colour_bar_and_gaps_between_rounds():
    figure = figure_of("heatmap")
    *panels, bar = figure.get_axes()
    assert [one.get_title(loc="left") for one in panels] == ["plain", "other"]
    assert bar.get_ylabel() == "operations in a cell"
    for axes in panels:
        meshes = [one for one in axes.collections if one.get_array() is not None]
        assert len(meshes) == 3  # rounds
        assert all(isinstance(one.norm, LogNorm) for one in meshes)
        ends = [(one.get_coordinates()[0, 0, 0], one.get_coordinates()[0, -1, 0]) for one in meshes]
        assert ends[1][0] > ends[0][1]
        assert axes.get_yscale() == "log"
        assert [one.get_text() for one in axes.texts] == ["round 1, from 0 s", "round 2, from 3 s", "round 3, from 6 s"]


def test_the_first_panels_are_shown_and_the_rest_is_told():
    maps = tuple(samples.a_heatmap(f"v{k}", rounds=1, columns=4) for k in range(6))
    figure = figure_of("heatmap", samples.a_report(scenarios=(samples.a_scenario(heatmaps=maps),)))
    assert len(figure.get_axes()) == 5
    assert any("2 more variants" in one for one in texts(figure))


def test_a_forest_keeps_the_order_and_marks_the_tolerance_in_percent():
    (axes,) = figure_of("forest").get_axes()
    names = [one.get_text() for one in axes.get_yticklabels()]
    assert [one.split("  ")[1] for one in names][:2] == ["lockfree_ladder", "mutex_hash"]
    assert axes.get_ylim()[0] > axes.get_ylim()[1]  # the first row is at the top
    assert axes.get_xscale() == "log"
    ticks = [one.get_text() for one in axes.get_xticklabels()]
    assert {"-20", "0", "+25"} <= set(ticks)
    bands = [one.get_paths()[0].get_extents() for one in axes.collections]
    assert (round(bands[3].x0, 4), round(bands[3].x1, 4)) == (round(1 / 1.05, 4), 1.05)
    assert len(bands) == 6


def test_ticks_of_a_ratio_axis_are_round_and_hold_zero():
    assert ratio_ticks(0.99, 1.012) == [-1, 0, 1]
    assert 0 in ratio_ticks(0.05, 20)
    assert len(ratio_ticks(0.05, 20)) <= 11


def test_a_forest_survives_rows_without_bounds_and_leaves_out_those_without_a_ratio():
    rows = (
        samples.an_effect("a", ratio=1.1, low=None, high=None),
        samples.an_effect("b", ratio=1.2, low=0.0, high=float("inf")),
        samples.an_effect("c", ratio=None),
    )
    figure = figure_of("forest", samples.a_report(comparison=samples.a_comparison(*rows)))
    assert len(figure.get_axes()[0].get_yticklabels()) == 2
    assert any("1 rows are not shown" in one for one in texts(figure))


def test_a_waterfall_shows_the_sum_and_each_stage_on_a_log_axis():
    total, each = figure_of("waterfall").get_axes()
    assert (total.get_xscale(), each.get_xscale()) == ("linear", "log")
    labels = {one.get_text(): one for one in total.get_yticklabels()}
    assert "not allotted" in labels
    assert labels["● Risk check"].get_fontweight() == "bold"
    hatched = [one for one in total.patches if one.get_hatch()]
    assert [one.get_width() for one in hatched] == [2_000]
    assert "28 of 20 µs over" in texts(each.figure)
    assert each.get_xlim()[0] < 0.31  # the smallest measurement is on it


def test_scaling_has_intervals_and_marks_crossings():
    (axes,) = figure_of("scaling").get_axes()
    assert [one.get_text() for one in axes.get_xticklabels()] == ["1", "2", "4", "8"]
    assert len(axes.containers) == 3
    assert {"mutex / spin: 2.25", "spin / queue: 4.1"} <= set(texts(axes.figure))
    assert not any("/ queue" in one for one in texts(figure_of("scaling", variants=("mutex", "spin"))))


def test_time_an_operation_over_threads_is_drawn_as_throughput():
    line = model.SweepLine("mutex", (1.0, 2.0), (100.0, 200.0), (50.0, 100.0), (200.0, 400.0))
    cost = samples.a_sweep(y_name="time an operation", y_unit="ns", lines=(line,), crossings=())
    (drawn,) = as_throughput(cost).lines
    assert (drawn.y, drawn.low, drawn.high) == ((1e7, 5e6), (5e6, 2.5e6), (2e7, 1e7))
    assert (
        as_throughput(samples.a_sweep(x_name="prices", y_name="time an operation", y_unit="ns", lines=(line,))).y_unit == "ns"
    )


def test_an_interval_far_beyond_the_ratios_is_cut_with_an_arrow():
    row = samples.an_effect("a", "inconclusive", ratio=0.9, low=1e-6, high=1e6)
    (axes,) = figure_of("forest", samples.a_report(comparison=samples.a_comparison(row))).get_axes()
    low, high = axes.get_xlim()
    assert 0.2 < low < high < 4
    assert {"<", ">"} <= {one.get_marker() for one in axes.get_lines()}


def test_history_marks_the_change_between_the_runs_and_names_the_machine():
    figure = figure_of("history", machine="Some CPU, 2 CPUs")
    (axes,) = figure.get_axes()
    assert len([one for one in curves(axes) if len(one.get_xdata()) == 24]) == 2
    assert [14.5, 14.5] in [list(one.get_xdata()) for one in axes.get_lines()]
    assert any("+20 %" in one for one in texts(figure))
    assert any("Machine class: Some CPU, 2 CPUs" in one for one in texts(figure))


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_to_draw_is_one_line(kind):
    with pytest.raises(InputError) as error:
        FIGURES[kind](samples.a_report(), Choice())
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["percentiles", "heatmap", "scaling", "history"])
def test_a_wrong_scenario_or_variant_names_the_nearest(kind):
    title = (
        "full/mutex-contended"
        if kind == "scaling"
        else "full/order-book-replay"
        if kind == "history"
        else "full/order-book-latency"
    )
    with pytest.raises(UsageError, match=f"did you mean {title}"):
        FIGURES[kind](samples.everything(), Choice(scenario=title[:-1]))
    with pytest.raises(UsageError, match=r"--variant: there is no variant named 'nobody': .*known are"):
        FIGURES[kind](samples.everything(), Choice(scenario=title, variants=("nobody",)))


def test_one_of_several_scenarios_must_be_named_and_its_last_part_does():
    report = samples.a_report(scenarios=(samples.a_scenario(), samples.a_scenario("full/other")))
    with pytest.raises(UsageError, match="2 scenarios fit: choose one with --scenario: full/order-book-latency, full/other"):
        FIGURES["percentiles"](report, Choice())
    assert "full/other" in texts(figure_of("percentiles", report, scenario="other"))


@pytest.mark.parametrize("name", [*HOSTILE, "x" * 1_000_000], ids=[*HOSTILE, "1 MB"])
def test_hostile_names_are_drawn_as_text(name, tmp_path):
    scenario = samples.a_scenario(name, finding=name, curves=(samples.a_curve(name),), limits=(samples.a_limit(name=name),))
    draw(samples.a_report(scenarios=(scenario,)), "percentiles", Choice(), tmp_path / "x.svg")
    text = (tmp_path / "x.svg").read_text(encoding="utf-8")
    tags = {one.tag.rpartition("}")[2] for one in ElementTree.fromstring(text).iter()}
    assert not tags & {"script", "a", "image", "foreignObject"}
    assert len(text) < 500_000
    assert "onload" not in re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)


def test_dollars_and_underscores_are_shown_as_they_are():
    scenario = samples.a_scenario(curves=(samples.a_curve("$a_1$"), samples.a_curve("_b")))
    figure = figure_of("percentiles", samples.a_report(scenarios=(scenario,)))
    assert {"$a_1$", "_b"} <= set(texts(figure))
    assert not any(one.get_parse_math() for one in figure.findobj(mpl.text.Text))


@pytest.mark.parametrize(
    ("given", "shown"),
    [("a\n\tb", "a b"), ("a\x00\u202eb", "a\ufffd\ufffdb"), ("x" * 100, "x" * 59 + "…"), (" " * 400 + "x", "…"), ("ok", "ok")],
)
def test_text_is_cut_and_made_visible(given, shown):
    assert plain(given) == shown


@pytest.mark.parametrize(("suffix", "magic"), [(".svg", b"<?xml"), (".png", b"\x89PNG\r\n\x1a\n"), (".pdf", b"%PDF-")])
def test_the_same_report_gives_the_same_file(tmp_path, suffix, magic):
    one, other = tmp_path / f"one{suffix}", tmp_path / f"other{suffix}"
    for path in (one, other):
        draw(samples.everything(), "heatmap", Choice(variants=("plain",)), path, dpi=60)
    assert one.read_bytes() == other.read_bytes()
    assert one.read_bytes().startswith(magic)


def test_the_width_is_the_one_asked_for():
    assert figure_of("scaling", width_mm=90.0).get_figwidth() == pytest.approx(90 / 25.4)


def test_a_file_that_cannot_be_written_is_one_line(tmp_path):
    with pytest.raises(UsageError, match=r"x\.gif: a figure is written as \.svg, \.png, \.pdf"):
        draw(samples.everything(), "forest", Choice(), tmp_path / "x.gif")
    with pytest.raises(InputError, match="there is no folder"):
        draw(samples.everything(), "forest", Choice(), tmp_path / "no" / "x.svg")
    with pytest.raises(UsageError, match="more than 50,000,000 pixels"):
        draw(samples.everything(), "forest", Choice(width_mm=600), tmp_path / "x.png", dpi=1200)


def test_settings_of_the_process_stay_as_they_were():
    before = dict(mpl.rcParams)
    with styled():
        assert mpl.rcParams["svg.hashsalt"] == "tickbench"
        mpl.rcParams["font.size"] = 99
    assert {key for key in before if mpl.rcParams[key] != before[key]} <= {"backend"}  # which resolves itself when it is read


def test_a_style_sheet_of_the_users_own_is_taken_but_not_its_markup(tmp_path):
    (tmp_path / "mine.mplstyle").write_text("font.size: 11\ntext.usetex: True\naxes.prop_cycle: cycler('color', ['123456'])\n")
    with styled(tmp_path / "mine.mplstyle"):
        assert (mpl.rcParams["font.size"], mpl.rcParams["text.usetex"]) == (11, False)
        assert line(3)["color"] in ("123456", "#123456")


@pytest.mark.parametrize("content", ["no.such.key: 1\n", "font.size: large-ish\n", "nonsense\n", b"\xff\xfe\x00"])
def test_a_wrong_style_sheet_is_one_line(tmp_path, content):
    path = tmp_path / "bad.mplstyle"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError, match=r"bad\.mplstyle") as error, styled(path):
        pass
    assert "\n" not in str(error.value)
    with pytest.raises(InputError, match="No such file"), styled(tmp_path / "none"):
        pass


def test_the_style_sheet_ships_with_the_reports():
    assert style_file().name == "tickbench.mplstyle"


@pytest.mark.parametrize(
    ("values_ns", "unit"),
    [([20, 900], "ns"), ([500, 50_000], "µs"), ([2e6, 9e6], "ms"), ([2e9], "s"), ([0.0], "ns"), ([], "ns")],
)
def test_the_unit_of_time_fits_the_values(values_ns, unit):
    assert time_unit(values_ns).name == unit


def test_numbers_are_written_without_powers_of_ten_where_they_can_be():
    assert [number(one) for one in (0, 0.1 + 0.2, 12_000_000, 2.5e12)] == ["0", "0.3", "12,000,000", "2.5e+12"]
    assert readable("operations/s", [2.5e7]) == ("million operations/s", 1e6)
    assert readable("bytes", [2.5e4]) == ("kB", 1e3)
    assert readable("", [5.0]) == ("", 1.0)
