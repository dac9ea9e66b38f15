"""From the measurements of a run to the rows of its tables: rounds put together, each percentile with its weight."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tickbench.analysis.ratios import PairedRatio, paired_ratio
from tickbench.errors import InputError
from tickbench.kernels.hdr import Histogram, rank_of
from tickbench.results.run_file import Failure, Measurement, Run, ScenarioRecord, Skipped, VariantRecord

SHOWN_PERCENTILES = ("50", "99", "99.9")
# Of batches there are few, so their far tail says nothing; the 10th percentile is the machine at its quietest.
SHOWN_BATCH_PERCENTILES = ("10", "50", "99")
EXTRA_PERCENTILES = ("50", "99")
RATIO_PERCENTILE = "99"  # what open loops are compared by: their throughput is given
# A percentile with fewer samples above it moves by tens of percent from run to run.
FEW_SAMPLES = 10
BATCH_COUNTER = "batch"  # operations between two readings of the clock, from workloads that time in batches
_NS_PER_S = 1_000_000_000


@dataclass(frozen=True)
class Value:
    """A percentile in ns; `few` says that fewer than FEW_SAMPLES samples lie above it."""

    ns: float
    few: bool


@dataclass(frozen=True)
class Row:
    """One variant in one scenario, all rounds together. Operations a second and counters are medians of the rounds."""

    variant: VariantRecord
    rounds: int
    disturbed: int
    timing: str
    batch_operations: int | None
    percentiles: dict[str, Value]
    max_ns: float | None
    extras: dict[str, dict[str, Value]]
    counters: dict[str, float]
    operations_per_s: float
    ratio: PairedRatio | None


@dataclass(frozen=True)
class Section:
    """One scenario of a run."""

    scenario: ScenarioRecord
    rows: list[Row]
    reference: str | None
    failures: list[Failure]
    skipped: list[Skipped]

    @property
    def batch(self) -> bool:
        """Whether the percentiles are of batch means."""
        return any(row.timing == "batch" for row in self.rows)

    @property
    def shown_percentiles(self) -> tuple[str, ...]:
        """The percentiles that a table of this section has columns for."""
        return SHOWN_BATCH_PERCENTILES if self.batch else SHOWN_PERCENTILES


def sections(run: Run) -> list[Section]:
    """One section a scenario, in the order of the run."""
    return [_section(run, scenario) for scenario in run.scenarios]


def _section(run: Run, scenario: ScenarioRecord) -> Section:
    variants = [one for one in run.variants if one.component == scenario.component]
    by_name: dict[str, list[Measurement]] = {one.name: [] for one in variants}
    for measurement in run.measurements:
        if measurement.scenario == scenario.id and measurement.variant in by_name:
            by_name[measurement.variant].append(measurement)
    reference = next((one.name for one in variants if one.reference and by_name[one.name]), None)
    base = by_name[reference] if reference else []
    rows = [_row(one, by_name[one.name], base, scenario) for one in variants if by_name[one.name]]
    return Section(
        scenario,
        sorted(rows, key=lambda row: (row.variant.null, not row.variant.reference, -row.operations_per_s)),
        reference,
        [one for one in run.failures if one.scenario == scenario.id],
        [one for one in run.skipped if one.scenario == scenario.id],
    )


def _row(
    variant: VariantRecord,
    measured: Sequence[Measurement],
    base: Sequence[Measurement],
    scenario: ScenarioRecord,
) -> Row:
    merged = _merged_histograms(measured)
    primary = "response" if "response" in merged else "service"
    batch = measured[0].timing == "batch"
    maxima = [one.percentiles["max"] for one in measured if "max" in one.percentiles]
    ratio = None
    if base and not variant.null:
        ratio = paired_ratio(_by_round(measured, scenario.open_loop), _by_round(base, scenario.open_loop))
    batches = {int(one.counters.get(BATCH_COUNTER, one.operations_per_value)) for one in measured}
    percentiles = {}
    if primary in merged:
        values = merged.pop(primary)
        percentiles = _batch_values(measured, values.count) if batch else _values(values, SHOWN_PERCENTILES)
    return Row(
        variant=variant,
        rounds=len(measured),
        disturbed=sum(one.disturbed for one in measured),
        timing=measured[0].timing,
        batch_operations=batches.pop() if batch and len(batches) == 1 else None,
        percentiles=percentiles,
        max_ns=max(maxima, default=None),
        extras={name: _values(one, EXTRA_PERCENTILES) for name, one in merged.items()},
        counters=_counters(measured, scenario.shown_counters),
        operations_per_s=statistics.median(one.operations * _NS_PER_S / max(one.elapsed_ns, 1) for one in measured),
        ratio=ratio,
    )


def _counters(measured: Sequence[Measurement], names: Iterable[str]) -> dict[str, float]:
    return {
        name: statistics.median(found)
        for name in names
        if (found := [one.counters[name] for one in measured if name in one.counters])
    }


def _by_round(measured: Iterable[Measurement], open_loop: bool) -> dict[int, float]:
    """What variants are compared by: time an operation, or the response time that a trader waits for."""
    if open_loop:
        return {one.round: one.percentiles.get(RATIO_PERCENTILE, 0.0) for one in measured}
    return {one.round: one.elapsed_ns / max(one.operations, 1) for one in measured}


def _merged_histograms(measured: Iterable[Measurement]) -> dict[str, Histogram]:
    merged: dict[str, Histogram] = {}
    for one in measured:
        for name, text in one.histograms.items():
            try:
                histogram = Histogram.decode(text)
            except InputError as error:
                raise InputError(f"{one.scenario} {one.variant} round {one.round}: histograms.{name}: {error}") from error
            if name in merged:
                merged[name].merge(histogram)
            else:
                merged[name] = histogram
    return {name: one for name, one in merged.items() if one.count}


def _batch_values(measured: Sequence[Measurement], batches: int) -> dict[str, Value]:
    """Percentiles an operation: the median of the rounds', which may have had batches of different sizes."""
    return {
        p: Value(statistics.median(found), min(rank_of(p, batches), batches - rank_of(p, batches)) < FEW_SAMPLES)
        for p in SHOWN_BATCH_PERCENTILES
        if (found := [one.percentiles[p] for one in measured if p in one.percentiles])
    }


def _values(histogram: Histogram, percentiles: Sequence[str]) -> dict[str, Value]:
    n = histogram.count
    found = zip(percentiles, histogram.percentiles(percentiles), strict=True)
    return {p: Value(float(value), n - rank_of(p, n) < FEW_SAMPLES) for p, value in found}
