"""The usual numpy idioms: convolution for the SMA, a sliding window's `std` for the bands, blocks of `cumsum` for averages.

numpy has no recurrence. S[i] = a S[i-1] + x[i] is S[i] = a^i cumsum(x[j] / a^j), which over a whole series over- and
underflows; so it is done in blocks of 64, and only the blocks' last values are carried on in Python. Each step allocates an
array.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tickbench.components.indicators import contract
from tickbench.registry import variant

_BLOCK = 64  # 0.8^-64 is 1.6e6: far from losing digits
_PERIOD = contract.SMA_PERIOD


def _blank(n, rows=1):
    return np.full((rows, n), np.nan)


def _decayed(values, begin, decay):
    """S[i] = decay S[i-1] + x[i], with `begin` before the first."""
    blocks = -(-len(values) // _BLOCK)
    powers = decay ** np.arange(1, _BLOCK + 1)
    padded = np.zeros(blocks * _BLOCK)
    padded[: len(values)] = values
    local = np.cumsum(padded.reshape(blocks, _BLOCK) / powers, axis=1) * powers
    carries, carry, step = np.empty((blocks, 1)), begin, powers[-1]
    for block, last in enumerate(local[:, -1].tolist()):
        carries[block] = carry
        carry = carry * step + last
    return (local + carries * powers).ravel()[: len(values)]


def _average(values, begin, period, gain):
    """Exponential average: at `begin` the mean of the last `period` values; NaN before."""
    out = _blank(len(values))[0]
    if len(values) > begin:
        out[begin] = values[begin + 1 - period : begin + 1].mean()
        out[begin + 1 :] = _decayed(values[begin + 1 :], out[begin] / gain, 1 - gain) * gain
    return out


def _sma(prices):
    out = _blank(len(prices))
    if len(prices) >= _PERIOD:
        out[0, _PERIOD - 1 :] = np.convolve(prices, np.full(_PERIOD, 1 / _PERIOD), "valid")
    return out


def _ema(prices):
    base = prices[:1]
    return _average(prices - base, _PERIOD - 1, _PERIOD, contract.EMA_GAIN)[None] + base if len(prices) else _blank(0)


def _rsi(prices):
    period, out = contract.RSI_PERIOD, _blank(len(prices))
    changes = np.diff(prices)
    net = _average(changes, period - 1, period, 1 / period)
    moved = _average(np.abs(changes), period - 1, period, 1 / period)
    with np.errstate(invalid="ignore", divide="ignore"):
        out[0, 1:] = np.where(moved == 0, 0.0, 50 * (1 + net / moved))
    return out


def _macd(prices):
    begin, at = contract.MACD_BEGIN, contract.LOOKBACK["macd"]
    prices = prices - prices[:1]
    line = _average(prices, begin, contract.MACD_FAST, contract.FAST_GAIN)
    line -= _average(prices, begin, contract.MACD_SLOW, contract.SLOW_GAIN)
    signal = _average(line, at, contract.MACD_SIGNAL, contract.SIGNAL_GAIN)
    line[:at] = np.nan
    return np.stack([line, signal, line - signal])


def _bollinger(prices):
    out = _blank(len(prices), 3)
    if len(prices) >= _PERIOD:
        windows = sliding_window_view(prices, _PERIOD)
        middle, width = windows.mean(axis=1), contract.BOLLINGER_DEVIATIONS * windows.std(axis=1)
        out[:, _PERIOD - 1 :] = middle + width, middle, middle - width
    return out


def _imbalance(bids, asks):
    bid, ask = bids.sum(), asks.sum()
    return (bid - ask) / (bid + ask) if bid + ask else 0.0


def _pipeline(prices, bids, asks):
    rows = np.concatenate([_ema(prices), _rsi(prices), _macd(prices), _bollinger(prices)])
    ema, rsi, _, _, histogram, upper, middle, _ = rows[:, -1]
    imbalance = _imbalance(bids, asks)
    return rows, imbalance, contract.score(prices[-1], ema, rsi, histogram, upper, middle, imbalance)


@variant(
    "indicators",
    runtime="python",
    example_of="numpy idioms",
    capabilities=(
        *("sum", "sma", "ema", "rsi", "macd", "bollinger", "imbalance", "pipeline", "series", "batch", "call"),
        *("nan", "recovers", "stable"),
    ),
)
def numpy(_config: object) -> contract.Indicators:
    """The functions; they take arrays."""
    functions = {"sum": np.sum, "sma": _sma, "ema": _ema, "rsi": _rsi, "macd": _macd, "bollinger": _bollinger}
    return contract.Indicators(
        functions={**functions, "imbalance": _imbalance, "pipeline": _pipeline}, rsi_of=lambda prices: _rsi(prices)[0]
    )
