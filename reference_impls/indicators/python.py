"""Plain Python on lists: the definitions, one number at a time."""

import math
from collections import deque
from itertools import pairwise

from tickbench.components.indicators import contract
from tickbench.registry import variant

_NAN = contract.NAN


def _sma(prices):
    period = contract.SMA_PERIOD
    means = [sum(prices[end - period : end]) / period for end in range(period, len(prices) + 1)]
    return [[_NAN] * min(len(prices), period - 1) + means]


def _average(values, begin, period, gain):
    """Exponential average: at `begin` the mean of the last `period` values; NaN before."""
    out = [_NAN] * min(len(values), begin)
    if len(values) <= begin:
        return out
    average = sum(values[begin + 1 - period : begin + 1]) / period
    out.append(average)
    for value in values[begin + 1 :]:
        average += gain * (value - average)
        out.append(average)
    return out


def _ema(prices):
    return [_average(prices, contract.EMA_PERIOD - 1, contract.EMA_PERIOD, contract.EMA_GAIN)]


def _rsi(prices):
    period = contract.RSI_PERIOD
    changes = [after - before for before, after in pairwise(prices)]
    gains = _average([0.0 if one < 0 else one for one in changes], period - 1, period, 1 / period)
    losses = _average([0.0 if one > 0 else -one for one in changes], period - 1, period, 1 / period)
    values = [0.0 if gain + loss == 0 else 100 * gain / (gain + loss) for gain, loss in zip(gains, losses, strict=True)]
    return [[_NAN] * min(len(prices), 1) + values]


def _macd(prices):
    begin, at = contract.MACD_BEGIN, contract.LOOKBACK["macd"]
    fast = _average(prices, begin, contract.MACD_FAST, contract.FAST_GAIN)
    slow = _average(prices, begin, contract.MACD_SLOW, contract.SLOW_GAIN)
    line = [one - other for one, other in zip(fast, slow, strict=True)]
    signal = _average(line, at, contract.MACD_SIGNAL, contract.SIGNAL_GAIN)
    line[:at] = [_NAN] * min(len(line), at)
    return [line, signal, [one - other for one, other in zip(line, signal, strict=True)]]


def _bollinger(prices):
    window, rows = deque(maxlen=contract.BOLLINGER_PERIOD), ([], [], [])
    for price in prices:
        window.append(price)
        middle = width = _NAN
        if len(window) == contract.BOLLINGER_PERIOD:
            middle = sum(window) / len(window)
            width = contract.BOLLINGER_DEVIATIONS * math.sqrt(sum((one - middle) ** 2 for one in window) / len(window))
        for row, value in zip(rows, (middle + width, middle, middle - width), strict=True):
            row.append(value)
    return rows


def _imbalance(bids, asks):
    bid, ask = sum(bids), sum(asks)
    return (bid - ask) / (bid + ask) if bid + ask else 0.0


def _pipeline(prices, bids, asks):
    rows = [*_ema(prices), *_rsi(prices), *_macd(prices), *_bollinger(prices)]
    ema, rsi, _, _, histogram, upper, middle, _ = (row[-1] for row in rows)
    imbalance = _imbalance(bids, asks)
    return rows, imbalance, contract.score(prices[-1], ema, rsi, histogram, upper, middle, imbalance)


@variant(
    "indicators",
    runtime="python",
    example_of="lists and loops",
    capabilities=(
        *("sum", "sma", "ema", "rsi", "macd", "bollinger", "imbalance", "pipeline", "series", "batch", "call"),
        *("nan", "recovers", "stable"),
    ),
)
def python(_config: object) -> contract.Indicators:
    """The functions; they take lists."""
    functions = {"sum": sum, "sma": _sma, "ema": _ema, "rsi": _rsi, "macd": _macd, "bollinger": _bollinger}
    return contract.Indicators(
        functions={**functions, "imbalance": _imbalance, "pipeline": _pipeline},
        as_prices=lambda array: array.tolist(),
        rsi_of=lambda array: _rsi(array.tolist())[0],
    )
