"""A report as tables of texts, the same ones for terminals and markdown; nothing is rounded here."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from tickbench.render.numbers import NONE, interval, times
from tickbench.render.view.model import (
    Amount,
    BudgetRow,
    ClaimRow,
    ComparisonView,
    HistorySeries,
    MemoryRow,
    Report,
    ScenarioView,
    VariantRow,
)


@dataclass(frozen=True)
class Part:
    """A section: its title, sentences above the table, the table (`right`: columns of numbers), sentences below.

    `shares` are of the rows' bars, 1 is full, or None: an empty tuple where a table has none. `optional` are columns that a
    narrow terminal does without, the first of them first.
    """

    title: str
    told: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    right: tuple[int, ...] = ()
    below: tuple[str, ...] = ()
    shares: tuple[float | None, ...] = ()
    optional: tuple[int, ...] = ()


def report_parts(report: Report) -> Iterator[Part]:
    """All parts that have something to say, in the order of the report."""
    yield _verdict(report)
    if report.budgets:
        yield _budgets(report)
    if report.claims:
        yield _claims(report.claims, report.claims_summary)
    if report.comparison:
        yield _comparison(report.comparison)
    for one in report.scenarios:
        yield _scenario(one)
    if report.sweeps:
        yield Part("Sweeps", tuple(f"{one.title}: {one.finding}" for one in report.sweeps))
    if report.memory:
        yield _memory(report.memory)
    if report.history:
        yield _history(report.history)
    warnings = [one for one in report.facts if one.warning]
    told = tuple(f"{one.group}: {one.name}: {one.text}" for one in warnings)
    yield Part("What spoils this measurement", told or ("nothing that the run knows of",))
    yield Part("Method", report.method)


def _verdict(report: Report) -> Part:
    told = []
    for one in report.verdict.lines:
        place = " ".join(filter(None, (one.scenario, one.variant)))
        told.append(f"{one.kind}: {place + ': ' if place else ''}{one.text}")
        told += [text for text in (one.since, one.reproduce and f"again: {one.reproduce}") if text]
    notes = tuple(f"note: {one}" for one in report.verdict.remarks)
    run = (f"measured by: {report.verdict.reproduce}",) if report.verdict.reproduce else ()
    return Part(report.verdict.headline, (*told, *notes, *run))


def _text(amount: Amount | None) -> str:
    return NONE if amount is None else amount.text


def _interval(amount: Amount | None) -> str:
    return (amount.interval_text if amount else "") or NONE


def _budgets(report: Report) -> Part:
    columns = ("verdict", "priority", "budget", "limit", "measured", "interval", "of the limit", "who", "metric")
    rows = tuple(_budget(one) for one in report.budgets)
    told = (report.budgets_summary, *((report.waterfall.finding,) if report.waterfall else ()))
    return Part(
        "Budgets",
        told,
        columns,
        rows,
        (3, 4, 5, 6),
        shares=tuple(one.share for one in report.budgets),
        optional=(8, 7, 5, 1, 6),
    )


def _budget(one: BudgetRow) -> tuple[str, ...]:
    share = NONE if one.share is None else f"{one.share:.0%}"
    shown = (one.verdict, one.priority, one.name, one.limit.text, _text(one.measured), _interval(one.measured), share)
    return (*shown, one.variant or NONE, one.metric or NONE)


def _claims(claims: Sequence[ClaimRow], summary: str) -> Part:
    columns = ("verdict", "promise", "promised", "measured before", "after", "gain", "promised gain")
    return Part("Claims", (summary,), columns, tuple(_claim(one) for one in claims), (2, 3, 4, 5, 6), optional=(3, 4, 2, 6))


def _claim(one: ClaimRow) -> tuple[str, ...]:
    gain = NONE if one.gain is None else f"{times(one.gain)} {interval(one.gain_low, one.gain_high)}"
    promised = NONE if one.promised_gain is None else times(one.promised_gain)
    return (one.verdict, one.promise, one.promised_text, _text(one.before), _text(one.after), gain, promised)


def _comparison(view: ComparisonView) -> Part:
    rows = tuple(
        (one.scenario, one.variant, one.metric, one.base_text, one.new_text, one.change_text, one.verdict, one.reason)
        for one in view.rows[: view.important]
    )
    left = len(view.rows) - len(rows)
    below: tuple[str, ...] = (f"and {left} of less importance",) if left else ()
    lists = (("wrong", view.wrong), ("not compared", view.refused), ("vanished", view.vanished), ("new", view.appeared))
    below += tuple(f"{title}: {name}" for title, names in lists for name in names)
    below += tuple(f"note: {one}" for one in view.notes)
    told = (view.summary, *((f"not to be believed: {view.veto}",) if view.veto else ()))
    columns = ("scenario", "variant", "metric", "base", "new", "change", "verdict", "why")
    return Part("Comparison", told, columns, rows, (3, 4, 5), below, optional=(7, 3, 4))


def _scenario(view: ScenarioView) -> Part:
    shown = list(dict.fromkeys(one.p for row in view.rows for one in row.percentiles))
    extras = list(dict.fromkeys((name, one.p) for row in view.rows for name, cells in row.extras for one in cells))
    counters = list(dict.fromkeys(name for row in view.rows for name, _ in row.counters))
    columns = (
        "variant",
        *(f"p{p} {view.unit}" for p in shown),
        f"max {view.unit}",
        *(f"{name} p{p} {view.unit}" for name, p in extras),
        *counters,
        "operations/s",
        "against the reference",
    )
    rows = tuple(_variant(one, shown, extras, counters) for one in view.rows)
    below = tuple(f"{name}: {text}" for name, text in view.failures)
    below += tuple(f"left out: {name}: {text}" for name, text in view.skipped)
    told = (view.why, view.finding, view.load_text, *((view.order.finding,) if view.order else ()))
    most = len(shown) + 2  # the variant, its percentiles and the maximum; a narrow terminal keeps p50 and p99
    optional = [
        *range(len(columns) - 3, most - 1, -1),
        most - 1,
        *(1 + k for k, p in enumerate(shown) if p not in ("50", "99")),
    ]
    numbers = tuple(range(1, len(columns)))
    return Part(view.id, told, columns if rows else (), rows, numbers, below, _shares(view.rows), tuple(optional))


def _variant(
    row: VariantRow, shown: Iterable[str], extras: Iterable[tuple[str, str]], counters: Iterable[str]
) -> tuple[str, ...]:
    found = {one.p: one.text for one in row.percentiles}
    others = {(name, one.p): one.text for name, cells in row.extras for one in cells}
    counted = dict(row.counters)
    mark = " (the driver's own cost)" if row.null else " (reference)" if row.reference else ""
    return (
        row.name + mark,
        *(found.get(p, NONE) for p in shown),
        row.max_text,
        *(others.get(one, NONE) for one in extras),
        *(counted.get(name, NONE) for name in counters),
        row.operations_per_s_text,
        row.ratio_text,
    )


def _shares(rows: Sequence[VariantRow]) -> tuple[float | None, ...]:
    """Each row's p99 (of single operations or of batch means) over the largest of the table."""
    values = [next((one.value_ns for one in row.percentiles if one.p == "99"), None) for row in rows]
    largest = max((one for one in values if one), default=0.0)
    return tuple(one / largest if one and largest else None for one in values)


def _memory(rows: Sequence[MemoryRow]) -> Part:
    columns = ("scenario", "variant", "grown by", "interval", "own account", "limit", "verdict")
    shown = tuple(
        (one.scenario, one.variant, _text(one.resident), _interval(one.resident), _text(one.own), _text(one.limit), one.verdict)
        for one in rows
    )
    return Part("Memory", (), columns, shown, (2, 3, 4, 5), optional=(3, 4))


def _history(series: Sequence[HistorySeries]) -> Part:
    return Part("History", tuple(one.finding for one in series))
