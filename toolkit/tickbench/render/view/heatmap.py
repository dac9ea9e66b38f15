"""Latency over time as counts in rows of latency and columns of time."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tickbench.errors import InputError
from tickbench.kernels.hdr import decode_buckets
from tickbench.render.numbers import quantity
from tickbench.render.summary import Row, Spread, spread
from tickbench.render.view.model import HeatColumn, Heatmap
from tickbench.results.run_file import Measurement

MOST_VARIANTS = 4
PAGE_MAPS = 200  # of a report, 3 to 4 kB each: a suite shows one or two a scenario, a single scenario MOST_VARIANTS
MOST_COLUMNS = 120  # of one heat map
PAGE_COLUMNS = 4_000  # of all heat maps of a report together: about 100 bytes each
_ROWS_AN_OCTAVE = 4
_LEAST_NS = 1e-3  # a value of 0 is less than a tick of the clock: it falls into the lowest row
_NS_PER_S = 1_000_000_000


@dataclass(frozen=True)
class _Slice:
    """The values of a slice of time."""

    start_s: float
    end_s: float
    round: int
    values_ns: NDArray[np.float64]
    counts: NDArray[np.int64]


def maps_a_scenario(scenarios: int) -> int:
    """How many heat maps each of so many scenarios may have."""
    return max(1, min(MOST_VARIANTS, PAGE_MAPS // max(scenarios, 1)))


def chosen_rows(rows: Iterable[Row], with_budget: Iterable[str], most: int) -> list[Row]:
    """Those of most interest, at most so many: with a budget, the fastest, the reference."""
    names = set(with_budget)
    real = [one for one in rows if not one.variant.null and one.spreads]
    fastest = sorted(real, key=lambda one: -one.operations_per_s)
    judged = [one for one in real if one.variant.name in names]
    reference = [one for one in real if one.variant.reference]
    by_name = {one.variant.name: one for one in [*judged, *fastest[:1], *reference, *fastest]}
    return list(by_name.values())[:most]


def heatmap_of(row: Row, most_columns: int) -> Heatmap | None:
    """All rounds of a variant, one after the other as they ran; None where no value was kept.

    A round that tells no intervals is one column. Neighbours within a round are put together until there are at most
    `most_columns`, but never two rounds.
    """
    slices = [part for one in row.spreads for part in _joined(_slices(one), _share(most_columns, len(row.spreads)))]
    slices = sorted((one for one in slices if one.counts.size), key=lambda one: (one.start_s, one.round))
    if not slices:
        return None
    rows = [np.floor(np.log2(np.maximum(one.values_ns, _LEAST_NS)) * _ROWS_AN_OCTAVE).astype(int) for one in slices]
    low, high = min(int(one.min()) for one in rows), max(int(one.max()) for one in rows)
    edges = tuple(float(f"{2 ** (k / _ROWS_AN_OCTAVE):.5g}") for k in range(low, high + 2))
    columns = tuple(_column(one, at - low, high - low + 1) for one, at in zip(slices, rows, strict=True))
    return Heatmap(row.variant.name, edges, columns, _finding(row, columns))


def _share(columns: int, rounds: int) -> int:
    return max(columns // max(rounds, 1), 1)


def _slices(whole: Spread) -> list[_Slice]:
    one = whole.measurement
    start_s = started_s(one)
    if not one.intervals:
        return [_Slice(start_s, start_s + one.elapsed_ns / _NS_PER_S, one.round, whole.values_ns, whole.counts)]
    found = []
    for interval in one.intervals:
        try:
            part = spread(one, decode_buckets(interval.histogram))
        except InputError as error:
            raise InputError(f"{one.scenario} {one.variant} round {one.round}: intervals: {error}") from error
        times = (start_s + interval.start_ns / _NS_PER_S, start_s + interval.end_ns / _NS_PER_S)
        found.append(_Slice(*times, one.round, part.values_ns, part.counts))
    return found


def started_s(one: Measurement) -> float:
    """When a worker started; of old run files, that do not tell, rounds follow each other as if each took a second."""
    return float(one.round) if one.started_s is None else one.started_s


def _joined(slices: Sequence[_Slice], most: int) -> list[_Slice]:
    if len(slices) <= most:
        return list(slices)
    size = math.ceil(len(slices) / most)
    groups = [slices[at : at + size] for at in range(0, len(slices), size)]
    return [
        _Slice(
            group[0].start_s,
            group[-1].end_s,
            group[0].round,
            np.concatenate([one.values_ns for one in group]),
            np.concatenate([one.counts for one in group]),
        )
        for group in groups
    ]


def _column(one: _Slice, at: NDArray[np.int64], rows: int) -> HeatColumn:
    counts = np.zeros(rows, dtype=np.int64)
    np.add.at(counts, at, one.counts)
    order = np.argsort(one.values_ns, kind="stable")
    values, cumulative = one.values_ns[order], np.cumsum(one.counts[order])
    ranks = np.ceil(np.array([0.5, 0.99]) * cumulative[-1] - 1e-6)
    p50, p99 = values[np.searchsorted(cumulative, ranks, side="left")]
    return HeatColumn(
        round(one.start_s, 3),
        round(one.end_s, 3),
        one.round,
        tuple(counts.tolist()),
        _rounded(p50),
        _rounded(p99),
        _rounded(values[-1]),
    )


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _finding(row: Row, columns: Sequence[HeatColumn]) -> str:
    lowest, highest = min(columns, key=lambda one: one.p99_ns), max(columns, key=lambda one: one.p99_ns)
    worst = max(columns, key=lambda one: one.max_ns)
    of = " of batch means" if row.timing == "batch" else ""
    largest = f"the largest value, {quantity(worst.max_ns, 'ns')}, is of round {worst.round + 1}"
    if len(columns) == 1:
        return f"{row.variant.name}: one slice of time only, p99{of} {quantity(lowest.p99_ns, 'ns')}; {largest}."
    between = f"between {quantity(lowest.p99_ns, 'ns')} and {quantity(highest.p99_ns, 'ns')}"
    return f"{row.variant.name}: p99{of} {between} over {len(columns)} slices of time; {largest}."
