"""Budgets for a terminal and for programs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from rich.console import RenderableType
from rich.text import Text

from tickbench.measure.budgets import Budget, BudgetFinding, in_order
from tickbench.render.numbers import NONE, amount, interval
from tickbench.render.tables import plain_table, three_digits

_ORDER = ("over", "within", "not measured")
_STYLES = {"over": "red", "within": "green", "not measured": "dim"}
_SHOWN_BOUND = {"at most": "≤", "at least": "≥"}


def budget_tables(findings: Sequence[BudgetFinding]) -> Iterator[RenderableType]:
    """One table of verdicts, those that are over first; then why a line was not measured."""
    ordered = in_order(findings)
    columns = ("verdict", "priority", "budget", "limit", "measured", "interval", "who", "metric", "scenario")
    yield plain_table(columns, (_row(one) for one in ordered), right=(3, 4, 5))
    reasons: dict[str, list[str]] = {}
    for one in ordered:
        if one.reason:
            reasons.setdefault(reason_of(one), []).append(one.budget.id)
    if reasons:
        yield Text("")
        yield Text("Not measured, and why", style="bold")
    for reason, ids in reasons.items():
        yield Text(f"{', '.join(ids)}: {reason}")


def _row(one: BudgetFinding) -> list[object]:
    budget = one.budget
    return [
        Text(one.verdict, style=_STYLES[one.verdict]),
        budget.priority,
        budget.name,
        limit_text(budget),
        measured_text(one),
        interval(one.low, one.high),
        one.variant if budget.scenario else NONE,
        budget.metric or NONE,
        budget.scenario or NONE,
    ]


def limit_text(budget: Budget) -> str:
    """The limit with its direction."""
    return f"{_SHOWN_BOUND[budget.direction]} {amount(budget.limit, budget.unit)}"


def measured_text(one: BudgetFinding) -> str:
    """What was measured, or the sum of the lines that were."""
    if one.measured is not None:
        return amount(one.measured, one.budget.unit)
    return NONE if one.parts is None or not one.parts[1] else f"sum {amount(one.parts[0], one.budget.unit)}"


def reason_of(one: BudgetFinding) -> str:
    """Why there is no verdict: an interval that holds the limit is told, and a sum says of how many lines it is."""
    if one.low is not None and one.high is not None:
        limit, unit = one.budget.limit, one.budget.unit
        return f"straddles: {three_digits(one.low)} to {amount(one.high, unit)} around {amount(limit, unit)}: {one.reason}"
    if one.parts is not None:
        total, measured, of = one.parts
        return f"{one.reason}; sum of {measured} of {of} lines: {amount(total, one.budget.unit)}"
    return one.reason


def tally(findings: Sequence[BudgetFinding]) -> str:
    """How many budgets have which verdict, in words."""
    counts = Counter[str](one.verdict for one in findings)
    return f"{len(findings)} budgets: " + ", ".join(f"{counts[name]} {name}" for name in _ORDER if counts[name])


def budget_rows(findings: Sequence[BudgetFinding]) -> list[dict[str, Any]]:
    """Each budget with its verdict, for programs; values are in the budget's unit, `deciding` is the bound that decides."""
    return [
        {
            **msgspec.to_builtins(one.budget),
            "variant": one.variant,
            "bound": one.budget.direction,
            "verdict": one.verdict,
            "reason": one.reason and reason_of(one),
            "measured": one.measured,
            "low": one.low,
            "high": one.high,
            "deciding": one.bound,
            "sum": one.parts and {"value": one.parts[0], "measured": one.parts[1], "of": one.parts[2]},
        }
        for one in in_order(findings)
    ]
