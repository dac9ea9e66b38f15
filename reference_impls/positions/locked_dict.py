"""A Python dict under a lock: what an engine written in Python has.

A concurrent reader sees a position between two fills: every call holds the lock.
"""

import threading

from tickbench.components.positions import contract
from tickbench.components.positions.accounting import MAX_LOTS, MAX_MONEY_LOT_TICKS, MAX_PRICE_TICKS
from tickbench.registry import variant


@variant(
    "positions",
    runtime="python",
    example_of="dict under a lock",
    capabilities=("concurrent",),
)
def locked_dict(config: contract.MapConfig) -> contract.PositionMap:
    """Make a map without symbols."""
    return LockedDict(config)


class LockedDict:
    """Positions in a dict: symbol -> (quantity, cost as a magnitude, paid)."""

    def __init__(self, config: contract.MapConfig) -> None:
        self._capacity = config.symbol_capacity
        self._positions: dict[int, tuple[int, int, int]] = {}
        self._lock = threading.Lock()

    def fill(self, symbol: int, signed_lots: int, price_ticks: int) -> int:
        """Account one fill; returns the quantity held after it, or a code."""
        if symbol == 0 or not (0 < abs(signed_lots) <= MAX_LOTS and 1 <= price_ticks <= MAX_PRICE_TICKS):
            return contract.REJECTED
        with self._lock:
            held = self._positions.get(symbol)
            if held is None:
                if len(self._positions) == self._capacity:
                    return contract.FULL
                held = 0, 0, 0
            after = _after_fill(*held, signed_lots, price_ticks)
            if after is None:
                return contract.OVER_LIMIT
            self._positions[symbol] = after
            return after[0]

    def read(self, symbol: int) -> contract.Position:
        """The position of one moment; flat if it was never filled."""
        with self._lock:
            quantity, cost, paid = self._positions.get(symbol, (0, 0, 0))
        signed_cost = cost if quantity >= 0 else -cost
        return contract.Position(quantity, signed_cost, signed_cost - paid)


def _after_fill(quantity: int, cost: int, paid: int, signed_lots: int, price_ticks: int) -> tuple[int, int, int] | None:
    """The position after a fill, None where it would leave its bounds."""
    lots, held = abs(signed_lots), abs(quantity)
    closed = min(lots, held) if quantity * signed_lots < 0 else 0
    removed = cost * closed // held if closed else 0
    quantity += signed_lots
    cost += (lots - closed) * price_ticks
    paid += signed_lots * price_ticks
    if abs(quantity) > MAX_LOTS or max(cost, abs(paid)) > MAX_MONEY_LOT_TICKS:
        return None
    return quantity, cost - removed, paid
