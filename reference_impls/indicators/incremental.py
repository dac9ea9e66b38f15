"""What a live engine should do instead of looking at a window again: carry the state on, O(1) a tick.

Averages and RSI carry one number a sum. The window of 20 lies twice, one copy after the other, so that its prices are always
20 words in a row; mean and squares are taken from these anew with vectors, about the newest price. That costs less than
rolling sums would save (20 prices are 3 vectors), and nothing drifts. The loads leave out the price that was just stored,
whose lane is 0 anyway: a vector load over a fresh narrow store would wait until the store has left the store buffer.

    line 0   ticks seen, last price, base (the first price), sums of EMA, net and moved changes, fast, slow
    line 1   signal, slot of the window
    line 2   the window, twice 20 prices
"""

from math import sqrt

from tickbench.components.indicators import contract, lanes, parts
from tickbench.components.indicators.contract import FAST_GAIN, RSI_DECAY, SIGNAL_GAIN, SLOW_GAIN, TICK
from tickbench.kernels.atomics import load_plain, store_plain
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import LINE_WORDS, WORD_BYTES, Block
from tickbench.kernels.simd import load1, load8, store1, sum_lanes
from tickbench.registry import variant

_COUNT, _PRICE, _BASE, _EMA, _NET, _MOVED, _FAST, _SLOW = range(8)
_SIGNAL, _SLOT = LINE_WORDS, LINE_WORDS + 1
_WINDOW = 2 * LINE_WORDS
_PERIOD, _RSI_PERIOD, _MACD_BEGIN = contract.SMA_PERIOD, contract.RSI_PERIOD, contract.MACD_BEGIN
_MACD_AT, _FAST_AT = contract.LOOKBACK["macd"], contract.MACD_SLOW - contract.MACD_FAST
_EMA_GAIN, _NAN, _WIDTH = contract.EMA_GAIN, contract.NAN, contract.BOLLINGER_DEVIATIONS
_FUSED = {"contract"}


@kernel("float64(int64, int64, float64, float64, int64, int64, int64)", fastmath=_FUSED)
def _average(state, word, value, gain, first, begin, t):
    """Carry on an exponential average (by its gain) that begins at `begin` with the mean of values first … begin."""
    total = load1(state, word)
    if t > begin:
        total = total * (1 - gain) + value
    elif t >= first:
        total += value
        if t == begin:
            total /= (begin + 1 - first) * gain
    store1(total, state, word)
    return total * gain


@kernel("int64(int64, float64, int64, int64)", fastmath=_FUSED)
def _take_bands(state, price, t, out):
    """Put the price into the window and write the bands: upper, middle, lower."""
    slot = load_plain(state, _SLOT)
    window = state + WORD_BYTES * (_WINDOW + slot + 1)  # the 19 prices before this one
    a, b = load8(window, 0) - price, load8(window, 8) - price
    total, squares = sum_lanes(a + b), sum_lanes(a * a + b * b)
    for k in range(16, 19):
        y = load1(window, k) - price
        total, squares = total + y, squares + y * y
    store1(price, state, _WINDOW + slot)
    store1(price, state, _WINDOW + slot + _PERIOD)
    store_plain(state, _SLOT, 0 if slot == _PERIOD - 1 else slot + 1)
    mean = total / _PERIOD
    middle = price + mean if t >= _PERIOD - 1 else _NAN
    width = _WIDTH * sqrt(max(squares / _PERIOD - mean * mean, 0.0))
    store1(middle + width, out, 0)
    store1(middle, out, 1)
    store1(middle - width, out, 2)
    return t


@kernel("float64(int64, float64, int64)", fastmath=_FUSED)
def _take_rsi(state, price, t):
    if t == 0:
        return _NAN
    change, decay = price - load1(state, _PRICE), RSI_DECAY if t > _RSI_PERIOD else 1.0
    net, moved = load1(state, _NET) * decay + change, load1(state, _MOVED) * decay + abs(change)
    store1(net, state, _NET)
    store1(moved, state, _MOVED)
    return parts.rsi_of(net, moved) if t >= _RSI_PERIOD else _NAN


@kernel("int64(int64, float64, int64, int64)", fastmath=_FUSED)
def _take_macd(state, price, t, out):
    """Carry both averages and the signal on, and write line, signal and histogram."""
    fast = _average(state, _FAST, price, FAST_GAIN, _FAST_AT, _MACD_BEGIN, t)
    slow = _average(state, _SLOW, price, SLOW_GAIN, 0, _MACD_BEGIN, t)
    line = fast - slow
    signal = _average(state, _SIGNAL, line, SIGNAL_GAIN, _MACD_BEGIN, _MACD_AT, t)
    if t < _MACD_AT:
        line = signal = _NAN
    store1(line, out, 0)
    store1(signal, out, 1)
    store1(line - signal, out, 2)
    return t


@kernel(TICK, fastmath=_FUSED)
def _tick(state, price, bids, asks, levels, out):
    t = load_plain(state, _COUNT)
    if t == 0:
        store1(price, state, _BASE)
    base = load1(state, _BASE)
    average = _average(state, _EMA, price - base, _EMA_GAIN, 0, _PERIOD - 1, t)
    store1(base + average if t >= _PERIOD - 1 else _NAN, out, 0)
    store1(_take_rsi(state, price, t), out, 1)
    _take_macd(state, price - base, t, out + 2 * WORD_BYTES)
    _take_bands(state, price, t, out + 5 * WORD_BYTES)
    store_plain(state, _COUNT, t + 1)
    store1(price, state, _PRICE)
    bid, ask = lanes.side_sums(bids, asks, levels)
    store1(parts.share(bid, ask), out, 8)
    rsi, histogram, upper, middle, imbalance = load1(out, 1), load1(out, 4), load1(out, 5), load1(out, 6), load1(out, 8)
    store1(contract.score(price, load1(out, 0), rsi, histogram, upper, middle, imbalance), out, 9)
    return t


@variant(
    "indicators",
    runtime="native",
    example_of="state carried from tick to tick",
    capabilities=("tick", "nan", "recovers", "stable"),
)
def incremental(_config: object) -> contract.Indicators:
    """The kernel and its state."""
    return contract.Indicators({"tick": _tick}, new_state=lambda: Block(_WINDOW + 2 * _PERIOD))
