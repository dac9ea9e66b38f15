"""Vector parts that variants share: the windowed forms of recurrences and of sums, which lanes can compute side by side.

An exponential average is S[i] = x[i] + a S[i-1], a chain of one multiply-add a price. Written out over the last 4 values

    S[i] = (x[i] + a x[i-1] + a^2 x[i-2] + a^3 x[i-3]) + a^4 S[i-4]

its bracket holds no S, and comes from two steps that double its reach; what they need of earlier values is shifted in from the
vector before, or loaded:

    x2[i] = x[i]  + a   x[i-1]          reaches 2 values back
    x4[i] = x2[i] + a^2 x2[i-2]         4

With 4 lanes S[i-4] is the vector before, lane by lane: one multiply-add on the carried chain for 4 prices, and no carry to
be broadcast. Before the begin x is taken as 0, and at the begin as S itself. 4 lanes and not 8: they need one step less, and
cores with 256-bit units (Zen 4) run two zmm halves no faster than two ymm.

A sum over 20 values is doubled in the same way: 2, 4, 8, 16, + 4. Nothing rolls, so no error is carried along, and a NaN
leaves with its window. Squares about the mean come along by merging halves (Chan, Golub, LeVeque, "Updating formulae and a
pairwise algorithm for computing sample variances", 1979), which never subtracts large squares:

    M(both) = M(left) + M(right) + (n_left sum_right - n_right sum_left)^2 / (n_left n_right (n_left + n_right))
"""

from tickbench.components.indicators.contract import BOLLINGER_DEVIATIONS, LOOKBACK, SMA_PERIOD
from tickbench.components.indicators.parts import plain_sum
from tickbench.kernels.jit import kernel
from tickbench.kernels.simd import (
    fma,
    inlined,
    load1,
    load4,
    load8,
    pack4,
    select,
    shift_in,
    splat4,
    splat8,
    square_root,
    store,
    sum_lanes,
)

WINDOW = 32  # prices that vectors of whole windows take in: 24 before, and 8
_MEAN = 1.0 / SMA_PERIOD
_MERGE = 1.0 / 80  # of 16 values with the 4 before them: (16 sum_4 - 4 sum_16)^2 / (16 * 4 * 20), less the common factor


@inlined
def rsi_of4(net, moved):
    """`rsi_of` in each lane."""
    return select(moved == 0.0, splat4(0.0), fma(net / moved, 50.0, 50.0))


@inlined
def begun4(earlier, last):
    """The history (x2, S) of a decayed sum whose last two values are these, before the next vector."""
    both = pack4(0.0, 0.0, earlier, last)
    return both, both


@inlined
def decayed4(x2, history, decay):
    """Take in 4 values that are already summed in pairs (x2); the second part of the answer is S."""
    before, total = history
    x4 = fma(shift_in(x2, before, 2), decay * decay, x2)
    return x2, fma(total, decay * decay * decay * decay, x4)


@inlined
def sums20(x, history):
    """Sums of 20 values up to each of the next 8 values x, and the history for the vector after.

    A history is what the vector before had of x, x2, x4, x8, and x4 of the one before that; it begins as zeros.
    """
    before, before2, before4, before8, earlier4 = history
    x2 = x + shift_in(x, before, 1)
    x4 = x2 + shift_in(x2, before2, 2)
    x8 = x4 + shift_in(x4, before4, 4)
    return (x8 + before8) + earlier4, (x, x2, x4, x8, before4)


@inlined
def _both(left, right, squares, share):
    """Squares about the mean of two halves of equal length: `squares` in them, and what their sums differ by."""
    apart = right - left
    return fma(apart * apart, share, squares)


@inlined
def squares20(x, sums, history):
    """Squares about the mean of 20 values up to each of the next 8, and the history for the vector after.

    `sums` is the history of `sums20` before x was taken in. A history is the squares of 2, 4, 8 and again of 4 values.
    """
    before, before2, before4, before8, earlier4 = sums
    left = shift_in(x, before, 1)
    x2, m2 = x + left, _both(left, x, splat8(0.0), 1 / 2)
    left = shift_in(x2, before2, 2)
    x4, m4 = x2 + left, _both(left, x2, m2 + shift_in(m2, history[0], 2), 1 / 4)
    left = shift_in(x4, before4, 4)
    x8, m8 = x4 + left, _both(left, x4, m4 + shift_in(m4, history[1], 4), 1 / 8)
    m16 = _both(before8, x8, m8 + history[2], 1 / 16)
    apart = fma(earlier4, -4.0, x8 + before8)
    return fma(apart * apart, _MERGE, m16 + history[3]), (m2, m4, m8, history[1])


@inlined
def moments8(prices, first, end, base):
    """Of 8 symbols side by side: sums of prices first … end - 1 less `base`, and of their squares."""
    total = squares = splat8(0.0)
    for t in range(first, end):
        y = load8(prices, 8 * t) - base
        total, squares = total + y, squares + y * y
    return total, squares


@inlined
def both8(a, b):
    """Moments of two stretches of prices together."""
    return a[0] + b[0], a[1] + b[1]


@kernel("float64(int64, int64)")
def vector_sum(values, n):
    """Sum of n doubles by four accumulators of 8 lanes."""
    a = b = c = d = splat8(0.0)
    for i in range(0, n - 31, 32):
        a, b = a + load8(values, i), b + load8(values, i + 8)
        c, d = c + load8(values, i + 16), d + load8(values, i + 24)
    for i in range(n & -32, n - 7, 8):
        a += load8(values, i)
    total = sum_lanes((a + b) + (c + d))
    if n & 4:
        total += sum_lanes(load4(values, n & -8))
    return total + plain_sum(values, n & -4, n)


@kernel("int64(int64, int64, int64, int64, int64)")
def store_means(prices, first, stored, n, out):
    """Vectors of means from `stored` on; windows are whole from `first` + 24 on."""
    zero = splat8(0.0)
    history = zero, zero, zero, zero, zero
    for i in range(first, n - 7, 8):
        total, history = sums20(load8(prices, i), history)
        if i >= stored:
            store(total * _MEAN, out, i)
    return n


@kernel("int64(int64, int64, int64, int64, int64)", fastmath={"contract"})
def store_vector_bands(prices, first, stored, n, out):
    """As `store_means`, the three bands."""
    zero = splat8(0.0)
    history, squares_history = (zero, zero, zero, zero, zero), (zero, zero, zero, zero)
    for i in range(first, n - 7, 8):
        x = load8(prices, i)
        squares, squares_history = squares20(x, history, squares_history)
        total, history = sums20(x, history)
        if i >= stored:
            middle, width = total * _MEAN, square_root(squares * _MEAN) * BOLLINGER_DEVIATIONS
            store(middle + width, out, i)
            store(middle, out, n + i)
            store(middle - width, out, 2 * n + i)
    return n


@kernel("UniTuple(float64, 2)(int64, int64, int64)")
def side_sums(bids, asks, levels):
    """Sums of both sides of a book, by four accumulators of 4 lanes each, side by side.

    4 lanes, because the two sides of a book seldom begin on a cache line both: a load of 8 would cross one each time.
    """
    b0 = b1 = b2 = b3 = a0 = a1 = a2 = a3 = splat4(0.0)
    for i in range(0, levels - 15, 16):
        b0, b1 = b0 + load4(bids, i), b1 + load4(bids, i + 4)
        b2, b3 = b2 + load4(bids, i + 8), b3 + load4(bids, i + 12)
        a0, a1 = a0 + load4(asks, i), a1 + load4(asks, i + 4)
        a2, a3 = a2 + load4(asks, i + 8), a3 + load4(asks, i + 12)
    for i in range(levels & -16, levels - 3, 4):
        b0, a0 = b0 + load4(bids, i), a0 + load4(asks, i)
    bid, ask = sum_lanes((b0 + b1) + (b2 + b3)), sum_lanes((a0 + a1) + (a2 + a3))
    for i in range(levels & -4, levels):
        bid, ask = bid + load1(bids, i), ask + load1(asks, i)
    return bid, ask


def vector_outputs(operation: str, n: int) -> int:
    """Outputs of n prices that full vectors give: all but the begin and what is left over."""
    if operation in ("sma", "bollinger"):
        return n - LOOKBACK[operation] if n >= WINDOW else 0
    begin = LOOKBACK[operation] + (1 if operation == "macd" else 2)
    return max(n - begin, 0) // 4 * 4
