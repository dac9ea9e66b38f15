"""A comparison for a terminal and for programs, most important findings first."""

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
from rich.console import RenderableType
from rich.text import Text

from tickbench.analysis.verdicts import SCHEMA, Comparison, Finding, percent
from tickbench.render.tables import plain_table, three_digits

ORDER = ("regression", "improvement", "inconclusive", "unchanged")
_STYLES = {"regression": "red", "improvement": "green", "inconclusive": "yellow", "unchanged": "dim"}
_NONE = "–"


def by_importance(comparison: Comparison) -> list[Finding]:
    """Regressions first, the largest of them at the top, then the largest improvements; last what has no effect to show."""

    def rank(one: Finding) -> tuple[bool, int, float, str, str]:
        change = -math.log(one.effect.ratio) if one.effect else 0.0
        change = -change if one.verdict == "improvement" else change
        return one.effect is None, ORDER.index(one.verdict), change, one.scenario, one.variant

    return sorted(comparison.findings, key=rank)


def comparison_tables(comparison: Comparison) -> Iterator[RenderableType]:
    """The findings, then what could not be compared, the notes, and one line that sums it up."""
    columns = ("scenario", "variant", "metric", "base ns", "new ns", "change", "verdict", "why")
    yield plain_table(columns, (_row(one) for one in by_importance(comparison)), right=(3, 4, 5))
    lists = (
        ("wrong", comparison.wrong),
        ("not compared", comparison.refused),
        ("vanished", comparison.vanished),
        ("new", comparison.appeared),
    )
    for title, names in lists:
        for name in names:
            yield Text(f"{title}: {name}", style="red" if title == "wrong" else "yellow")
    for note in comparison.notes:
        yield Text(f"note: {note}", style="dim")
    if comparison.veto:
        yield Text(f"not to be believed: {comparison.veto}", style="red")
    yield Text(tally(comparison))


def _row(one: Finding) -> list[object]:
    return [
        one.scenario,
        one.variant,
        one.metric,
        _NONE if one.base_ns is None else three_digits(one.base_ns),
        _NONE if one.new_ns is None else three_digits(one.new_ns),
        change(one),
        Text(one.verdict, style=_STYLES[one.verdict]),
        one.judgement.reason,
    ]


def change(one: Finding) -> str:
    """The signed change of the cost with its interval."""
    if one.effect is None:
        return _NONE
    return f"{percent(one.effect.ratio)} [{percent(one.effect.low)}, {percent(one.effect.high)}]"


def tally(comparison: Comparison) -> str:
    """How many findings have which verdict, and what has none, in one line."""
    counts = Counter[str](one.verdict for one in comparison.findings)
    parts = [f"{counts[name]} {name}" for name in ORDER if counts[name]]
    parts += [f"{len(comparison.wrong)} wrong"] if comparison.wrong else []
    parts += [f"{len(comparison.refused)} not compared"] if comparison.refused else []
    parts += [f"{len(comparison.vanished)} vanished"] if comparison.vanished else []
    parts += [f"{len(comparison.appeared)} new"] if comparison.appeared else []
    return f"{comparison.base} → {comparison.new} ({comparison.kind}): {', '.join(parts) or 'nothing compared'}"


def comparison_content(comparison: Comparison) -> dict[str, Any]:
    """All of it for programs; schema SCHEMA."""
    content: dict[str, Any] = {"schema": SCHEMA, **msgspec.to_builtins(comparison)}
    for row, one in zip(content["findings"], comparison.findings, strict=True):
        row["verdict"] = one.verdict
    return content
