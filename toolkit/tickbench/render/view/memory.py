"""Memory of the variants that a memory workload measured."""

from collections.abc import Iterable, Sequence

from tickbench.analysis.ratios import median_interval
from tickbench.measure.budgets import COUNTER, BudgetFinding
from tickbench.render.budgets import limit_text
from tickbench.render.numbers import quantity, quantity_interval
from tickbench.render.view.model import Amount, MemoryRow
from tickbench.results.run_file import Measurement, Run

RESIDENT, _OWN = "resident_growth_bytes", "own_bytes"
_NO_BUDGET = "no budget"


def memory_rows(run: Run, budgets: Iterable[BudgetFinding]) -> tuple[MemoryRow, ...]:
    """One row a scenario and variant with a counter of memory, in the order of the run."""
    limits = {(one.budget.scenario, one.variant): one for one in budgets if one.budget.metric == f"{COUNTER}{RESIDENT}"}
    measured: dict[tuple[str, str], list[Measurement]] = {}
    for one in run.measurements:
        if RESIDENT in one.counters:
            measured.setdefault((one.scenario, one.variant), []).append(one)
    order = {one.id: index for index, one in enumerate(run.scenarios)}
    keys = sorted(measured, key=lambda key: (order.get(key[0], len(order)), key[1]))
    return tuple(_row(key, measured[key], limits.get(key)) for key in keys)


def _row(key: tuple[str, str], measured: Sequence[Measurement], budget: BudgetFinding | None) -> MemoryRow:
    limit = None
    if budget:
        limit = Amount(budget.budget.limit_in_run_units, "bytes", limit_text(budget.budget))
    return MemoryRow(
        scenario=key[0],
        variant=key[1],
        resident=_amount(measured, RESIDENT),
        own=_amount(measured, _OWN),
        limit=limit,
        verdict=budget.verdict if budget else _NO_BUDGET,
    )


def _amount(measured: Sequence[Measurement], counter: str) -> Amount | None:
    values = [one.counters[counter] for one in measured if counter in one.counters]
    if not values:
        return None
    found = median_interval(values)
    shown = quantity_interval(found.median, found.low, found.high, "bytes")
    return Amount(found.median, "bytes", quantity(found.median, "bytes"), found.low, found.high, shown)
