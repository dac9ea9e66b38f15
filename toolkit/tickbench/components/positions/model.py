"""The model that the oracle compares with: a position in exact fractions, rounded only where the contract says so.

Written from the definition, not from the kernels: lots are closed one fill at a time against the average price as a fraction.
"""

import math
from dataclasses import dataclass, field
from fractions import Fraction

from tickbench.components.positions.accounting import MAX_LOTS, MAX_MONEY_LOT_TICKS, MAX_PRICE_TICKS
from tickbench.components.positions.contract import FLAT, OVER_LIMIT, REJECTED, Position


@dataclass
class Model:
    """Positions by symbol; `fill` answers as the contract says, without a capacity."""

    positions: dict[int, Position] = field(default_factory=dict)

    def fill(self, symbol: int, signed_lots: int, price_ticks: int) -> int:
        """Account one fill; returns the quantity held after it, or a code."""
        if symbol == 0 or not 1 <= abs(signed_lots) <= MAX_LOTS or not 1 <= price_ticks <= MAX_PRICE_TICKS:
            return REJECTED
        held = self.read(symbol)
        after = fill_position(held, signed_lots, price_ticks)
        closed = min(abs(held.quantity_lots), abs(signed_lots)) if held.quantity_lots * signed_lots < 0 else 0
        cost = abs(held.cost_lot_ticks) + (abs(signed_lots) - closed) * price_ticks
        paid = after.cost_lot_ticks - after.realised_lot_ticks
        if abs(after.quantity_lots) > MAX_LOTS or max(cost, abs(paid)) > MAX_MONEY_LOT_TICKS:
            return OVER_LIMIT
        self.positions[symbol] = after
        return after.quantity_lots

    def read(self, symbol: int) -> Position:
        """The position; flat if it was never filled."""
        return self.positions.get(symbol, FLAT)


def fill_position(held: Position, signed_lots: int, price_ticks: int) -> Position:
    """The position after one fill, with no bound."""
    quantity, cost, realised = held
    closing = 0
    if quantity > 0 > signed_lots:
        closing = -min(quantity, -signed_lots)
    elif quantity < 0 < signed_lots:
        closing = min(-quantity, signed_lots)
    if closing:
        average = Fraction(cost, quantity)  # positive on both sides
        basis = math.floor(average * abs(closing))
        worth = abs(closing) * price_ticks
        realised += worth - basis if quantity > 0 else basis - worth
        cost += -basis if quantity > 0 else basis
    opening = signed_lots - closing
    return Position(quantity + signed_lots, cost + opening * price_ticks, realised)
