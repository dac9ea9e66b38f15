"""The oracle of trades: exact sums by math.fsum and Python integers, positions by a numpy mask, guard words behind outputs."""

import math
from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tickbench.components.component import MarketFeed, Verification
from tickbench.components.shared.digest import digest_of
from tickbench.components.trades.contract import CHECKSUM_FACTORS, FIELDS, Columns, NativeTrades, make_trades, threshold_for
from tickbench.components.trades.drivers import (
    drive_filter,
    drive_full_record,
    drive_mean,
    drive_window_sum,
)
from tickbench.registry import Variant

GUARD = -0x5A5A5A5B  # no position is negative
_GUARDS = 64  # int32 behind the output: more than any vector holds
_TRADES, _SEED = 3_001, 7
_POSITIONS = np.random.default_rng(3).integers(0, _TRADES, 999).astype(np.int32)
# Around every vector width and unrolled block, with first trades that are on no vector boundary.
BLOCKS = [(first, n) for first in (0, 1, 5) for n in (*range(18), 31, 32, 33, 63, 64, 65, 127, 129, 511, 512, 513, 2_990)]
SELECTIVITIES_PERCENT = (0, 1, 50, 99, 100)
NULL_PASSES = Verification(True, 0, "the null variant has no answer to check")


def tolerance(n: int) -> float:
    """Relative error that any order of summation keeps for n positive numbers, with the roundings of products and division."""
    return (n + 3) * 2.0**-53


def close(seen: float, expected: float, n: int) -> bool:
    """Whether a mean of n positive numbers is right; NaN only equals NaN."""
    if math.isnan(expected):
        return math.isnan(seen)
    return abs(seen - expected) <= tolerance(n) * abs(expected)


def ask_mean(store: Any, first: int, n: int) -> float:
    """The mean price that a store of either kind answers."""
    if isinstance(store, NativeTrades):
        return float(drive_mean(store.mean_price, store.block.address, first, n, 1))
    return float(store.mean_price(first, n))


def ask_vwap(store: Any, first: int, n: int) -> float:
    """The VWAP that a store of either kind answers."""
    if isinstance(store, NativeTrades):
        return float(drive_mean(store.vwap, store.block.address, first, n, 1))
    return float(store.vwap(first, n))


def ask_filter(store: Any, first: int, n: int, threshold: float) -> tuple[NDArray[np.int64], bool]:
    """The positions that a store of either kind answers, and whether the words behind its output are untouched."""
    if not isinstance(store, NativeTrades):
        return np.asarray(store.filter(first, n, threshold)).astype(np.int64), True
    out = np.full(n + _GUARDS, GUARD, dtype=np.int32)
    count = drive_filter(store.filter, store.block.address, first, n, threshold, out.ctypes.data, 1)
    return out[: min(max(count, 0), n)].astype(np.int64), count <= n and bool((out[n:] == GUARD).all())


def ask_window(store: Any, first: int, n: int, from_ns: int, until_ns: int) -> int:
    """The lots in a time window that a store of either kind answers."""
    if isinstance(store, NativeTrades):
        return int(drive_window_sum(store.window_sum, store.block.address, first, n, from_ns, until_ns, 1))
    return int(store.window_sum(first, n, from_ns, until_ns))


def ask_records(store: Any, positions: NDArray[np.int32]) -> int:
    """The checksum of whole records that a store of either kind answers."""
    if isinstance(store, NativeTrades):
        return int(drive_full_record(store.full_record, store.block.address, positions.ctypes.data, len(positions), 1))
    return int(store.full_record(positions))


def expected_mean(columns: Columns, first: int, n: int) -> float:
    """The mean from an exactly rounded sum."""
    return math.fsum(columns.price[first : first + n]) / n if n else math.nan


def expected_vwap(columns: Columns, first: int, n: int) -> float:
    """The VWAP from an exactly rounded sum of rounded products."""
    quantity = columns.quantity[first : first + n]
    lots = int(quantity.sum())
    return math.fsum(columns.price[first : first + n] * quantity) / lots if lots else math.nan


def expected_filter(columns: Columns, first: int, n: int, threshold: float) -> NDArray[np.int64]:
    """The positions by a numpy mask."""
    return np.flatnonzero(columns.price[first : first + n] > threshold).astype(np.int64) + first


def expected_window(columns: Columns, first: int, n: int, from_ns: int, until_ns: int) -> int:
    """The lots by a numpy mask."""
    timestamp = columns.timestamp[first : first + n]
    return int(columns.quantity[first : first + n][(timestamp >= from_ns) & (timestamp < until_ns)].sum())


def expected_records(columns: Columns, positions: NDArray[np.int32]) -> int:
    """The checksum in Python's unbounded integers, wrapped at the end."""
    total = 0
    for name, factor in zip(FIELDS, CHECKSUM_FACTORS, strict=True):
        total += factor * sum(getattr(columns, name).view(np.int64)[positions].tolist())
    return (total + (1 << 63)) % (1 << 64) - (1 << 63)


def verify(variant: Variant, _feed: MarketFeed | None) -> Verification:
    """Ask every question over blocks of every awkward length, and compare with exact answers."""
    if variant.null:
        return NULL_PASSES
    checks = 0
    for failure in _failures(variant):
        checks += 1
        if failure:
            return Verification(False, checks, failure)
    return Verification(True, checks, f"{checks} answers are right, over blocks of 0 to {BLOCKS[-1][1]} trades", _digest())


@cache
def _digest() -> str:
    """Of the trades, and of the exact answers to the questions over all blocks; one threshold and one window stand for all."""
    told: list[object] = []
    for order in ("random", "sorted"):
        columns = make_trades(_SEED, _TRADES, order)
        told += [getattr(columns, name) for name in FIELDS]
        threshold, (from_ns, until_ns) = threshold_for(columns.price, 50), _windows(columns)[1]
        for block in BLOCKS:
            told += [expected_mean(columns, *block), expected_vwap(columns, *block)]
            told += [expected_filter(columns, *block, threshold), expected_window(columns, *block, from_ns, until_ns)]
        told.append(expected_records(columns, _POSITIONS))
    return digest_of(told)


def _failures(variant: Variant) -> Iterator[str]:
    for order in ("random", "sorted"):
        columns = make_trades(_SEED, _TRADES, order)
        store = variant.build(columns)
        for first, n in BLOCKS:
            yield from _sums(store, columns, first, n)
            for percent in SELECTIVITIES_PERCENT:
                yield _filtered(store, columns, first, n, threshold_for(columns.price, percent))
    yield from _awkward_prices(variant)
    for n in (0, 1, 7, len(_POSITIONS)):
        seen, expected = ask_records(store, _POSITIONS[:n]), expected_records(columns, _POSITIONS[:n])
        yield "" if seen == expected else f"full_record of {n} positions: {expected} expected, {seen} seen"
    empty = make_trades(_SEED, 0)
    yield from _sums(variant.build(empty), empty, 0, 0)


def _sums(store: Any, columns: Columns, first: int, n: int) -> Iterator[str]:
    where = f"of trades {first} to {first + n - 1}"
    seen, expected = ask_mean(store, first, n), expected_mean(columns, first, n)
    yield "" if close(seen, expected, n) else f"mean_price {where}: {expected!r} expected, {seen!r} seen"
    seen, expected = ask_vwap(store, first, n), expected_vwap(columns, first, n)
    yield "" if close(seen, expected, n) else f"vwap {where}: {expected!r} expected, {seen!r} seen"
    for from_ns, until_ns in _windows(columns):
        lots, expected_lots = (
            ask_window(store, first, n, from_ns, until_ns),
            expected_window(columns, first, n, from_ns, until_ns),
        )
        yield "" if lots == expected_lots else f"window_sum {where}: {expected_lots} lots expected, {lots} seen"


def _windows(columns: Columns) -> list[tuple[int, int]]:
    """Nothing, everything, and windows whose edges are timestamps, so that each edge is tried from both sides."""
    if len(columns) == 0:
        return [(0, 1)]
    low, high = int(columns.timestamp.min()), int(columns.timestamp.max())
    some = [int(columns.timestamp[k]) for k in (3, 40)]
    return [(low, high + 1), (low, high), (low + 1, high + 1), (some[0], some[1]), (high + 1, high + 2), (some[1], some[1])]


def _filtered(store: Any, columns: Columns, first: int, n: int, threshold: float) -> str:
    seen, intact = ask_filter(store, first, n, threshold)
    expected = expected_filter(columns, first, n, threshold)
    where = f"filter of trades {first} to {first + n - 1} above {threshold}"
    if not intact:
        return f"{where}: wrote behind an output of {n} positions"
    if len(seen) != len(expected):
        return f"{where}: {len(expected)} positions expected, {len(seen)} seen"
    wrong = np.flatnonzero(seen != expected)
    return f"{where}: position {expected[wrong[0]]} expected, {seen[wrong[0]]} seen" if len(wrong) else ""


def _awkward_prices(variant: Variant) -> Iterator[str]:
    """NaN, infinities, both zeros and prices equal to the threshold."""
    columns = make_trades(9, 203)
    columns.price[::3] = np.resize([np.nan, np.inf, -np.inf, 0.0, -0.0, 50_000.0], len(columns.price[::3]))
    store = variant.build(columns)
    for threshold in (50_000.0, 0.0, -0.0, np.inf, -np.inf, np.nan):
        for first, n in ((0, 203), (1, 64), (2, 201)):
            yield _filtered(store, columns, first, n, threshold)
