"""Eight symbols at once, one a lane: the recurrences as they are written, each lane its own symbol.

Prices come as an engine has them that follows many symbols: tick t of all eight in one line (prices[8 t + symbol]), and so do
results. Nothing is shuffled. RSI, EMA and MACD carry one vector a sum; SMA and Bollinger add up the 17 prices that four
neighbouring windows share once, and up to three at each end, from scratch: nothing rolls, nothing drifts.

Squares are taken about a price in the middle of the four windows. As one of their own prices it is at most 4.4 deviations from
the mean (Samuelson's inequality: sqrt(n - 1)), so that E[y^2] - E[y]^2 loses at most a factor 20 of its precision.
"""

from tickbench.components.indicators import contract
from tickbench.components.indicators.contract import FAST_GAIN, RSI_DECAY, SERIES, SIGNAL_GAIN, SLOW_GAIN
from tickbench.components.indicators.lanes import both8, moments8
from tickbench.components.indicators.parts import fill_nan, rest
from tickbench.kernels.jit import kernel
from tickbench.kernels.simd import absolute, fma, inlined, load8, maximum, select, splat8, square_root, store
from tickbench.registry import variant

LANES = 8
_PERIOD, _RSI_PERIOD, _MACD_AT = contract.SMA_PERIOD, contract.RSI_PERIOD, contract.LOOKBACK["macd"]
_SLOW, _FAST, _SIGNAL = contract.MACD_SLOW, contract.MACD_FAST, contract.MACD_SIGNAL
_EMA_GAIN, _MEAN, _WIDTH = contract.EMA_GAIN, 1.0 / _PERIOD, contract.BOLLINGER_DEVIATIONS
_FUSED = {"contract"}


@inlined
def _sum_of(prices, first, end, base):
    total = splat8(0.0)
    for t in range(first, end):
        total += load8(prices, LANES * t) - base
    return total


@kernel(SERIES, fastmath=_FUSED)
def _ema(prices, n, out):
    fill_nan(out, LANES * n, LANES * (_PERIOD - 1), 1)
    if n < _PERIOD:
        return n
    base = load8(prices, 0)
    average = _sum_of(prices, 0, _PERIOD, base) * (_MEAN / _EMA_GAIN)
    store(base + average * _EMA_GAIN, out, LANES * (_PERIOD - 1))
    for t in range(_PERIOD, n):
        average = average * (1 - _EMA_GAIN) + (load8(prices, LANES * t) - base)
        store(base + average * _EMA_GAIN, out, LANES * t)
    return n


@kernel(SERIES, fastmath=_FUSED)
def _rsi(prices, n, out):
    fill_nan(out, LANES * n, LANES * _RSI_PERIOD, 1)
    net = moved = zero = splat8(0.0)
    for t in range(1, min(n, _RSI_PERIOD)):
        change = load8(prices, LANES * t) - load8(prices, LANES * (t - 1))
        net, moved = net + change, moved + absolute(change)
    decay = 1.0  # the change that completes the begin counts in full; from then on
    for t in range(_RSI_PERIOD, n):
        change = load8(prices, LANES * t) - load8(prices, LANES * (t - 1))
        net, moved = fma(net, decay, change), fma(moved, decay, absolute(change))
        decay = RSI_DECAY
        store(select(moved == 0.0, zero, fma(net / moved, 50.0, 50.0)), out, LANES * t)
    return n


@inlined
def _store_macd(line, average, out, row, t):
    store(line, out, LANES * t)
    store(average, out + row, LANES * t)
    store(line - average, out + 2 * row, LANES * t)


@kernel(SERIES, fastmath=_FUSED)
def _macd(prices, n, out):
    row = 8 * LANES * n
    fill_nan(out, LANES * n, LANES * _MACD_AT, 3)
    if n <= _MACD_AT:
        return n
    base = load8(prices, 0)
    fast = _sum_of(prices, _SLOW - _FAST, _SLOW, base) * (1 / (_FAST * FAST_GAIN))
    slow = _sum_of(prices, 0, _SLOW, base) * (1 / (_SLOW * SLOW_GAIN))
    line = lines = fast * FAST_GAIN - slow * SLOW_GAIN
    for t in range(_SLOW, _MACD_AT + 1):
        price = load8(prices, LANES * t) - base
        fast, slow = fast * (1 - FAST_GAIN) + price, slow * (1 - SLOW_GAIN) + price
        line = fast * FAST_GAIN - slow * SLOW_GAIN
        lines += line
    signal = lines * (1 / (_SIGNAL * SIGNAL_GAIN))
    _store_macd(line, signal * SIGNAL_GAIN, out, row, _MACD_AT)
    for t in range(_MACD_AT + 1, n):
        price = load8(prices, LANES * t) - base
        fast, slow = fast * (1 - FAST_GAIN) + price, slow * (1 - SLOW_GAIN) + price
        line = fast * FAST_GAIN - slow * SLOW_GAIN
        signal = signal * (1 - SIGNAL_GAIN) + line
        _store_macd(line, signal * SIGNAL_GAIN, out, row, t)
    return n


@inlined
def _store_window(moments, base, out, row, t, bands):
    mean = moments[0] * _MEAN
    if not bands:
        store(base + mean, out, LANES * t)
        return
    width = square_root(maximum(splat8(0.0), moments[1] * _MEAN - mean * mean)) * _WIDTH
    store(base + mean + width, out, LANES * t)
    store(base + mean, out + row, LANES * t)
    store(base + mean - width, out + 2 * row, LANES * t)


@inlined
def _windows(prices, n, out, bands):
    row = 8 * LANES * n
    for t in range(_PERIOD - 1, n - 3, 4):
        base = load8(prices, LANES * (t - 8))
        core = moments8(prices, t - 16, t + 1, base)
        low, high = moments8(prices, t - 17, t - 16, base), moments8(prices, t + 1, t + 2, base)
        lower, higher = both8(low, moments8(prices, t - 18, t - 17, base)), both8(high, moments8(prices, t + 2, t + 3, base))
        lowest, highest = both8(lower, moments8(prices, t - 19, t - 18, base)), moments8(prices, t + 3, t + 4, base)
        _store_window(both8(core, lowest), base, out, row, t, bands)
        _store_window(both8(core, both8(lower, high)), base, out, row, t + 1, bands)
        _store_window(both8(core, both8(low, higher)), base, out, row, t + 2, bands)
        _store_window(both8(core, both8(higher, highest)), base, out, row, t + 3, bands)
    for t in range(rest(_PERIOD - 1, n, 4), n):
        base = load8(prices, LANES * (t - 8))
        _store_window(moments8(prices, t + 1 - _PERIOD, t + 1, base), base, out, row, t, bands)


@kernel(SERIES, fastmath=_FUSED)
def _sma(prices, n, out):
    _windows(prices, n, out, False)
    return fill_nan(out, LANES * n, LANES * (_PERIOD - 1), 1)


@kernel(SERIES, fastmath=_FUSED)
def _bollinger(prices, n, out):
    _windows(prices, n, out, True)
    fill_nan(out, LANES * n, LANES * (_PERIOD - 1), 3)
    return n


@variant(
    "indicators",
    runtime="native",
    example_of="explicit vectors, one symbol a lane",
    capabilities=("sma", "ema", "rsi", "macd", "bollinger", "batch", "nan", "recovers", "stable"),
)
def batch_simd(_config: object) -> contract.Indicators:
    """The kernels, for 8 symbols at once."""
    kernels = {"sma": _sma, "ema": _ema, "rsi": _rsi, "macd": _macd, "bollinger": _bollinger}
    return contract.Indicators(kernels, lanes=LANES)
