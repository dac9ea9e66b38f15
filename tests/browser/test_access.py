"""Nobody is left out: axe-core finds no serious fault, in light and in dark, wide and narrow."""

import pytest

import chromium


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 375)])
def test_axe_finds_no_serious_fault(visit, scheme, width):
    source = chromium.axe()
    page = visit("full", color_scheme=scheme, viewport={"width": width, "height": 900}).page
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.evaluate(source)
    result = page.evaluate("axe.run({resultTypes: ['violations']})")
    assert result["passes"], "it looked at something"
    faults = [
        f"{one['impact']} {one['id']}: {one['help']}: {node['target']} {node['failureSummary']}"
        for one in result["violations"]
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"][:3]
    ]
    assert faults == []
