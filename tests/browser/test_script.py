"""What the page's script does: sort, filter, hide variants, tell values, sum a range of time."""

import re

import numpy as np
import pytest

from report_samples import full_report

SCENARIO = "section.scenario >> nth=0"
_NS = {"ns": 1.0, "µs": 1e3, "ms": 1e6, "s": 1e9}


def _ns(text):
    value, unit = text.replace(",", "").split()
    return float(value) * _NS[unit]


@pytest.fixture
def page(visit):
    return visit("full").page


def _column(table, index):
    rows = table.locator("tbody tr").all()
    return [row.locator("th, td").nth(index).inner_text().splitlines()[0].strip() for row in rows if row.is_visible()]


def _head(table, name):
    return table.get_by_role("button", name=name, exact=True)


def test_a_click_on_a_head_sorts_by_number_and_a_second_turns_it_round(page):
    table = page.locator("#budgets table.data")
    head = table.get_by_role("columnheader", name="Limit", exact=True)
    _head(table, "Limit").click()
    assert _column(table, 2) == ["5 µs", "20 µs", "80 µs", "2000 µs"]
    assert head.get_attribute("aria-sort") == "ascending"
    _head(table, "Limit").click()
    assert _column(table, 2) == ["2000 µs", "80 µs", "20 µs", "5 µs"]
    assert head.get_attribute("aria-sort") == "descending"
    _head(table, "Measured").click()
    assert _column(table, 3) == ["0.62 µs", "24 µs", "31 µs", "–"], "what was not measured stays last"
    _head(table, "Measured").click()
    assert _column(table, 3) == ["31 µs", "24 µs", "0.62 µs", "–"]
    assert table.locator("th[aria-sort]").count() == 1


def test_the_keyboard_sorts_by_text_and_by_importance(page):
    table = page.locator("#budgets table.data")
    _head(table, "Budget").focus()
    page.keyboard.press("Enter")
    assert _column(table, 0) == ["Exchange processing", "Order book update", "Risk check", "Signal generation"]
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert _column(table, 1) == ["critical", "critical", "high", "external"]


def test_a_filter_keeps_rows_with_all_words(page):
    box, table = page.locator("#budgets input.filter"), page.locator("#budgets table.data")
    box.fill("CHECK risk")
    assert _column(table, 0) == ["Risk check"]
    box.fill("no such budget")
    assert _column(table, 0) == []
    box.fill("")
    assert len(_column(table, 0)) == 4


def test_a_variant_is_hidden_in_all_charts_of_its_scenario_and_in_no_other(page):
    scenario, other = page.locator(SCENARIO), page.locator("section.scenario >> nth=1")
    button = scenario.locator("button.toggle", has_text="seqlock_ladder").first
    key = button.get_attribute("data-k")
    groups = scenario.locator(f"svg g[data-k='{key}']")
    assert groups.count() >= 3
    assert button.get_attribute("aria-pressed") == "true"
    button.focus()
    page.keyboard.press("Space")
    assert button.get_attribute("aria-pressed") == "false"
    assert not [group for group in groups.all() if group.is_visible()]
    assert other.locator(f"svg g[data-k='{key}']").first.is_visible()
    assert scenario.locator("table.data", has_text="seqlock_ladder").first.is_visible(), "its numbers stay"
    button.click()
    assert groups.first.is_visible()


def test_a_chart_tells_the_value_under_the_pointer_and_under_the_arrow_keys(page):
    chart = page.locator(f"{SCENARIO} >> svg.percentiles")
    chart.scroll_into_view_if_needed()
    kind, low, high, start, end = chart.get_attribute("data-x").split()
    assert kind == "log"
    at = float(start) + (float(end) - float(start)) * np.log(100 / float(low)) / np.log(float(high) / float(low))
    box, width = chart.bounding_box(), float(chart.get_attribute("viewBox").split()[2])
    page.mouse.move(box["x"] + at / width * box["width"], box["y"] + box["height"] / 2)
    tip = page.locator(".tip")
    assert tip.locator("b").inner_text() == "p99"
    told = {
        line.locator("i").nth(0).inner_text(): _ns(line.locator("i").nth(1).inner_text()) for line in tip.locator("span").all()
    }
    curves = {curve.name: curve for curve in full_report().scenarios[0].curves if curve.role == "variant"}
    for name, curve in curves.items():
        expected = np.interp(np.log(100), np.log(curve.nines), curve.latency_ns)
        assert told[name] == pytest.approx(expected, rel=0.02)
    assert [*told.values()] == sorted(told.values(), reverse=True)
    page.mouse.move(2, 2)
    assert not tip.is_visible()
    page.locator(f"{SCENARIO} >> figure.percentiles .scroll").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    spoken = page.locator("body > output").inner_text()
    assert re.match(r"p\d+, locked_dict [\d.]+ µs, ", spoken)


def _answer(heatmap, first, last):
    """What the page should say about columns first to last, from the view's own counts."""
    counts = np.array([column.counts for column in heatmap.columns[first : last + 1]]).sum(axis=0)
    cumulative = counts.cumsum()
    at = [int(np.searchsorted(cumulative, np.ceil(cumulative[-1] * share - 1e-9))) for share in (0.5, 0.9, 0.99, 0.999)]
    most = max(column.max_ns for column in heatmap.columns[first : last + 1] if any(column.counts))
    return int(cumulative[-1]), [heatmap.edges_ns[row + 1] for row in at], most


def _said(output):
    text = output.inner_text()
    total = int(re.search(r"([\d,]+) values", text)[1].replace(",", ""))
    return (
        total,
        [_ns(one) for one in re.findall(r"≤ ([\d.,]+ \S+?)[,;]", text)],
        _ns(re.search(r"max ([\d.,]+ \S+)$", text)[1]),
    )


def test_a_range_of_time_has_the_percentiles_of_its_counts(page):
    figure, heatmap = page.locator("figure.heatmap").first, full_report().scenarios[0].heatmaps[0]
    sliders = figure.locator("input[type=range]")
    for first, last in ((0, 59), (0, 9), (45, 59), (22, 22), (40, 12)):
        sliders.nth(0).fill(str(first))
        sliders.nth(1).fill(str(last))
        total, percentiles, most = _answer(heatmap, *sorted((first, last)))
        said = _said(figure.locator("output.range"))
        assert said[0] == total
        assert said[1] == pytest.approx(percentiles, rel=0.006), "three digits are shown"
        assert said[2] == pytest.approx(most, rel=0.006)


def test_a_range_of_time_is_drawn_with_the_pointer_and_with_the_keyboard(page):
    figure = page.locator("figure.heatmap").first
    figure.scroll_into_view_if_needed()
    box = figure.locator("image").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 10.5 / 60, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 19.5 / 60, middle, steps=3)
    page.mouse.up()
    heatmap = full_report().scenarios[0].heatmaps[0]
    output = figure.locator("output.range")
    assert _said(output)[0] == _answer(heatmap, 10, 19)[0]
    figure.locator("input[type=range]").nth(1).focus()
    page.keyboard.press("ArrowRight")
    assert _said(output)[0] == _answer(heatmap, 10, 20)[0]
    page.mouse.dblclick(box["x"] + 5, middle)
    assert _said(output)[0] == _answer(heatmap, 0, 59)[0]


def test_a_link_to_a_closed_scenario_opens_it(visit, closed):
    page = visit(closed).page
    scenario = page.locator("section.scenario >> nth=1")
    assert not scenario.locator("svg.percentiles").is_visible()
    page.locator("#scenarios tbody a").nth(1).click()
    assert scenario.locator("svg.percentiles").is_visible()
    assert scenario.locator("output.range").first.inner_text(), "its heat maps start when it opens"
