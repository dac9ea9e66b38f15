"""One scenario: its table, its curves, its time, its order and its noise."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from tickbench.analysis.percentiles import LEAST_EXCEEDANCES, SHOWN, Estimate, percentiles_from_counts
from tickbench.analysis.ratios import CONFIDENCE, median_interval
from tickbench.kernels.hdr import Histogram
from tickbench.measure.budgets import PERCENTILES, BudgetFinding
from tickbench.render.numbers import FEW_MARK, NONE, duration_text, interval, quantity, rate_text, ratio_text, times
from tickbench.render.summary import EXTRA_PERCENTILES, RATIO_PERCENTILE, SHOWN_BATCH_PERCENTILES, Row, Section
from tickbench.render.tables import three_digits
from tickbench.render.terminal import alike_failures, counted, failure_text
from tickbench.render.view.curves import Points, curve_points
from tickbench.render.view.heatmap import chosen_rows, heatmap_of
from tickbench.render.view.model import Curve, Heatmap, LimitLine, Percentile, ScenarioView, VariantRow
from tickbench.render.view.noise import noise_rows
from tickbench.render.view.order import Places, run_order

Role = Literal["variant", "reference", "driver", "baseline"]
Curves = Mapping[tuple[str, str], Points]  # by scenario and variant


def scenario_view(
    section: Section,
    anchor: str,
    budgets: Iterable[BudgetFinding],
    baseline: Curves,
    places: Places,
    heat: tuple[int, int],
) -> ScenarioView:
    """All of one scenario; `heat`: its heat maps at most, and the columns of each."""
    scenario = section.scenario
    mine = [one for one in budgets if one.budget.scenario == scenario.id]
    curves = () if section.batch else _curves(section, baseline)
    return ScenarioView(
        id=scenario.id,
        anchor=anchor,
        why=scenario.why,
        component=scenario.component,
        workload=scenario.workload,
        operation=scenario.operation,
        load_text=_load_text(section),
        threads_text=_threads_text(section),
        batch=section.batch,
        open_loop=scenario.open_loop,
        unit=section.unit[0],
        finding=scenario_finding(section),
        rows=tuple(_row(one, section) for one in section.rows),
        curves=curves,
        limits=() if section.batch else _limits(mine),
        heatmaps=_heatmaps(section, [one.variant for one in mine], *heat),
        order=run_order(section, places),
        noise=noise_rows(section.rows),
        failures=tuple((alike[0].variant, failure_text(alike)) for alike in alike_failures(section.failures)),
        skipped=tuple((one.variant, one.reason) for one in section.skipped),
    )


def _load_text(section: Section) -> str:
    """Closed or open loop, with its numbers, and what the values are of."""
    load = {name: value for name, value in section.scenario.load.items() if name != "kind"}
    kind = str(section.scenario.load.get("kind", "closed"))
    given = ", ".join(f"{name} {value}" for name, value in load.items())
    text = f"open loop, {kind}" if section.scenario.open_loop else "closed loop"
    return "; ".join(filter(None, (text, given, counted(section) if section.rows else "")))


def _threads_text(section: Section) -> str:
    scenario = section.scenario
    return (
        f"{scenario.writers} writing, {scenario.readers} reading"
        if scenario.readers
        else f"{scenario.writers} thread{'s' if scenario.writers != 1 else ''}"
    )


def _row(row: Row, section: Section) -> VariantRow:
    ratio = row.ratio
    ns_per_unit = section.unit[1]
    return VariantRow(
        name=row.variant.name,
        runtime=row.variant.runtime,
        example_of=row.variant.example_of,
        reference=row.variant.name == section.reference,
        null=row.variant.null,
        rounds=row.rounds,
        disturbed=row.disturbed,
        samples=row.merged.count if row.merged else 0,
        percentiles=_percentiles(row, ns_per_unit),
        max_ns=row.max_ns,
        max_text=NONE if row.max_ns is None else duration_text(row.max_ns, ns_per_unit),
        operations_per_s=row.operations_per_s,
        operations_per_s_text=rate_text(row.operations_per_s),
        ratio=None if ratio is None else ratio.median,
        ratio_low=None if ratio is None else ratio.low,
        ratio_high=None if ratio is None else ratio.high,
        ratio_text=ratio_text(ratio, row.variant.name == section.reference),
        counters=tuple((name.replace("_", " "), three_digits(value)) for name, value in row.counters.items()),
        extras=tuple((name, _of_histogram(one, EXTRA_PERCENTILES, ns_per_unit)) for name, one in row.extra_histograms.items()),
    )


def _percentiles(row: Row, ns_per_unit: float) -> tuple[Percentile, ...]:
    if row.timing == "batch":
        return tuple(_of_rounds(row, p, ns_per_unit) for p in SHOWN_BATCH_PERCENTILES if p in row.percentiles)
    return _of_histogram(row.merged, SHOWN, ns_per_unit) if row.merged else ()


def _of_rounds(row: Row, p: str, ns_per_unit: float) -> Percentile:
    """A percentile of batch means: the median of the rounds', with its interval where they are enough for one."""
    value = row.percentiles[p]
    found = median_interval(one.percentiles[p] for one in row.measured if p in one.percentiles)
    known = found.confidence >= CONFIDENCE
    bounds = (found.low, found.high) if known else (None, None)
    return _cell(p, value.ns, bounds, value.few, ns_per_unit)


def _of_histogram(histogram: Histogram, ps: Sequence[str], ns_per_unit: float) -> tuple[Percentile, ...]:
    found = percentiles_from_counts(histogram.counts, histogram.geometry, ps)
    return tuple(_of_estimate(one, ns_per_unit) for one in found)


def _of_estimate(one: Estimate, ns_per_unit: float) -> Percentile:
    few = one.exceedances < LEAST_EXCEEDANCES
    return _cell(str(one.percentile), float(one.value_ns), (one.low_ns, one.high_ns), few, ns_per_unit)


def _cell(p: str, value_ns: float, bounds: tuple[float | None, float | None], few: bool, ns_per_unit: float) -> Percentile:
    low, high = (None if one is None else float(one) for one in bounds)
    shown = interval(low and low / ns_per_unit, high and high / ns_per_unit)
    text = duration_text(value_ns, ns_per_unit, few)
    return Percentile(p, value_ns, low, high, few, text, "" if shown == NONE else shown)


def _curves(section: Section, baseline: Curves) -> tuple[Curve, ...]:
    found = []
    for row in section.rows:
        points = curve_points(row.merged) if row.merged else None
        if points:
            role: Role = "driver" if row.variant.null else "reference" if row.variant.name == section.reference else "variant"
            found.append(Curve(row.variant.name, role, *points))
        before = baseline.get((section.scenario.id, row.variant.name))
        if before and not row.variant.null:
            found.append(Curve(row.variant.name, "baseline", *before))
    return tuple(found)


def curves_of(sections: Iterable[Section]) -> dict[tuple[str, str], Points]:
    """The curves of a baseline."""
    return {
        (section.scenario.id, row.variant.name): points
        for section in sections
        if not section.batch
        for row in section.rows
        if row.merged and (points := curve_points(row.merged))
    }


def _limits(budgets: Iterable[BudgetFinding]) -> tuple[LimitLine, ...]:
    """The budgets that are limits of percentiles, each once."""
    found = {
        one.budget.id: LimitLine(
            one.budget.name, (one.budget.metric or "").removeprefix("p"), one.budget.limit_in_run_units, one.budget.priority
        )
        for one in budgets
        if one.budget.metric in PERCENTILES and one.budget.direction == "at most"
    }
    return tuple(found.values())


def _heatmaps(section: Section, with_budget: Iterable[str], most: int, most_columns: int) -> tuple[Heatmap, ...]:
    rows = chosen_rows(section.rows, with_budget, most)
    return tuple(found for row in rows if (found := heatmap_of(row, most_columns)))


def scenario_finding(section: Section) -> str:
    """One sentence: who is fastest, by how much, against whom."""
    rows = [one for one in section.rows if not one.variant.null]
    if not rows:
        return f"Nothing was measured: {len(section.failures)} failures, {len(section.skipped)} variants left out."
    fastest = min(rows, key=lambda one: _cost(one, section))
    reference = next((one for one in rows if one.variant.name == section.reference), None)
    text = f"{fastest.variant.name} has {_figure(fastest, section)}"
    if reference is None or len(rows) == 1:
        others = f", the fastest of {len(rows)}" if len(rows) > 1 else ""
        return f"{text}{others}."
    if fastest is reference:
        second = min((one for one in rows if one is not reference), key=lambda one: _cost(one, section))
        return f"{text}, the fastest of {len(rows)}, before {second.variant.name} with {_figure(second, section)}."
    figures = f"{_figure(fastest, section)} against {_figure(reference, section)}"
    return f"{fastest.variant.name} {_against(fastest, section, reference.variant.name)} ({figures})."


def _cost(row: Row, section: Section) -> float:
    if section.scenario.open_loop and RATIO_PERCENTILE in row.percentiles:
        return row.percentiles[RATIO_PERCENTILE].ns
    return 1 / row.operations_per_s if row.operations_per_s else float("inf")


def _figure(row: Row, section: Section) -> str:
    p = "50" if section.batch else RATIO_PERCENTILE
    if p not in row.percentiles:
        return f"{rate_text(row.operations_per_s)} operations/s"
    value = row.percentiles[p]
    what = "median batch mean" if section.batch else f"p{p}"
    return f"{what} {FEW_MARK if value.few else ''}{quantity(value.ns, 'ns')}"


def _against(row: Row, section: Section, reference: str) -> str:
    ratio = row.ratio
    if ratio is None or min(ratio.low, ratio.median) <= 0:
        return f"is faster than {reference}"
    factor = f"{times(1 / ratio.median)} {interval(1 / ratio.high, 1 / ratio.low)}"
    what = (
        f"has a p{RATIO_PERCENTILE} {factor} below {reference}'s"
        if section.scenario.open_loop
        else f"is {factor} faster than {reference}"
    )
    return f"{what}, within what the rounds differ by" if ratio.high >= 1 else what
