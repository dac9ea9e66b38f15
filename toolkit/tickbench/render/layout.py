"""What the tables of the page need besides the view: columns, cells, ids, and texts of shares and ratios."""

import re
from collections.abc import Iterable

from tickbench.render.view.model import NoiseRow, Percentile, Report, ScenarioView, VariantRow, Verdict

Head = tuple[str, int]  # a column's name, and 1 where it holds numbers


def page_anchors(report: Report) -> tuple[str, ...]:
    """An id for each scenario: letters, digits and dashes of its anchor; a number follows where two would be the same."""
    taken = {
        "verdict",
        "budgets",
        "claims",
        "comparison",
        "scenarios",
        "sweeps",
        "memory",
        "history",
        "profiles",
        "machine",
        "method",
    }
    taken |= {"theme", "main", "details", "hatch", "m0", "m1", "m2", "m3", *(f"{name}-head" for name in taken)}
    found = []
    for scenario in report.scenarios:
        base = re.sub(r"[^A-Za-z0-9]+", "-", scenario.anchor[:120]).strip("-") or "scenario"
        name, turn = base, 1
        while name in taken:
            turn += 1
            name = f"{base}-{turn}"
        taken |= {name, f"{name}-head"}
        found.append(name)
    return tuple(found)


def sentence(verdict: Verdict) -> str:
    """The headline without the status at its start: the page says that word already, beside its icon."""
    text = verdict.headline
    return text[len(verdict.status) :].lstrip(" :,.") if text.lower().startswith(verdict.status) else text


def sort_key(value: float | None) -> str:
    """A number for a script that sorts, five digits; empty where there is none: those stay last."""
    return "" if value is None else f"{value:.5g}"


def share_text(share: float) -> str:
    """A share of a limit as percent: 0.03 %, 4.2 %, 120 %."""
    percent = 100 * share
    return f"{percent:,.0f} %" if percent >= 10 else f"{percent:.2g} %"


def meter(share: float) -> float:
    """The length of a share in a meter of 60: full at the limit and above."""
    return round(60 * min(max(share, 0.0), 1.0), 1)


def widest(view: ScenarioView) -> list[Head]:
    """The columns of percentiles that any variant has, in rising order."""
    names = dict.fromkeys(percentile.p for row in view.rows for percentile in row.percentiles)
    return [(f"p{name}, {view.unit}", 1) for name in sorted(names, key=_rank)]


def cell(row: VariantRow, head: str) -> Percentile | None:
    """A variant's percentile for a column of `widest`."""
    return next((one for one in row.percentiles if head.startswith(f"p{one.p}, ")), None)


def extras(view: ScenarioView) -> list[tuple[str, str, tuple[Percentile, ...]]]:
    """The other latencies of all variants, one after the other: variant, what it is, percentiles."""
    return [(row.name, name, values) for row in view.rows for name, values in row.extras]


def noise_heads(view: ScenarioView) -> list[Head]:
    """The columns of the ledger of noise that any variant has."""
    return [(name, 1) for name in dict.fromkeys(name for row in view.noise for name, _ in row.cells)]


def noise_cell(row: NoiseRow, head: str) -> str:
    """What a variant has in a column of `noise_heads`."""
    return _first(text for name, text in row.cells if name == head)


def _first(texts: Iterable[str]) -> str:
    return next(iter(texts), "–")


def _rank(name: str) -> float:
    try:
        return float(name)
    except ValueError:
        return 1e9
