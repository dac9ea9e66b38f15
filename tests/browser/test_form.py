"""The page as people get it: narrow and wide, light and dark, without scripts, on paper."""

import re
from dataclasses import fields, is_dataclass, replace

import pytest

from report_samples import full_report

SECTIONS = (
    *("verdict", "budgets", "claims", "comparison", "scenarios", "sweeps"),
    *("memory", "history", "profiles", "machine", "method"),
)
A4_CSS_PX = (703, 1017)  # what the margins of the style sheet leave of 210 × 297 mm, at 96 px an inch
OPEN_ALL = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"


def _texts(value, name=""):
    """All numbers of a view, as they are written."""
    if isinstance(value, tuple):
        for one in value:
            yield from _texts(one, name)
    elif is_dataclass(value):
        for field in fields(value):
            yield from _texts(getattr(value, field.name), field.name)
    elif isinstance(value, str) and name in {"text", "bounds_text", "interval_text", "max_text", "operations_per_s_text"}:
        yield value


def _sideways(page):
    """How far the page scrolls sideways, and what stands out where it does."""
    return page.evaluate("""() => {
        const wide = Math.max(document.scrollingElement.scrollWidth - innerWidth, 0);
        const out = [...document.querySelectorAll("main *")].filter((one) => one.getBoundingClientRect().right > innerWidth);
        return [wide, wide ? out.slice(0, 5).map((one) => `${one.tagName} ${one.className}`) : []];
    }""")


@pytest.mark.parametrize("width", [375, 768, 1280])
def test_no_width_scrolls_sideways(visit, width):
    page = visit("full", viewport={"width": width, "height": 800}).page
    page.evaluate(OPEN_ALL)
    assert _sideways(page) == [0, []]
    box = page.locator("#verdict h2").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert box["y"] < 300


def test_at_375_px_all_parts_can_be_reached_and_text_is_not_tiny(visit):
    page = visit("full", viewport={"width": 375, "height": 700}).page
    page.evaluate(OPEN_ALL)
    for name in SECTIONS:
        box = page.locator(f"#{name}").bounding_box()
        assert box["width"] <= 375
        assert box["height"] > 20, name
    small = page.evaluate("""() => [...document.querySelectorAll("p, td, th, dd, figcaption, svg text")].filter((one) => {
        const svg = one.closest("svg");
        const scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
        return parseFloat(getComputedStyle(one).fontSize) * scale < 8;
    }).map((one) => one.textContent.slice(0, 40))""")
    assert small == []


def _colours(page):
    return page.evaluate("""() => {
        const style = getComputedStyle(document.body);
        return [style.backgroundColor, style.color];
    }""")


def _light(colour):
    return sum(map(int, re.findall(r"\d+", colour)[:3])) / 3


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_theme_follows_the_system_and_a_button_changes_it(visit, scheme):
    page = visit("full", color_scheme=scheme).page
    first = _colours(page)
    assert (_light(first[0]) > _light(first[1])) == (scheme == "light")
    page.focus("#theme")
    page.keyboard.press("Enter")
    second = _colours(page)
    assert (_light(second[0]) > _light(second[1])) == (scheme == "dark")
    curve = "getComputedStyle(document.querySelector('svg.percentiles .s0 .curve')).stroke"
    changed = page.evaluate(curve)
    page.click("#theme")
    assert _colours(page) == first
    assert page.evaluate(curve) != changed


def test_without_scripts_every_part_and_every_number_is_there(visit):
    page = visit("full", java_script_enabled=False).page
    for name in SECTIONS:
        assert page.locator(f"#{name}").is_visible(), name
    shown = " ".join(page.inner_text("main").split())
    tables = replace(full_report(), history=())  # of a history the chart shows every value and the text the last
    missing = {text for text in _texts(tables) if " ".join(text.split()) not in shown}
    assert missing == set()
    for control in ("#theme", "input.filter", "button.copy", "div.range", "output.range"):
        assert not [box for box in page.locator(control).all() if box.is_visible()], control
    assert page.locator("figure.chart svg[role=img]").first.is_visible()
    assert page.locator("figure.heatmap image").first.is_visible()


def test_without_scripts_closed_scenarios_open(visit, closed):
    page = visit(closed, java_script_enabled=False).page
    table = page.locator("section.scenario table.data").first
    assert not table.is_visible()
    page.locator("section.scenario summary").first.click()
    assert table.is_visible()


def test_on_paper_nothing_is_wider_than_the_sheet_and_no_chart_is_cut(visit):
    width, height = A4_CSS_PX
    page = visit("full", viewport={"width": width, "height": height}).page
    page.emulate_media(media="print")
    page.evaluate(OPEN_ALL)
    boxes = page.evaluate("""() => [...document.querySelectorAll("figure.chart, svg[role=img], table.data")].map((one) => {
        const {right, height} = one.getBoundingClientRect();
        const cut = getComputedStyle(one.parentElement).overflowX !== "visible";
        const inside = getComputedStyle(one).breakInside;
        return {name: `${one.tagName} ${one.getAttribute("class")}`, right, height, cut, inside};
    })""")
    figures = [box for box in boxes if box["name"].startswith("FIGURE")]
    assert figures
    assert [box for box in boxes if box["right"] > width + 1 or box["cut"]] == []
    assert [box for box in figures if box["inside"] != "avoid" or box["height"] > height] == []
    assert not page.locator("nav").is_visible()
    heads = page.evaluate("""() => [...document.querySelectorAll("thead th")].map((one) => {
        return [one.textContent, getComputedStyle(one, "::before").content, getComputedStyle(one.firstChild).display];
    })""")
    # Chromium does not draw a button in a head that it repeats on the next sheet.
    assert {(f'"{name}"', "none") for name, _, _ in heads} == {(text, display) for _, text, display in heads}


def test_paper_is_light_and_holds_closed_scenarios_too_without_scripts(visit, closed):
    page = visit(closed, color_scheme="dark", java_script_enabled=False).page
    assert not page.locator("section.scenario table.data").first.is_visible()
    page.emulate_media(media="print")
    assert page.locator("section.scenario table.data").first.is_visible()
    assert _light(_colours(page)[0]) == 255
    pdf = page.pdf(prefer_css_page_size=True)
    assert pdf.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) > 3
