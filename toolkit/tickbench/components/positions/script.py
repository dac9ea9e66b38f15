"""Seeded input of the position maps: symbols, and a pass of fills and reads that ends flat.

A pass has OPERATIONS operations, each fifth a read (80 % fills, 20 % reads, in a fixed rhythm, so that the driver itself
mispredicts nothing). Its fills are pairs, so many lots bought and as many sold, in random order: positions go long and short,
are closed in part and crossed, and after a whole pass each symbol is flat again. So the state after any number of passes, by
any number of threads in any order, is known exactly: nothing held, and realised what the fills have brought in.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tickbench.components.positions.contract import Position

READ_EVERY = 5
OPERATIONS = 8_192 * READ_EVERY  # a pass: 960 KiB of script, more than branch predictors learn by heart
_MOST_LOTS = 100
_LOWEST_PRICE_TICKS, _HIGHEST_PRICE_TICKS = 1_000, 100_000
_BAND = 0.01  # prices of a symbol are within 1 % above its lowest


@dataclass(frozen=True)
class Script:
    """A pass, int64 [OPERATIONS] each: in row 4, 9, … (a read) lots are 0 and the price is the symbol's lowest."""

    symbol: NDArray[np.int64]
    signed_lots: NDArray[np.int64]
    price_ticks: NDArray[np.int64]

    def addresses(self) -> tuple[int, int, int]:
        """Where the three arrays are; keep the script for as long as kernels use them."""
        return self.symbol.ctypes.data, self.signed_lots.ctypes.data, self.price_ticks.ctypes.data

    def rows(self) -> list[tuple[int, int, int]]:
        """The operations as Python integers."""
        return list(zip(self.symbol.tolist(), self.signed_lots.tolist(), self.price_ticks.tolist(), strict=True))


def symbol_codes(seed: int, n: int) -> NDArray[np.int64]:
    """`n` different symbols of eight capital letters, as words."""
    rng, codes = np.random.default_rng(seed), np.empty(0, dtype=np.int64)
    while len(codes) < n:
        letters = rng.integers(ord("A"), ord("Z") + 1, (2 * n, 8), dtype=np.uint8)
        codes = np.unique(np.concatenate([codes, letters.view(np.int64)[:, 0]]))
    return rng.permutation(codes)[:n]


def make_script(seed: int, symbols: NDArray[np.int64], zipf: float = 0.0, thread: int = 0) -> Script:
    """The pass of one thread. Symbol k is chosen with a weight of 1 / (k + 1)^zipf: 0 is uniform, 1 what markets look like."""
    rng = np.random.default_rng((seed, thread))
    weight = 1.0 / np.arange(1, len(symbols) + 1) ** zipf
    weight /= weight.sum()
    pairs = OPERATIONS * (READ_EVERY - 1) // READ_EVERY // 2
    chosen = np.repeat(rng.choice(len(symbols), pairs, p=weight), 2)
    lots = np.repeat(rng.integers(1, _MOST_LOTS + 1, pairs), 2) * np.tile([1, -1], pairs)
    order = rng.permutation(2 * pairs)
    lowest = np.random.default_rng(seed).integers(_LOWEST_PRICE_TICKS, _HIGHEST_PRICE_TICKS, len(symbols))
    which, signed_lots = np.empty(OPERATIONS, dtype=np.int64), np.zeros(OPERATIONS, dtype=np.int64)
    is_read = np.arange(OPERATIONS) % READ_EVERY == READ_EVERY - 1
    which[~is_read], which[is_read] = chosen[order], rng.choice(len(symbols), int(is_read.sum()), p=weight)
    signed_lots[~is_read] = lots[order]
    above = rng.integers(0, np.maximum(1, (lowest[which] * _BAND).astype(np.int64)) + 1)
    price_ticks = lowest[which] + np.where(is_read, 0, above)
    return Script(symbols[which], signed_lots, price_ticks)


def realised_a_pass(script: Script) -> dict[int, int]:
    """What a whole pass realises, symbol -> lots x ticks: money in minus money out, whatever the order, as it ends flat."""
    realised: dict[int, int] = {}
    for symbol, lots, price in script.rows():
        if lots:
            realised[symbol] = realised.get(symbol, 0) - lots * price
    return realised


def state_difference(positions: Any, expected_realised: dict[int, int]) -> str:
    """The first symbol that is not flat with exactly this much realised, in words; empty if there is none."""
    for symbol, realised in expected_realised.items():
        held, expected = positions.read(symbol), Position(0, 0, realised)
        if held != expected:
            return f"symbol {symbol}: {expected} expected, {held} seen"
    return ""


def self_contradicts(position: Position, lowest_price_ticks: int) -> bool:
    """Whether quantity and cost cannot be of the same moment: another sign, or lots below the lowest price ever paid.

    A partial close rounds what it removes down, so lots never cost less than they did at the lowest price.
    """
    quantity, cost, _ = position
    return cost * quantity < 0 or (quantity == 0) != (cost == 0) or abs(cost) < lowest_price_ticks * abs(quantity)
