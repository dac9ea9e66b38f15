"""Scalar parts that compiled variants share: warm-up, begins, single outputs, and what is left over after whole vectors."""

from math import sqrt

from tickbench.components.indicators.contract import (
    BOLLINGER_DEVIATIONS,
    BOLLINGER_PERIOD,
    EMA_GAIN,
    EMA_PERIOD,
    FAST_GAIN,
    MACD_FAST,
    MACD_SIGNAL,
    MACD_SLOW,
    NAN,
    RSI_DECAY,
    RSI_PERIOD,
    SIGNAL_GAIN,
    SLOW_GAIN,
    SMA_PERIOD,
    score,
)
from tickbench.kernels.jit import kernel
from tickbench.kernels.simd import load1, store1


@kernel("int64(int64, int64, int64, int64)")
def fill_nan(out, n, warm, rows):
    """NaN for the first `warm` of n outputs, in each row."""
    for row in range(rows):
        for i in range(min(n, warm)):
            store1(NAN, out, row * n + i)
    return n


@kernel("float64(float64, float64)")
def share(bid, ask):
    """Imbalance of the sums of two sides."""
    both = bid + ask
    return (bid - ask) / both if both != 0.0 else 0.0


@kernel("int64(int64, int64, int64)")
def rest(first, n, lanes):
    """Where whole vectors from `first` on end, and what is left of n begins."""
    return max(n, first) - max(n - first, 0) % lanes


@kernel("float64(int64, int64, int64)")
def plain_sum(prices, first, end):
    """Sum of prices first … end - 1, in order."""
    total = 0.0
    for i in range(first, end):
        total += load1(prices, i)
    return total


@kernel("int64(int64, int64, int64)")
def plain_means(prices, n, out):
    """The SMA, each window summed anew: for series that are too short for vectors."""
    for i in range(SMA_PERIOD - 1, n):
        store1(plain_sum(prices, i + 1 - SMA_PERIOD, i + 1) / SMA_PERIOD, out, i)
    return n


@kernel("int64(int64, int64, int64)")
def plain_bands(prices, n, out):
    """Bollinger bands, each window in two passes: for series that are too short for vectors."""
    for i in range(BOLLINGER_PERIOD - 1, n):
        mean, squares = plain_sum(prices, i + 1 - BOLLINGER_PERIOD, i + 1) / BOLLINGER_PERIOD, 0.0
        for j in range(i + 1 - BOLLINGER_PERIOD, i + 1):
            squares += (load1(prices, j) - mean) ** 2
        width = BOLLINGER_DEVIATIONS * sqrt(squares / BOLLINGER_PERIOD)
        store1(mean + width, out, i)
        store1(mean, out, n + i)
        store1(mean - width, out, 2 * n + i)
    return n


@kernel("int64(float64, float64, int64, int64, int64)")
def store_macd(line, signal, out, n, i):
    """The three rows of one price."""
    store1(line, out, i)
    store1(signal, out, n + i)
    store1(line - signal, out, 2 * n + i)
    return i


@kernel("float64(float64, float64)")
def rsi_of(net, moved):
    """RSI from the decayed sums of the changes and of their sizes."""
    if moved == 0.0:
        return 0.0
    return 50.0 * (1.0 + net / moved)


@kernel("float64(int64, float64)")
def ema_begin(prices, base):
    """The first average, less `base` and by its gain; needs 20 prices."""
    return (plain_sum(prices, 0, EMA_PERIOD) / EMA_PERIOD - base) / EMA_GAIN


@kernel("float64(int64, float64, float64, int64, int64, int64)", fastmath={"contract"})
def ema_run(prices, base, last, first, n, out):
    """Outputs first … n - 1 from the average before, which is less `base` and by its gain; returns the last."""
    for i in range(first, n):
        last = last * (1 - EMA_GAIN) + (load1(prices, i) - base)
        store1(base + last * EMA_GAIN, out, i)
    return last


@kernel("UniTuple(float64, 2)(int64)")
def rsi_begin(prices):
    """Sums of the first 14 changes and of their sizes; needs 15 prices."""
    net = moved = 0.0
    for i in range(1, RSI_PERIOD + 1):
        change = load1(prices, i) - load1(prices, i - 1)
        net, moved = net + change, moved + abs(change)
    return net, moved


@kernel("UniTuple(float64, 2)(int64, float64, float64, int64, int64, int64)", fastmath={"contract"})
def rsi_run(prices, net, moved, first, n, out):
    """Outputs first … n - 1 from the decayed sums before; returns the last sums."""
    for i in range(first, n):
        change = load1(prices, i) - load1(prices, i - 1)
        net, moved = net * RSI_DECAY + change, moved * RSI_DECAY + abs(change)
        store1(rsi_of(net, moved), out, i)
    return net, moved


@kernel("UniTuple(float64, 5)(int64, float64)")
def macd_begin(prices, base):
    """Both averages at 32 and at 33 (fast, slow, fast, slow; less `base`, by their gains), and the signal at 33, by its gain.

    Needs 34 prices.
    """
    fast = (plain_sum(prices, MACD_SLOW - MACD_FAST, MACD_SLOW) - base * MACD_FAST) / MACD_FAST / FAST_GAIN
    slow = (plain_sum(prices, 0, MACD_SLOW) - base * MACD_SLOW) / MACD_SLOW / SLOW_GAIN
    fast_before, slow_before, lines = fast, slow, fast * FAST_GAIN - slow * SLOW_GAIN
    for i in range(MACD_SLOW, MACD_SLOW + MACD_SIGNAL - 1):
        fast_before, slow_before, price = fast, slow, load1(prices, i) - base
        fast, slow = fast * (1 - FAST_GAIN) + price, slow * (1 - SLOW_GAIN) + price
        lines += fast * FAST_GAIN - slow * SLOW_GAIN
    return fast_before, slow_before, fast, slow, lines / MACD_SIGNAL / SIGNAL_GAIN


@kernel("int64(int64, float64, float64, float64, float64, int64, int64, int64)", fastmath={"contract"})
def macd_run(prices, base, fast, slow, signal, first, n, out):
    """Outputs first … n - 1 from what `macd_begin` gives, or a loop that went on from it."""
    for i in range(first, n):
        price = load1(prices, i) - base
        fast, slow = fast * (1 - FAST_GAIN) + price, slow * (1 - SLOW_GAIN) + price
        line = fast * FAST_GAIN - slow * SLOW_GAIN
        signal = signal * (1 - SIGNAL_GAIN) + line
        store_macd(line, signal * SIGNAL_GAIN, out, n, i)
    return n


@kernel("int64(int64, int64, int64)")
def store_score(prices, n, out):
    """The last step of a pipeline: the score from the last value of each row and the imbalance."""
    last, end = n - 1, 8 * n
    ema, rsi, histogram = load1(out, last), load1(out, n + last), load1(out, 4 * n + last)
    upper, middle = load1(out, 5 * n + last), load1(out, 6 * n + last)
    store1(score(load1(prices, last), ema, rsi, histogram, upper, middle, load1(out, end)), out, end + 1)
    return n
