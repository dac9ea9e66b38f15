"""Budgets: scenarios/budgets.toml, one entry a limit, and what a run says of each.

[[budget]]
id = "order-book-update"
section = "8.1"                      where the limit comes from
name = "Order book update"           its line in tables
reading = "…"                        what the words of the source leave open, and how they were read
priority = "critical"                critical, high, medium, or external (somebody else keeps it)
scenario = "budgets/order-book"      the scenario that measures it
variant = "lockfree_ladder"          who is judged; "any" (the default): each variant that the run measured there
metric = "p99"                       p50, p90, p99, p99.9, p99.99: of an operation, each timed on its own; mean: elapsed time an
                                     operation; rate: operations a second; counter:NAME: a counter of the workload
limit = 5
unit = "us"                          ns, us, ms, s; B, kB, MB, GB (powers of 1,000); %; /s; or "" for plain counts
bound = "at most"                    or "at least", the default for a rate
probe = "order_book"                 the histogram of a live engine's probe page that the limit also holds for, if its name
                                     is not the id

An entry with `not_measured = "why"` in place of scenario and metric is listed with that reason; `sum_of = ["id", …]` shows
the sum of other lines beside it, which is no measurement of the whole.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from tickbench.analysis.budgets import Bound, Judgement, RoundValue, Verdict, judge, not_measured, samples_needed
from tickbench.analysis.percentiles import percentiles_from_counts
from tickbench.errors import InputError
from tickbench.kernels.hdr import Histogram
from tickbench.measure.catalogue import beside_scenarios
from tickbench.measure.scenario import Text, read_toml, refuse_unknown
from tickbench.results.run_file import Measurement, Run, explain

FILE_NAME = "budgets.toml"
ANY = "any"
COUNTER = "counter:"
PERCENTILES = ("p50", "p90", "p99", "p99.9", "p99.99")
PRIORITIES = ("critical", "high", "medium", "external")
_NS_PER_S = 1_000_000_000
UNITS: dict[str, tuple[str, float]] = {  # unit -> what it measures, and how many of the run file's own units it is
    **{unit: ("time", scale) for unit, scale in (("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9))},
    **{unit: ("memory", scale) for unit, scale in (("B", 1.0), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9))},
    "%": ("share", 1.0),
    "/s": ("rate", 1.0),
    "": ("count", 1.0),
}
_SUFFIXES = {"_ns": "time", "_bytes": "memory", "_percent": "share", "_per_s": "rate"}  # of a counter's name

Priority = Literal["critical", "high", "medium", "external"]
Limit = Annotated[float, msgspec.Meta(gt=0, le=1e15)]


class Budget(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One limit, and what measures it."""

    id: Text
    section: Text
    name: Text
    reading: Text
    priority: Priority
    limit: Limit
    unit: str
    scenario: Text | None = None
    variant: Text = ANY
    metric: Text | None = None
    bound: Bound | None = None
    not_measured: Text | None = None
    probe: Text | None = None
    sum_of: list[Text] = []

    @property
    def direction(self) -> Bound:
        """`bound`, or its default: a rate is at least, all others at most."""
        return self.bound or ("at least" if self.metric == "rate" or self.unit == "/s" else "at most")

    @property
    def limit_in_run_units(self) -> float:
        """The limit in the run file's own unit: ns, bytes, operations a second."""
        return self.limit * UNITS[self.unit][1]


class _BudgetFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    budget: list[Budget]


@dataclass(frozen=True)
class BudgetFinding:
    """A budget and what the run says of it, of one variant. Values are in the budget's unit.

    `measured` is the median of the rounds, `low` to `high` its interval, `bound` the end of it that decides. `parts` of a
    `sum_of` line: the sum of the lines that were measured, how many they are, and of how many.
    """

    budget: Budget
    variant: str
    verdict: Verdict
    reason: str
    measured: float | None = None
    low: float | None = None
    high: float | None = None
    bound: float | None = None
    parts: tuple[float, int, int] | None = None


def budgets_file() -> Path:
    """The budgets that ship beside the scenarios."""
    return beside_scenarios(FILE_NAME, "--budgets")


def read_budgets(path: Path) -> list[Budget]:
    """All entries of a file of budgets; raises InputError that names the file, the entry and the key."""
    document = read_toml(path, "the budgets")
    refuse_unknown(f"{path}", document, ["budget"])
    entries = document.get("budget")
    if not entries:
        raise InputError(f"{path}: holds no [[budget]]: nothing would be judged")
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict):
            refuse_unknown(f"{path}: budget {entry.get('id', '?')}", entry, Budget.__struct_fields__)
    try:
        budgets = msgspec.convert(document, type=_BudgetFile).budget
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: {explain(error)}") from error
    _check(path, budgets)
    return budgets


def _check(path: Path, budgets: Sequence[Budget]) -> None:
    ids = [one.id for one in budgets]
    for index, one in enumerate(budgets):
        place = f"{path}: budget {one.id}"
        if one.id in ids[:index]:
            raise InputError(f"{place}: id: stands there twice: rename one")
        if one.unit not in UNITS:
            raise InputError(f"{place}: unit: {one.unit!r} is none of {', '.join(filter(None, UNITS))}")
        for part in one.sum_of:
            if part not in ids or part == one.id:
                raise InputError(f"{place}: sum_of: {part!r} is no other budget of this file")
        if one.not_measured is None:
            _check_measured(place, one)
        elif one.scenario or one.metric:
            raise InputError(f"{place}: has not_measured and {'scenario' if one.scenario else 'metric'}: keep one of them")


def _check_measured(place: str, budget: Budget) -> None:
    lacking = [key for key in ("scenario", "metric") if getattr(budget, key) is None]
    if lacking:
        raise InputError(f"{place}: {', '.join(lacking)} missing: give it, or say not_measured = why")
    if budget.sum_of:
        raise InputError(f"{place}: sum_of: only a line that is not_measured shows a sum of others")
    metric = budget.metric or ""
    if metric == "max":
        raise InputError(f"{place}: metric: the largest value has no upper bound, so nothing is ever within: take p99.99")
    if metric not in (*PERCENTILES, "mean", "rate") and not metric.removeprefix(COUNTER) != metric:
        raise InputError(f"{place}: metric: {metric!r} is none of {', '.join(PERCENTILES)}, mean, rate, {COUNTER}NAME")
    fitting = [unit for unit, (kind, _) in UNITS.items() if kind == _kind_of(metric)]
    if budget.unit not in fitting:
        raise InputError(f"{place}: unit: {budget.unit!r} does not fit {metric}: {' or '.join(fitting) or 'none'}")


def _kind_of(metric: str) -> str:
    if metric.startswith(COUNTER):
        return next((kind for suffix, kind in _SUFFIXES.items() if metric.endswith(suffix)), "count")
    return "rate" if metric == "rate" else "time"


def judge_run(run: Run, budgets: Sequence[Budget]) -> list[BudgetFinding]:
    """What a run says of each budget, in their order; a budget of any variant has a finding for each that was measured."""
    findings = [_finding(run, budget, variant) for budget in budgets for variant in _judged(run, budget)]
    by_id: dict[str, BudgetFinding] = {}
    for one in findings:
        by_id.setdefault(one.budget.id, one)
    return [_summed(one, by_id) if one.budget.sum_of else one for one in findings]


def _judged(run: Run, budget: Budget) -> list[str]:
    if budget.variant != ANY or budget.not_measured is not None:
        return [budget.variant]
    null = {(one.component, one.name) for one in run.variants if one.null}
    seen = [(one.component, one.variant) for one in run.measurements if one.scenario == budget.scenario]
    seen += [(one.component, one.variant) for one in run.failures if one.scenario == budget.scenario]
    return list(dict.fromkeys(variant for component, variant in seen if (component, variant) not in null)) or [ANY]


def _finding(run: Run, budget: Budget, variant: str) -> BudgetFinding:
    found = _judge(run, budget, variant)
    scale = UNITS[budget.unit][1]

    def scaled(value: float | None) -> float | None:
        return None if value is None else value / scale

    return BudgetFinding(
        budget=budget,
        variant=variant,
        verdict=found.verdict,
        reason=found.reason,
        measured=scaled(found.measured),
        low=scaled(found.low),
        high=scaled(found.high),
        bound=scaled(found.deciding),
    )


def _summed(finding: BudgetFinding, by_id: Mapping[str, BudgetFinding]) -> BudgetFinding:
    """The line with the sum of its measured parts, in its own unit."""
    parts = [by_id[name] for name in finding.budget.sum_of]
    scale = UNITS[finding.budget.unit][1]
    values = [one.measured * UNITS[one.budget.unit][1] / scale for one in parts if one.measured is not None]
    return replace(finding, parts=(sum(values), len(values), len(parts)))


def _judge(run: Run, budget: Budget, variant: str) -> Judgement:
    if budget.not_measured is not None:
        return not_measured(budget.not_measured)
    measured = [one for one in run.measurements if one.scenario == budget.scenario and one.variant == variant]
    reason = _why_not(run, budget, variant, measured)
    if reason:
        return not_measured(reason)
    values = [_value(one, budget.metric or "") for one in measured]
    return judge(values, budget.limit * UNITS[budget.unit][1], budget.direction)


def _why_not(run: Run, budget: Budget, variant: str, measured: Sequence[Measurement]) -> str:
    """Why a run's measurements decide nothing, with the remedy; empty where they may."""
    metric = budget.metric or ""
    failed = [one for one in run.failures if one.scenario == budget.scenario and one.variant == variant]
    if failed:  # a number that was lost is no number that was kept
        return f"{failed[0].kind.replace('_', ' ')}: {failed[0].detail}"
    if not measured:
        return _absence(run, budget, variant)
    if metric in PERCENTILES:
        return _too_few(measured, metric)
    name = metric.removeprefix(COUNTER)
    if name != metric and any(name not in one.counters for one in measured):
        return f"{variant} has no counter {name}: has the workload another name for it?"
    return ""


def _absence(run: Run, budget: Budget, variant: str) -> str:
    if budget.scenario not in {one.id for one in run.scenarios}:
        return f"{budget.scenario} is not in this run: tickbench run {budget.scenario}"
    for skipped in run.skipped:
        if skipped.scenario == budget.scenario and skipped.variant == variant:
            return skipped.reason
    return f"{variant} was not measured in {budget.scenario}: is the name right, or was it left out by --variant?"


def _too_few(measured: Sequence[Measurement], metric: str) -> str:
    if any(one.timing == "batch" for one in measured):
        return "timed in batches, and a batch mean is no percentile: name a workload that times each operation"
    needed = samples_needed(metric.removeprefix("p"))
    fewest = min(_primary(one).count for one in measured)
    if fewest < needed:
        return f"{fewest:,} samples in a round, {metric} needs {needed:,}: --seconds higher"
    return ""


def _primary(measurement: Measurement) -> Histogram:
    """The response time of an open load, else the service time."""
    histograms = measurement.histograms
    text = histograms.get("response") or histograms.get("service")
    return Histogram.decode(text) if text else Histogram()


def _value(measurement: Measurement, metric: str) -> RoundValue:
    if metric in PERCENTILES:
        histogram = _primary(measurement)
        (found,) = percentiles_from_counts(histogram.counts, histogram.geometry, [metric.removeprefix("p")])
        low, high = found.low_ns, found.high_ns
        return RoundValue(found.value_ns, 0 if low is None else low, float("inf") if high is None else high)
    if metric == "mean":
        value = measurement.elapsed_ns / max(measurement.operations, 1)
    elif metric == "rate":
        value = measurement.operations * _NS_PER_S / max(measurement.elapsed_ns, 1)
    else:
        value = measurement.counters[metric.removeprefix(COUNTER)]
    return RoundValue(value, value, value)


def in_order(findings: Iterable[BudgetFinding]) -> list[BudgetFinding]:
    """Over first, then by priority, then by section as they stand in the file."""
    return sorted(findings, key=lambda one: (one.verdict != "over", PRIORITIES.index(one.budget.priority), one.budget.section))
