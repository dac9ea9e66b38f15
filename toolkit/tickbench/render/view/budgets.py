"""The budget table and the waterfall of the total."""

from collections.abc import Sequence

from tickbench.measure.budgets import UNITS, Budget, BudgetFinding, in_order
from tickbench.render.budgets import limit_text, measured_text, reason_of
from tickbench.render.numbers import NONE, amount, interval
from tickbench.render.view.model import Amount, BudgetRow, Stage, Waterfall

_NS_PER_US = 1_000.0


def budget_rows(findings: Sequence[BudgetFinding]) -> tuple[BudgetRow, ...]:
    """Every budget with its verdict, those that are over first."""
    return tuple(_row(one) for one in in_order(findings))


def _row(one: BudgetFinding) -> BudgetRow:
    budget = one.budget
    return BudgetRow(
        id=budget.id,
        name=budget.name,
        section=budget.section,
        priority=budget.priority,
        verdict=one.verdict,
        direction=budget.direction,
        limit=Amount(budget.limit, budget.unit, limit_text(budget)),
        measured=measured_amount(one),
        share=None if one.measured is None else one.measured / budget.limit,
        variant=one.variant if budget.scenario else "",
        metric=budget.metric or "",
        scenario=budget.scenario or "",
        reason=one.reason and reason_of(one),
        reading=budget.reading,
    )


def measured_amount(one: BudgetFinding) -> Amount | None:
    """What was measured, with its interval; None where nothing was."""
    if one.measured is None:
        return None
    shown = interval(one.low, one.high)
    return Amount(one.measured, one.budget.unit, measured_text(one), one.low, one.high, "" if shown == NONE else shown)


def waterfall_of(findings: Sequence[BudgetFinding]) -> Waterfall | None:
    """The time budgets of the section that holds a total of times; None where no line is a total of others."""
    by_id: dict[str, BudgetFinding] = {}
    for one in findings:  # of a budget that judges several variants, the one that takes most of it
        before = by_id.get(one.budget.id)
        if before is None or (one.measured or 0.0) > (before.measured or 0.0):
            by_id[one.budget.id] = one
    total = next((one for one in by_id.values() if one.budget.sum_of and _is_time(one.budget)), None)
    if total is None:
        return None
    section = _section(total.budget)
    parts = [one for one in by_id.values() if one is not total and _section(one.budget) == section and _is_stage(one.budget)]
    stages, start_us = [], 0.0
    for one in parts:
        allowed_us = _us(one.budget, one.budget.limit)
        stages.append(_stage(one, start_us, allowed_us))
        start_us += allowed_us
    total_us = _us(total.budget, total.budget.limit)
    return Waterfall(
        total_name=total.budget.name,
        total_us=total_us,
        total_measured_us=None if total.measured is None else _us(total.budget, total.measured),
        stages=tuple(stages),
        unallotted_us=max(total_us - start_us, 0.0),
        finding=_finding(total, stages),
    )


def _section(budget: Budget) -> str:
    return budget.section.partition(",")[0].strip()


def _is_time(budget: Budget) -> bool:
    return UNITS[budget.unit][0] == "time"


def _is_stage(budget: Budget) -> bool:
    return _is_time(budget) and budget.direction == "at most" and not budget.sum_of


def _us(budget: Budget, value: float) -> float:
    return value * UNITS[budget.unit][1] / _NS_PER_US


def _stage(one: BudgetFinding, start_us: float, allowed_us: float) -> Stage:
    budget = one.budget
    return Stage(
        budget=budget.id,
        name=budget.name,
        priority=budget.priority,
        verdict=one.verdict,
        start_us=start_us,
        allowed_us=allowed_us,
        measured_us=None if one.measured is None else _us(budget, one.measured),
        before_us=None,
        measured_text=measured_text(one),
    )


def _finding(total: BudgetFinding, stages: Sequence[Stage]) -> str:
    known = [one for one in stages if one.measured_us is not None]
    limit = amount(total.budget.limit, total.budget.unit)
    if not known:
        return f"None of the {len(stages)} stages of {limit} was measured."
    spent_us, allowed_us = sum(one.measured_us or 0.0 for one in known), sum(one.allowed_us for one in known)
    largest = max(known, key=lambda one: (one.measured_us or 0.0) / one.allowed_us)
    share = (largest.measured_us or 0.0) / largest.allowed_us
    return (
        f"{len(known)} of {len(stages)} stages of {limit} were measured and take {amount(spent_us, 'us')} of their "
        f"{amount(allowed_us, 'us')} together; {largest.name} uses most of its share: {largest.measured_text}, {share:.0%}."
    )
