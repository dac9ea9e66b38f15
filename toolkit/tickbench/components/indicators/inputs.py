"""Seeded inputs of the workloads: price walks on ticks, books, in memory that starts on a cache line."""

import numpy as np
from numpy.typing import NDArray

from tickbench.kernels.memory import Block

Prices = NDArray[np.float64]

_TICK = 0.01  # one cent, on prices around 100
_STEP_TICKS = 1.2  # standard deviation of a change before rounding: a third of the ticks changes nothing


def walk(seed: int, n: int) -> Prices:
    """A random walk on ticks of one cent, begun at 100 and kept within 20 % of it by reflection."""
    steps = np.random.default_rng(seed).normal(0, _STEP_TICKS, n)
    ticks = np.cumsum(np.rint(steps))
    span = 2_000
    folded = np.abs((ticks + span) % (4 * span) - 2 * span) - span
    return np.asarray((10_000 + folded) * _TICK, dtype=np.float64)


def books(seed: int, count: int, levels: int) -> Prices:
    """Quantities of `count` books: shape (count, 2, levels), bids and asks, log-normal with median 1 lot of 1.0."""
    return np.random.default_rng(seed).lognormal(0, 1, (count, 2, levels))


def aligned(shape: int | tuple[int, ...], fill: float | Prices = np.nan) -> Prices:
    """A float64 array on a page of its own, so on a cache line, filled."""
    size = int(np.prod(shape))
    array: Prices = Block(max(size, 1)).array.view(np.float64)[:size].reshape(shape)
    array[...] = fill
    return array


def series(seed: int, symbols: int, lanes: int, n: int) -> Prices:
    """Walks of many symbols in the layout of a variant: shape (symbols / lanes, n, lanes)."""
    walks = np.stack([walk(seed + 1_000 * symbol, n) for symbol in range(symbols)])
    return aligned((symbols // lanes, n, lanes), walks.reshape(symbols // lanes, lanes, n).transpose(0, 2, 1))
