"""The oracle's own indicators: slow, in extended precision, as close to the definitions in words as Python gets."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tickbench.components.indicators import contract

Extended = np.longdouble  # 64 bits of mantissa on x86-64
Rows = NDArray[Any]


def _blank(n: int, rows: int = 1) -> Rows:
    return np.full((rows, n), np.nan, dtype=Extended)


def sma(prices: Rows) -> Rows:
    """Mean of each window."""
    out, period = _blank(len(prices)), contract.SMA_PERIOD
    if len(prices) >= period:
        out[0, period - 1 :] = sliding_window_view(prices.astype(Extended), period).mean(axis=1)
    return out


def bollinger(prices: Rows) -> Rows:
    """Mean and population deviation of each window, in two passes."""
    out, period = _blank(len(prices), 3), contract.BOLLINGER_PERIOD
    if len(prices) >= period:
        windows = sliding_window_view(prices.astype(Extended), period)
        middle = windows.mean(axis=1)
        deviation = np.sqrt(((windows - middle[:, None]) ** 2).mean(axis=1))
        width = Extended(contract.BOLLINGER_DEVIATIONS) * deviation
        out[:, period - 1 :] = middle + width, middle, middle - width
    return out


def _average(values: Rows, begin: int, period: int, gain: Any) -> Rows:
    """Exponential average: at `begin` the mean of the last `period` values, then e += gain (value - e)."""
    out: Rows = np.full(len(values), np.nan, dtype=Extended)
    if len(values) > begin:
        average = out[begin] = values[begin + 1 - period : begin + 1].mean()
        for i in range(begin + 1, len(values)):
            average = out[i] = average + gain * (values[i] - average)
    return out


def _gain(period: int) -> Any:
    return Extended(2) / (period + 1)


def ema(prices: Rows) -> Rows:
    """Exponential average, begun with the mean of the first prices."""
    period = contract.EMA_PERIOD
    return _average(prices.astype(Extended), period - 1, period, _gain(period))[None]


def macd(prices: Rows) -> Rows:
    """Both averages begin together; the first 8 differences only begin the signal."""
    slow, signal = contract.MACD_SLOW, contract.MACD_SIGNAL
    values = prices.astype(Extended)
    line = _average(values, slow - 1, contract.MACD_FAST, _gain(contract.MACD_FAST))
    line -= _average(values, slow - 1, slow, _gain(slow))
    begin = slow + signal - 2
    average = _average(line, begin, signal, _gain(signal))
    line[:begin] = np.nan
    return np.stack([line, average, line - average])


def rsi(prices: Rows) -> Rows:
    """Wilder's averages of gains and losses of the changes."""
    period, out = contract.RSI_PERIOD, _blank(len(prices))
    changes = np.diff(prices.astype(Extended))
    gains, losses = np.where(changes < 0, 0, changes), np.where(changes > 0, 0, -changes)  # NaN stays NaN in both
    gain, loss = (_average(one, period - 1, period, Extended(1) / period) for one in (gains, losses))
    total = gain + loss
    with np.errstate(invalid="ignore", divide="ignore"):
        out[0, 1:] = np.where(total == 0, 0, 100 * gain / total)
    return out


SERIES: dict[str, Callable[[Rows], Rows]] = {"sma": sma, "ema": ema, "rsi": rsi, "macd": macd, "bollinger": bollinger}


def imbalance(bids: Sequence[float] | Rows, asks: Sequence[float] | Rows) -> float:
    """Share of the bids minus share of the asks."""
    bid, ask = (np.asarray(one, dtype=Extended).sum() for one in (bids, asks))
    return float((bid - ask) / (bid + ask)) if bid + ask != 0 else 0.0


def pipeline(prices: Rows, bids: Rows, asks: Rows) -> tuple[Rows, float, float]:
    """All rows of the window, the imbalance and the score of its last price."""
    rows = np.concatenate([ema(prices), rsi(prices), macd(prices), bollinger(prices)])
    of_book = imbalance(bids, asks)
    return rows, of_book, _score(float(prices[-1]), rows[:, -1], of_book)


def _score(price: float, last: Rows, of_book: float) -> float:
    average, index, _, _, histogram, upper, middle, _ = last
    half = upper - middle

    def vote(value: Any) -> Any:
        return np.clip(value / half, -1, 1) if half != 0 else 0

    votes = (50 - index) / 50, vote(middle - price), vote(histogram), vote(average - middle), of_book
    return float(sum(votes) / 5)
