"""The page as people get it: narrow and wide, light and dark, without scripts, on paper."""

import re
from dataclasses import fields, is_dataclass

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
        const wide = document.scrollingElement.scrollWidth - innerWidth;
        const out = wide > 0 ? [...document.querySelectorAll("main *")].filter((one) => one.getBoundingClientRect().right > innerWidth + 1) : [];
        return [Math.max(wide, 0), out.slice(0, 5).map((one) => `${one.tagName} ${one.className}`)];
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
    small = page.evaluate("""() => [...document.querySelectorAll("main p, main td, main th, main dd, main figcaption, main svg[role=img] text")]
        .filter((one) => {
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
    one = visit("full", java_script_enabled=False)
    page = one.page
    for name in SECTIONS:
        assert page.locator(f"#{name}").is_visible(), name
    shown = " ".join(page.inner_text("main").split())
    missing = {text for text in _texts(full_report()) if " ".join(text.split()) not in shown}
    assert missing == set()
    for control in ("#theme", "input.filter", "button.copy", "div.range", "output.range"):
        assert not [box for box in page.locator(control).all() if box.is_visible()], control
    assert page.locator("figure.chart svg[role=img]").first.is_visible()
    assert page.locator("figure.heatmap image").first.is_visible()


def test_without_scripts_closed_scenarios_open(visit, files, tmp_path):
    file = tmp_path / "closed.html"
    file.write_text(files("full").read_text(encoding="utf-8").replace("<details open>", "<details>"), encoding="utf-8")
    page = visit(file, java_script_enabled=False).page
    table = page.locator("section.scenario table.data").first
    assert not table.is_visible()
    page.locator("section.scenario summary").first.click()
    assert table.is_visible()


def _pages_of(pdf):
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def test_on_paper_nothing_is_wider_than_the_sheet_and_no_chart_is_cut(visit):
    width, height = A4_CSS_PX
    page = visit("full", viewport={"width": width, "height": height}).page
    page.emulate_media(media="print")
    page.evaluate(OPEN_ALL)
    boxes = page.evaluate("""() => [...document.querySelectorAll("figure.chart, figure.chart svg[role=img], table.data")].map((one) => {
        const box = one.getBoundingClientRect();
        return {name: `${one.tagName} ${one.getAttribute("class")}`, right: box.right, height: box.height,
            inside: getComputedStyle(one).breakInside, hidden: getComputedStyle(one.parentElement).overflowX};
    })""")
    assert boxes
    assert [box for box in boxes if box["right"] > width + 1] == []
    assert [
        box for box in boxes if box["name"].startswith("FIGURE") and (box["inside"] != "avoid" or box["height"] > height)
    ] == []
    assert [box for box in boxes if box["hidden"] in {"auto", "scroll", "hidden"}] == []
    assert not page.locator("nav").is_visible()


def test_paper_is_light_and_holds_closed_scenarios_too(visit, files, tmp_path):
    file = tmp_path / "closed.html"
    file.write_text(files("full").read_text(encoding="utf-8").replace("<details open>", "<details>"), encoding="utf-8")
    opened, closed = visit("full").page.pdf(prefer_css_page_size=True), None
    page = visit(file, color_scheme="dark", java_script_enabled=False).page
    closed = page.pdf(prefer_css_page_size=True)
    assert closed.startswith(b"%PDF")
    assert _pages_of(closed) == _pages_of(opened) > 3
    page.emulate_media(media="print")
    assert _light(_colours(page)[0]) == 255
