"""What one fill does to a position: exact integer accounting by the average-cost method, shared by the compiled maps.

A position is three integers: `quantity_lots` (short below 0), `cost_lot_ticks`, what the open lots were bought or sold for, as
a magnitude, and `realised_lot_ticks`, profit and loss of the closed ones. Prices are ticks, so money is lots x ticks.

    adding     (flat, or the same side)    cost grows by lots x price
    closing    (the other side)            closed = min(lots, held) leave with their share of the cost,
                                           removed = floor(cost x closed / held); what they earn is realised
    crossing   (more lots than held)       the rest opens the other side at the fill's price

The rounding is towards zero of the magnitude, so a long and its mirror image, a short, round alike; what a partial close
leaves unremoved stays in the cost of the lots that are still open, and the last of them takes it along: nothing is lost, and
    cost of a long (minus that of a short) - realised = sum of signed lots x price       holds after every fill, exactly.

Bounds: a fill has 1 … MAX_LOTS lots at 1 … MAX_PRICE_TICKS; what would bring a position beyond +-MAX_LOTS or a cost or a
realised amount beyond MAX_MONEY_LOT_TICKS is refused whole. No intermediate result leaves 63 bits.
"""

import numpy as np

from tickbench.kernels.jit import kernel

MAX_LOTS = (1 << 31) - 1  # of a position and of a fill
MAX_PRICE_TICKS = (1 << 31) - 1
MAX_MONEY_LOT_TICKS = (1 << 47) - 1  # 1.4e14: 28 million lots at 5 million ticks

_QUANTITY_BITS, _MONEY_BITS = 31, 47


@kernel("int64(int64, int64, int64)")
def share_of_cost(cost, closed, held):
    """floor(cost x closed / held) for 0 <= closed <= held, 0 < held, without a product beyond 64 bits."""
    whole, part, by = np.uint64(cost), np.uint64(closed), np.uint64(held)
    if cost >> 32 == 0:  # the product of 32 and 31 bits fits: one division
        return np.int64((whole * part) // by)
    quotient = whole // by
    return np.int64(part * quotient + (part * (whole - quotient * by)) // by)


@kernel("boolean(int64, int64)")
def is_acceptable(signed_lots, price_ticks):
    """Whether a fill is within the bounds (buys above 0, sells below, never 0)."""
    lots_fit = (signed_lots >= -MAX_LOTS) & (signed_lots <= MAX_LOTS) & (signed_lots != 0)
    return lots_fit & (price_ticks >= 1) & (price_ticks <= MAX_PRICE_TICKS)


@kernel("boolean(int64, int64, int64)")
def is_within(quantity, cost, realised):
    """Whether a position is within the bounds."""
    return (abs(quantity) >> _QUANTITY_BITS) | (cost >> _MONEY_BITS) | (abs(realised) >> _MONEY_BITS) == 0


@kernel("UniTuple(int64, 3)(int64, int64, int64, int64, int64)")
def after_fill(quantity, cost, realised, signed_lots, price_ticks):
    """The position after an acceptable fill, bounds of the result not checked: (quantity, cost, realised)."""
    lots = abs(signed_lots)
    if quantity ^ signed_lots >= 0 or quantity == 0:
        return quantity + signed_lots, cost + lots * price_ticks, realised
    held = abs(quantity)
    if lots < held:
        closed, removed = lots, share_of_cost(cost, lots, held)
    else:
        closed, removed = held, cost
    gain = closed * price_ticks - removed
    return (
        quantity + signed_lots,
        cost - removed + (lots - closed) * price_ticks,
        realised + (gain if quantity > 0 else -gain),
    )
