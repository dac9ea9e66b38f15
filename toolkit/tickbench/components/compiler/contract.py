"""What a variant of the compiler component provides: three hot loops of a trading engine, each as one native function.

    book_update   (state, inputs, outputs, n): n level updates of a small sorted book, which starts empty
                  state    BOOK_WORDS words: level counts of bids and of asks, then (from word 8) keys [2, LEVELS] and
                           quantities [2, LEVELS], best level first; a key is minus the price of a bid, the price of an ask
                  inputs   int64 [n, 3]: side, price in ticks, quantity in lots (0 deletes)
                  outputs  int64 [n, 2]: position of the level that changed (-1: none), best price of that side (-1: empty)
                  returns  how many updates changed the best level
    rsi           state    the period
                  inputs   float64 [n]: prices
                  outputs  float64 [n]: Wilder's RSI, NaN for the first `period` values
                  returns  how many values are not NaN
    order_encode  state    unused
                  inputs   int64 [n, 6]: id, symbol (8 bytes), side, quantity, bits of the price (float64), time in ns
                  outputs  64 bytes an order: a header, then the fields, little-endian; zeros where the side is not 0 or 1
                  returns  how many orders were valid

All arguments but n are addresses. A loop begins anew with every call, so its outputs depend on its inputs only.
What differs between the C variants, and between the numba variants, is the options, never the source. Compare within each: C
keeps its operations in a second translation unit, numba's loops are whole and index arrays, where a negative index wraps.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

LOOP = "int64(int64, int64, int64, int64)"  # (address of state, of inputs, of outputs, n) -> see above
LOOPS = ("book_update", "rsi", "order_encode")

LEVELS = 32  # of a side; deeper ones are dropped
KEYS = 8  # first word of the keys
QUANTITIES = KEYS + 2 * LEVELS
BOOK_WORDS = QUANTITIES + 2 * LEVELS
PERIOD = 14  # Wilder, New Concepts in Technical Trading Systems, 1978
FRAME_BYTES = 64
FRAME_WORDS = FRAME_BYTES // 8
BODY_BYTES, TEMPLATE, SCHEMA, VERSION = 56, 1, 1, 1  # the header: four 16-bit fields, in this order, as SBE has them
HEADER = BODY_BYTES | TEMPLATE << 16 | SCHEMA << 32 | VERSION << 48

# Words of state, of one input and of one output, by loop.
WORDS = {"book_update": (BOOK_WORDS, 3, 2), "rsi": (1, 1, 1), "order_encode": (1, 6, FRAME_WORDS)}

_MID_TICKS = 10_000
_NEAR = 0.15  # chance that an update is not deeper than the ticks before it: a mean depth of 6.7 ticks
_DELETES = 0.25
_INVALID_ORDERS = 1 / 1024


@dataclass(frozen=True)
class Loops:
    """The compiled loops; `find(name)` makes the one of that name, a kernel or a NativeFunction of signature LOOP."""

    find: Callable[[str], Any]


def make_inputs(loop: str, seed: int, n: int) -> NDArray[Any]:
    """Inputs of n operations of a loop, one row each."""
    return {"book_update": level_updates, "rsi": prices, "order_encode": orders}[loop](seed, n)


def level_updates(seed: int, n: int) -> NDArray[np.int64]:
    """Updates on both sides of a fixed middle, most of them near the best price, a quarter of them deletes: int64 [n, 3]."""
    random = np.random.default_rng([seed, 0])
    side = random.integers(0, 2, n)
    depth_ticks = random.geometric(_NEAR, n)
    quantity_lots = np.where(random.random(n) < _DELETES, 0, random.integers(1, 1_000, n))
    return np.stack([side, _MID_TICKS + np.where(side == 1, depth_ticks, -depth_ticks), quantity_lots], axis=1)


def prices(seed: int, n: int) -> NDArray[np.float64]:
    """A random walk in cents from 100, an eighth of its steps 0: float64 [n]."""
    random = np.random.default_rng([seed, 1])
    steps = np.where(random.random(n) < 1 / 8, 0.0, random.normal(0, 5, n).round())
    return np.asarray(np.maximum(10_000 + np.cumsum(steps), 1) / 100, dtype=np.float64)


def orders(seed: int, n: int) -> NDArray[np.int64]:
    """Orders with all bits of their fields in use, one in 1,024 of them with a side that there is not: int64 [n, 6]."""
    random = np.random.default_rng([seed, 2])
    rows = random.integers(-(1 << 63), (1 << 63) - 1, (n, 6), dtype=np.int64)
    rows[:, 2] = np.where(random.random(n) < _INVALID_ORDERS, 2, rows[:, 2] & 1)
    rows[:, 4] = random.normal(100, 10, n).view(np.int64)
    return rows
