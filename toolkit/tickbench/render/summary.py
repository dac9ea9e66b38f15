"""From the measurements of a run to the rows of its tables: rounds put together, each percentile with its weight."""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tickbench.analysis.ratios import PairedRatio, paired_ratio
from tickbench.errors import InputError
from tickbench.kernels.hdr import Buckets, HdrGeometry, Histogram, decode_buckets, rank_of
from tickbench.results.run_file import Failure, Measurement, Run, ScenarioRecord, Skipped, VariantRecord

SHOWN_PERCENTILES = ("50", "99", "99.9")
# Of batches there are few, so their far tail says nothing; the 10th percentile is the machine at its quietest.
SHOWN_BATCH_PERCENTILES = ("10", "50", "99")
EXTRA_PERCENTILES = ("50", "99")
RATIO_PERCENTILE = "99"  # what open loops are compared by: their throughput is given
# A percentile with fewer samples above it moves by tens of percent from run to run.
FEW_SAMPLES = 10
BATCH_COUNTER = "batch"  # operations between two readings of the clock, from workloads that time in batches
_NS, _US = ("ns", 1.0), ("µs", 1000.0)
_US_FROM_NS = 10_000.0  # from this median on a table is in µs
_NS_PER_S = 1_000_000_000


@dataclass(frozen=True)
class Value:
    """A percentile in ns; `few` says that fewer than FEW_SAMPLES samples lie above it."""

    ns: float
    few: bool


@dataclass(frozen=True)
class Spread:
    """The values of one round: `values_ns` of the buckets that hold any (their lowest, per operation), and how many."""

    measurement: Measurement
    values_ns: NDArray[np.float64]
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class Row:
    """One variant in one scenario, all rounds together. Operations a second and counters are medians of the rounds.

    `merged` is the primary histogram of all rounds (None: no value), of batches where the timing says so; `spreads` its rounds.
    """

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
    measured: Sequence[Measurement]
    merged: Histogram | None
    extra_histograms: Mapping[str, Histogram]
    spreads: Sequence[Spread]


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

    @property
    def unit(self) -> tuple[str, float]:
        """The unit of the times in a table of this section, and how many ns it is."""
        medians = sorted(row.percentiles["50"].ns for row in self.rows if "50" in row.percentiles)
        return _US if medians and medians[len(medians) // 2] >= _US_FROM_NS else _NS


def sections(run: Run) -> Iterator[Section]:
    """One section a scenario, in the order of the run; made one by one, for their histograms are large."""
    measured: dict[str, dict[str, list[Measurement]]] = {}
    for one in run.measurements:
        measured.setdefault(one.scenario, {}).setdefault(one.variant, []).append(one)
    for scenario in run.scenarios:
        yield _section(run, scenario, measured.get(scenario.id, {}))


def _section(run: Run, scenario: ScenarioRecord, measured: Mapping[str, list[Measurement]]) -> Section:
    variants = [one for one in run.variants if one.component == scenario.component]
    by_name = {one.name: measured.get(one.name, []) for one in variants}
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
    merged, spreads = _histograms(measured)
    primary = primary_of(merged)
    batch = measured[0].timing == "batch"
    maxima = [one.percentiles["max"] for one in measured if "max" in one.percentiles]
    ratio = None
    if base and not variant.null:
        ratio = paired_ratio(_by_round(measured, scenario.open_loop), _by_round(base, scenario.open_loop))
    batches = {int(one.counters.get(BATCH_COUNTER, one.operations_per_value)) for one in measured}
    percentiles = {}
    values = merged.pop(primary, None)
    if values is not None:
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
        measured=measured,
        merged=values,
        extra_histograms=merged,
        spreads=spreads,
    )


def primary_of(histograms: Iterable[str]) -> str:
    """What percentiles are of: the response time of an open load, else the service time."""
    return "response" if "response" in histograms else "service"


def _counters(measured: Sequence[Measurement], names: Iterable[str]) -> dict[str, float]:
    return {
        name: statistics.median(found)
        for name in names
        if (found := [one.counters[name] for one in measured if name in one.counters])
    }


def _by_round(measured: Iterable[Measurement], open_loop: bool) -> dict[int, float]:
    return {one.round: cost_ns(one, open_loop) for one in measured}


def cost_ns(one: Measurement, open_loop: bool) -> float:
    """What variants are compared by: time an operation, or the response time that a trader waits for."""
    return one.percentiles.get(RATIO_PERCENTILE, 0.0) if open_loop else one.elapsed_ns / max(one.operations, 1)


def _histograms(measured: Iterable[Measurement]) -> tuple[dict[str, Histogram], list[Spread]]:
    """The histograms of all rounds by name, without empty ones, and the primary one of each round; each decoded once."""
    sums: dict[str, tuple[HdrGeometry, NDArray[np.int64]]] = {}
    spreads = []
    for one in measured:
        primary = primary_of(one.histograms)
        for name, text in one.histograms.items():
            try:
                found = decode_buckets(text)
                geometry, counts = sums.setdefault(name, (found.geometry, _no_counts(found.geometry)))
                if found.geometry != geometry:
                    raise InputError(f"cannot merge {found.geometry} into {geometry}")
            except InputError as error:
                raise InputError(f"{one.scenario} {one.variant} round {one.round}: histograms.{name}: {error}") from error
            counts[found.index] += found.counts
            if name == primary:
                spreads.append(spread(one, found))
    return {name: Histogram.of_counts(*one) for name, one in sums.items() if one[1].any()}, spreads


def _no_counts(geometry: HdrGeometry) -> NDArray[np.int64]:
    return np.zeros(geometry.counts_len, dtype=np.int64)


def spread(measurement: Measurement, found: Buckets) -> Spread:
    """The filled buckets of a measurement's histogram, per operation."""
    return Spread(measurement, found.geometry.lowest_values[found.index] / measurement.operations_per_value, found.counts)


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
