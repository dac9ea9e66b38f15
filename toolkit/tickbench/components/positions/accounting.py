"""What one fill does to a position: exact integer accounting by the average-cost method, shared by the compiled maps.

A position is kept as three integers: `quantity` in lots (short below 0); `cost`, what the open lots were bought or sold for, as
a magnitude; and `paid`, the money that all fills together have taken, the sum of signed lots x price. Prices are ticks, so
money is lots x ticks. What is realised follows from them: realised = (cost with the sign of the quantity) - paid.

    adding     (flat, or the same side)    cost grows by lots x price
    closing    (the other side)            closed = min(lots, held) leave with their share of the cost,
                                           removed = floor(cost x closed / held); the rest of their worth is realised
    crossing   (more lots than held)       the rest opens the other side at the fill's price

The rounding is towards zero of the magnitude, so a long and its mirror image, a short, round alike; what a partial close
leaves unremoved stays in the cost of the lots that are still open, and the last of them takes it along: no tick is lost.

Bounds: a fill has 1 … MAX_LOTS lots at 1 … MAX_PRICE_TICKS. It is refused whole where the quantity would leave +-MAX_LOTS,
the money paid +-MAX_MONEY_LOT_TICKS, or where the cost before it plus that of the lots it opens exceeds MAX_MONEY_LOT_TICKS (so
the check needs no division and is done beside it). No intermediate result leaves 63 bits.
"""

from tickbench.kernels.jit import kernel
from tickbench.kernels.wide import divide_product

MAX_LOTS = (1 << 31) - 1  # of a position and of a fill
MAX_PRICE_TICKS = (1 << 31) - 1
MAX_MONEY_LOT_TICKS = (1 << 47) - 1  # 1.4e14: 28 million lots at 5 million ticks

_QUANTITY_BITS, _MONEY_BITS, _SIGN = 31, 47, 63


@kernel("boolean(int64, int64, int64)")
def is_acceptable(symbol, signed_lots, price_ticks):
    """Whether a fill is within the bounds (buys above 0, sells below, never 0) and the symbol is one."""
    lots_fit = (signed_lots >= -MAX_LOTS) & (signed_lots <= MAX_LOTS) & (signed_lots != 0)
    return lots_fit & (price_ticks >= 1) & (price_ticks <= MAX_PRICE_TICKS) & (symbol != 0)


@kernel("int64(int64, int64)")
def lots_closed(quantity, signed_lots):
    """How many lots an acceptable fill closes, without a branch: no predictor knows on which side the next fill is."""
    return min(abs(signed_lots), abs(quantity)) & ((quantity ^ signed_lots) >> _SIGN)


@kernel("boolean(int64, int64, int64, int64, int64)")
def stays_within(quantity, cost, paid, signed_lots, price_ticks):
    """Whether a position takes an acceptable fill without leaving its bounds."""
    opened = abs(signed_lots) - lots_closed(quantity, signed_lots)
    excess = abs(quantity + signed_lots) >> _QUANTITY_BITS
    excess |= (cost + opened * price_ticks) >> _MONEY_BITS
    excess |= abs(paid + signed_lots * price_ticks) >> _MONEY_BITS
    return excess == 0


@kernel("UniTuple(int64, 3)(int64, int64, int64, int64, int64)")
def after_fill(quantity, cost, paid, signed_lots, price_ticks):
    """The position after a fill that it takes: (quantity, cost, paid). Only the cost waits for the division."""
    closed = lots_closed(quantity, signed_lots)
    opened = abs(signed_lots) - closed
    removed = divide_product(cost, closed, max(abs(quantity), 1))
    return quantity + signed_lots, cost + opened * price_ticks - removed, paid + signed_lots * price_ticks
