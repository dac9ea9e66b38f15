"""What a position map provides: fills in, positions out, for symbols that nobody announced.

`fill(symbol, signed_lots, price_ticks)` returns the quantity held after it, or a code; `read(symbol)` gives quantity, cost and
realised profit of one moment, all three after the same fill. Accounting, rounding and bounds: `accounting`.

A symbol is any 64-bit word but 0, such as eight characters. A map takes at least `symbol_capacity` of them and forgets none;
a fill of one symbol too many answers FULL. A position never filled reads as flat. Nothing is allocated by a fill.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from tickbench.components.positions.accounting import MAX_LOTS
from tickbench.kernels.memory import Block

FILL = "int64(int64, int64, int64, int64)"  # (state, symbol, signed_lots, price_ticks) -> quantity held after, or a code
READ = "int64(int64, int64, int64)"  # (state, symbol, address of three words) -> quantity held, or REJECTED

# Codes are below every quantity, so one comparison tells them: `answer < -MAX_LOTS`.
REJECTED = -MAX_LOTS - 2  # symbol 0, no lots, or lots or price out of bounds
OVER_LIMIT = -MAX_LOTS - 3  # the position would leave its bounds; it stays as it was
FULL = -MAX_LOTS - 4  # a new symbol, and no cell is free


class Position(NamedTuple):
    """A position; the cost has the sign of the quantity here, so `cost - realised` is what was paid."""

    quantity_lots: int
    cost_lot_ticks: int
    realised_lot_ticks: int


FLAT = Position(0, 0, 0)


@dataclass(frozen=True)
class MapConfig:
    """What a map is built for; 1 <= symbol_capacity <= 2^20."""

    symbol_capacity: int = 64


class PositionMap(Protocol):
    """What the oracle uses; Python variants are such an object."""

    def fill(self, symbol: int, signed_lots: int, price_ticks: int) -> int:
        """Account one fill; returns the quantity held after it, or a code."""
        ...

    def read(self, symbol: int) -> Position:
        """The position of one moment; flat if it was never filled."""
        ...


@dataclass
class NativePositions:
    """A compiled map: its memory and its two kernels. Calling it from Python is for oracles."""

    block: Block
    fill_kernel: Callable[..., int]
    read_kernel: Callable[..., int]

    @property
    def state(self) -> int:
        """Address of the block."""
        return self.block.address

    def fill(self, symbol: int, signed_lots: int, price_ticks: int) -> int:
        """Account one fill; returns the quantity held after it, or a code."""
        return self.fill_kernel(self.state, symbol, signed_lots, price_ticks)

    def read(self, symbol: int) -> Position:
        """The position of one moment; flat if it was never filled."""
        out = np.zeros(3, dtype=np.int64)
        self.read_kernel(self.state, symbol, out.ctypes.data)
        return Position(*out.tolist())
