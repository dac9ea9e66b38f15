"""Explicit vectors on one series: recurrences and sums rewritten so that lanes do not wait for each other.

`lanes` has the algebra. RSI, EMA, MACD: windows of 4 values by doubling, then one multiply-add a vector on the carried chain.
SMA and Bollinger: windows of 20 by doubling (and merging squares), nothing carried at all, so nothing drifts: after 10 million
prices an output is as exact as the first, within 6 roundings. Sum and imbalance: independent accumulators.

The plan's RSI splits gains from losses in vectors and leaves the recurrence scalar, takes price minus *next* price, reads past
its end and writes into vectors of length 0; its SMA sums every window anew, 20 additions a price.
"""

from tickbench.components.indicators import contract, lanes, parts
from tickbench.components.indicators.contract import FAST_GAIN, IMBALANCE, PIPELINE, RSI_DECAY, SERIES, SIGNAL_GAIN, SLOW_GAIN
from tickbench.kernels.jit import kernel
from tickbench.kernels.simd import absolute, fma, inlined, lane, load1, load4, pack4, shift_in, splat4, store, store1
from tickbench.registry import variant

_PERIOD, _RSI_PERIOD, _MACD_AT = contract.SMA_PERIOD, contract.RSI_PERIOD, contract.LOOKBACK["macd"]
_EMA_GAIN, _EMA_DECAY, _WINDOW = contract.EMA_GAIN, contract.EMA_DECAY, lanes.WINDOW
_FUSED = {"contract"}


@kernel(SERIES)
def _sum(prices, n, out):
    store1(lanes.vector_sum(prices, n), out, 0)
    return n


@kernel(SERIES)
def _sma(prices, n, out):
    if n < _WINDOW:
        parts.plain_means(prices, n, out)
    else:
        lanes.store_means(prices, 0, 16, n, out)
        lanes.store_means(prices, n - _WINDOW, n - 8, n, out)  # what is left over, and some once more
    return parts.fill_nan(out, n, _PERIOD - 1, 1)


@kernel(SERIES)
def _bollinger(prices, n, out):
    if n < _WINDOW:
        parts.plain_bands(prices, n, out)
    else:
        lanes.store_vector_bands(prices, 0, 16, n, out)
        lanes.store_vector_bands(prices, n - _WINDOW, n - 8, n, out)
    return parts.fill_nan(out, n, _PERIOD - 1, 3)


@kernel(SERIES, fastmath=_FUSED)
def _ema(prices, n, out):
    if parts.fill_nan(out, n, _PERIOD - 1, 1) < _PERIOD:
        return n
    base = load1(prices, 0)
    begin = parts.ema_begin(prices, base)
    store1(base + begin * _EMA_GAIN, out, _PERIOD - 1)
    average = lanes.begun4(begin, parts.ema_run(prices, base, begin, _PERIOD, min(n, _PERIOD + 1), out))
    for i in range(_PERIOD + 1, n - 3, 4):
        pairs = fma(load4(prices, i - 1) - base, _EMA_DECAY, load4(prices, i) - base)
        average = lanes.decayed4(pairs, average, _EMA_DECAY)
        store(average[1] * _EMA_GAIN + base, out, i)
    parts.ema_run(prices, base, lane(average[1], 3), parts.rest(_PERIOD + 1, n, 4), n, out)
    return n


@kernel(SERIES, fastmath=_FUSED)
def _rsi(prices, n, out):
    if parts.fill_nan(out, n, _RSI_PERIOD, 1) <= _RSI_PERIOD:
        return n
    net_begin, moved_begin = parts.rsi_begin(prices)
    store1(parts.rsi_of(net_begin, moved_begin), out, _RSI_PERIOD)
    net_next, moved_next = parts.rsi_run(prices, net_begin, moved_begin, _RSI_PERIOD + 1, min(n, _RSI_PERIOD + 2), out)
    net, moved = lanes.begun4(net_begin, net_next), lanes.begun4(moved_begin, moved_next)
    for i in range(_RSI_PERIOD + 2, n - 3, 4):
        between = load4(prices, i - 1)
        change, earlier = load4(prices, i) - between, between - load4(prices, i - 2)
        net = lanes.decayed4(fma(earlier, RSI_DECAY, change), net, RSI_DECAY)
        moved = lanes.decayed4(fma(absolute(earlier), RSI_DECAY, absolute(change)), moved, RSI_DECAY)
        store(lanes.rsi_of4(net[1], moved[1]), out, i)
    parts.rsi_run(prices, lane(net[1], 3), lane(moved[1], 3), parts.rest(_RSI_PERIOD + 2, n, 4), n, out)
    return n


@inlined
def _signals(line, before, signal, out, n, i):
    """Take in 4 lines, store their signals and histograms, and return the history."""
    signal = lanes.decayed4(fma(shift_in(line, before, 1), 1 - SIGNAL_GAIN, line), signal, 1 - SIGNAL_GAIN)
    average = signal[1] * SIGNAL_GAIN
    store(average, out, n + i)
    store(line - average, out, 2 * n + i)
    return signal


@kernel(SERIES, fastmath=_FUSED)
def _macd(prices, n, out):
    if n > _MACD_AT:
        base, zero = load1(prices, 0), splat4(0.0)
        fast_before, slow_before, fast_begin, slow_begin, begin = parts.macd_begin(prices, base)
        fast, slow = lanes.begun4(fast_before, fast_begin), lanes.begun4(slow_before, slow_begin)
        signal, before, line = (zero, zero), zero, pack4(0.0, 0.0, 0.0, begin)
        # The signal of a vector is taken one turn later: half as long a chain waits in the scheduler, so more turns overlap.
        for i in range(_MACD_AT + 1, n - 3, 4):
            signal, before = _signals(line, before, signal, out, n, i - 4), line
            price, earlier = load4(prices, i) - base, load4(prices, i - 1) - base
            fast = lanes.decayed4(fma(earlier, 1 - FAST_GAIN, price), fast, 1 - FAST_GAIN)
            slow = lanes.decayed4(fma(earlier, 1 - SLOW_GAIN, price), slow, 1 - SLOW_GAIN)
            line = fast[1] * FAST_GAIN - slow[1] * SLOW_GAIN
            store(line, out, i)
        left = parts.rest(_MACD_AT + 1, n, 4)
        signal = _signals(line, before, signal, out, n, left - 4)
        parts.macd_run(prices, base, lane(fast[1], 3), lane(slow[1], 3), lane(signal[1], 3), left, n, out)
        parts.store_macd(fast_begin * FAST_GAIN - slow_begin * SLOW_GAIN, begin * SIGNAL_GAIN, out, n, _MACD_AT)
    return parts.fill_nan(out, n, _MACD_AT, 3)  # last: the first turn wrote there


@kernel(IMBALANCE)
def _imbalance(bids, asks, levels, out):
    bid, ask = lanes.side_sums(bids, asks, levels)
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
    example_of="explicit vectors, one series",
    capabilities=(
        *contract.ROWS,
        *("sum", "imbalance", "pipeline", "compiled", "series", "batch", "call", "nan", "recovers", "stable"),
    ),
)
def simd(_config: object) -> contract.Indicators:
    """The kernels."""
    kernels = {"sum": _sum, "sma": _sma, "ema": _ema, "rsi": _rsi, "macd": _macd, "bollinger": _bollinger}
    kernels |= {"imbalance": _imbalance, "pipeline": _pipeline}
    return contract.Indicators(kernels, rsi_of=contract.rsi_call(_rsi_arrays), vector_outputs=lanes.vector_outputs)
