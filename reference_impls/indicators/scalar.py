"""Good scalar code, one price after the other: what a careful C programmer writes, compiled, without a vector.

The carried chain is as short as it gets, every division is off it, and prices count from the first one, so that nothing is
lost at high prices. Each loop is a recurrence, which LLVM may not vectorise without permission to reassociate (a test looks
for packed arithmetic). `ema_run`, `rsi_run` and `macd_run` of `parts` are the loops that `simd` uses for what is left over.
The rolling sum gathers rounding errors (a test has the figure for 10 million prices) and keeps a NaN for ever.
"""

from math import sqrt

from tickbench.components.indicators import contract, parts
from tickbench.components.indicators.contract import IMBALANCE, PIPELINE, SERIES
from tickbench.kernels.jit import kernel
from tickbench.kernels.simd import load1, store1
from tickbench.registry import variant

_PERIOD, _RSI_PERIOD, _MACD_AT = contract.SMA_PERIOD, contract.RSI_PERIOD, contract.LOOKBACK["macd"]
_EMA_GAIN, _RSI_DECAY, _WIDTH = contract.EMA_GAIN, contract.RSI_DECAY, contract.BOLLINGER_DEVIATIONS
_FAST, _SLOW, _SIGNAL = contract.FAST_GAIN, contract.SLOW_GAIN, contract.SIGNAL_GAIN
_FLAT = 1e-14  # variance below it is what rounding left of a window that was not flat
_FUSED = {"contract"}  # a * b + c may be rounded once, as TA-Lib 0.8 permits its compiler too


@kernel(SERIES)
def _sum(prices, n, out):
    store1(parts.plain_sum(prices, 0, n), out, 0)
    return n


@kernel(SERIES, fastmath=_FUSED)
def _sma(prices, n, out):
    parts.fill_nan(out, n, _PERIOD - 1, 1)
    if n >= _PERIOD:
        total = parts.plain_sum(prices, 0, _PERIOD)
        store1(total / _PERIOD, out, _PERIOD - 1)
        for i in range(_PERIOD, n):
            total += load1(prices, i) - load1(prices, i - _PERIOD)
            store1(total * (1 / _PERIOD), out, i)
    return n


@kernel(SERIES, fastmath=_FUSED)
def _ema(prices, n, out):
    parts.fill_nan(out, n, _PERIOD - 1, 1)
    if n >= _PERIOD:
        base = load1(prices, 0)
        average = parts.ema_begin(prices, base)
        store1(base + average * _EMA_GAIN, out, _PERIOD - 1)
        parts.ema_run(prices, base, average, _PERIOD, n, out)
    return n


@kernel(SERIES, fastmath=_FUSED)
def _rsi(prices, n, out):
    parts.fill_nan(out, n, _RSI_PERIOD, 1)
    if n <= _RSI_PERIOD:
        return n
    net, moved = parts.rsi_begin(prices)
    store1(parts.rsi_of(net, moved), out, _RSI_PERIOD)
    parts.rsi_run(prices, net, moved, _RSI_PERIOD + 1, n, out)
    return n


@kernel(SERIES, fastmath=_FUSED)
def _macd(prices, n, out):
    parts.fill_nan(out, n, _MACD_AT, 3)
    if n <= _MACD_AT:
        return n
    base = load1(prices, 0)
    _, _, fast, slow, signal = parts.macd_begin(prices, base)
    parts.store_macd(fast * _FAST - slow * _SLOW, signal * _SIGNAL, out, n, _MACD_AT)
    parts.macd_run(prices, base, fast, slow, signal, _MACD_AT + 1, n, out)
    return n


@kernel("int64(float64, float64, int64, int64, int64)")
def _store_bands(middle, variance, out, n, i):
    width = _WIDTH * sqrt(variance) if variance > _FLAT else 0.0 * variance
    store1(middle + width, out, i)
    store1(middle, out, n + i)
    store1(middle - width, out, 2 * n + i)
    return i


@kernel(SERIES, fastmath=_FUSED)
def _bollinger(prices, n, out):
    parts.fill_nan(out, n, _PERIOD - 1, 3)
    if n >= _PERIOD:
        base, squares = load1(prices, 0), 0.0
        mean = parts.plain_sum(prices, 0, _PERIOD) / _PERIOD - base
        for i in range(_PERIOD):
            squares += (load1(prices, i) - base - mean) ** 2
        _store_bands(base + mean, squares / _PERIOD, out, n, _PERIOD - 1)
        for i in range(_PERIOD, n):
            new, old, before = load1(prices, i) - base, load1(prices, i - _PERIOD) - base, mean
            mean += (new - old) * (1 / _PERIOD)
            squares += (new - old) * ((new - mean) + (old - before))  # Welford, for a window that slides
            _store_bands(base + mean, squares / _PERIOD, out, n, i)
    return n


@kernel(IMBALANCE)
def _imbalance(bids, asks, levels, out):
    bid, ask = parts.plain_sum(bids, 0, levels), parts.plain_sum(asks, 0, levels)
    store1(parts.share(bid, ask), out, 0)
    return levels


@kernel(PIPELINE)
def _pipeline(prices, n, bids, asks, levels, out):
    row = 8 * n
    _ema(prices, n, out)
    _rsi(prices, n, out + row)
    _macd(prices, n, out + 2 * row)
    _bollinger(prices, n, out + 5 * row)
    _imbalance(bids, asks, levels, out + 8 * row)
    return parts.store_score(prices, n, out)


@kernel(contract.ARRAYS)
def _rsi_arrays(prices, out):
    return _rsi(prices.ctypes.data, len(prices), out.ctypes.data)


@variant(
    "indicators",
    runtime="native",
    example_of="scalar recurrences, compiled",
    capabilities=(*contract.ROWS, "sum", "imbalance", "pipeline", "compiled", "series", "batch", "call", "nan"),
    reference=True,
)
def scalar(_config: object) -> contract.Indicators:
    """The kernels."""
    kernels = {"sum": _sum, "sma": _sma, "ema": _ema, "rsi": _rsi, "macd": _macd, "bollinger": _bollinger}
    return contract.Indicators(
        {**kernels, "imbalance": _imbalance, "pipeline": _pipeline}, rsi_of=contract.rsi_call(_rsi_arrays)
    )
