"""What a variant of the indicators provides: operations over a window of prices, over a book, or for one tick.

Definitions are TA-Lib's (https://ta-lib.org/functions), unstable period 0, with the periods below. Output i belongs to price i;
what is not defined yet (the lookback) is NaN.

    sma        mean of the last 20 prices                                              first at 19
    ema        e += k (price - e), k = 2/21, begun with the mean of the first 20       first at 19
    rsi        Wilder's: 100 G / (G + L), averages of gains and of losses              first at 14
               a <- (13 a + new) / 14, begun with the mean of the first 14 changes;
               0 where G + L is 0 (constant prices), as TA-Lib gives
    macd       rows: ema12 - ema26, its ema9, their difference; both averages          all first at 33
               begin at 25 (with the mean of their last 12 and 26 prices)
    bollinger  rows: mean + 2 deviations, mean, mean - 2 deviations, of the last 20    first at 19
               prices, population deviation
    sum        the sum of all prices
    imbalance  (B - A) / (B + A), sums of n bid and n ask quantities; 0 for empty sides (the plan divides by 0)
    pipeline   rows ema, rsi, macd, signal, histogram, upper, middle (the SMA), lower over the window, then imbalance
               and `score`
    tick       the last value of each row, imbalance and score, from a state that is carried on: O(1)

One NaN among the prices makes NaN what its definition reaches: the 20 windows that hold it; from there on, for ever, what
never forgets (ema, rsi, macd); the sum. Nothing before it changes: capability `nan` (TA-Lib lacks it: its RSI says 0 after a
NaN). A variant whose sums roll may stay NaN after the window too; `recovers` says that it does not. `stable` says that
accuracy does not depend on what rolled by: values stay within ROUNDING_ULPS of the largest price, also for noise of 1e-3 on
prices of 1e9.

Periods are constants of compilation: a strategy knows them when it starts. TA-Lib takes them with each call.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import Block

SMA_PERIOD = EMA_PERIOD = BOLLINGER_PERIOD = 20
RSI_PERIOD = 14
MACD_FAST, MACD_SLOW, MACD_SIGNAL = 12, 26, 9
BOLLINGER_DEVIATIONS = 2.0
NAN = math.nan

EMA_DECAY, EMA_GAIN = 1 - 2 / (EMA_PERIOD + 1), 2 / (EMA_PERIOD + 1)
# Averages times 14 (S <- 13/14 S + size of the change, D <- 13/14 D + change) begin as plain sums: RSI = 50 (1 + D / S).
RSI_DECAY = 1 - 1 / RSI_PERIOD
FAST_GAIN, SLOW_GAIN, SIGNAL_GAIN = (2 / (period + 1) for period in (MACD_FAST, MACD_SLOW, MACD_SIGNAL))
MACD_BEGIN = MACD_SLOW - 1  # both averages begin here

LOOKBACK = {"sma": 19, "ema": 19, "rsi": 14, "macd": 33, "bollinger": 19}  # outputs before the first
ROWS = {"sma": 1, "ema": 1, "rsi": 1, "macd": 3, "bollinger": 3}
PIPELINE_ROWS = ("ema", "rsi", "macd", "signal", "histogram", "upper", "middle", "lower")
PIPELINE_VALUES = len(PIPELINE_ROWS) + 2  # of a tick: the rows, imbalance, score
ROUNDING_ULPS = 64  # of the largest price: some rounding errors of a recurrence that remembers 27 prices (26-day EMA)

# Addresses are those of float64. Rows of a result follow each other, n values each; kernels return anything.
SERIES = "int64(int64, int64, int64)"  # (prices, n, out); one value for sum, ROWS[…] rows for the others
ARRAYS = "int64(float64[::1], float64[::1])"  # (prices, out), for a call from Python
IMBALANCE = "int64(int64, int64, int64, int64)"  # (bids, asks, levels, out)
PIPELINE = "int64(int64, int64, int64, int64, int64, int64)"  # (prices, n, bids, asks, levels, out)
TICK = "int64(int64, float64, int64, int64, int64, int64)"  # (state, price, bids, asks, levels, out)


@dataclass
class Indicators:
    """One variant's operations by name.

    `kernels` are compiled, with the signatures above. With `lanes` above 1 they take so many symbols at once: tick t of
    symbol s at prices[t * lanes + s], and so the results. `functions` are called from Python with the arrays that
    `as_prices` makes, and return the rows (pipeline: rows, imbalance, score; sum and imbalance: a float).
    `rsi_of(array)` is the call of an application: numpy array in, array out, checks and allocation included.
    `new_state` makes the state of `tick`. `vector_outputs(operation, n)` is how many of the n outputs full vectors give.
    """

    kernels: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    functions: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    lanes: int = 1
    as_prices: Callable[[Any], Any] = np.ascontiguousarray
    rsi_of: Callable[[Any], Any] | None = None
    new_state: Callable[[], Block] | None = None
    vector_outputs: Callable[[str, int], int] | None = None
    owner: Any = None


def rsi_call(rsi: Callable[..., Any]) -> Callable[[Any], Any]:
    """The call of an application around a kernel of signature ARRAYS: takes a contiguous float64 array, returns a new one.

    The types stand in the signature: anything else is refused with a TypeError before the kernel runs.
    """

    def rsi_of(prices: Any) -> Any:
        out = np.empty(len(prices))
        rsi(prices, out)
        return out

    return rsi_of


@kernel("float64(float64, float64)")
def _vote(value, scale):
    """The value over the scale, within -1 … 1; no scale, no vote."""
    if scale == 0.0:
        return 0.0
    vote = value / scale
    return 1.0 if vote > 1.0 else (-1.0 if vote < -1.0 else vote)


@kernel("float64(float64, float64, float64, float64, float64, float64, float64)")
def score(price, ema, rsi, histogram, upper, middle, imbalance):
    """The combined signal in -1 (sell) … 1 (buy): the mean of five votes.

    Against the trend: RSI and the place within the bands. With it: MACD histogram, EMA over SMA. And the book's imbalance.
    Prices count in half widths of the band, which makes them comparable between instruments.
    """
    half_width = upper - middle
    reversion = (50.0 - rsi) * 0.02 + _vote(middle - price, half_width)
    momentum = _vote(histogram, half_width) + _vote(ema - middle, half_width)
    return (reversion + momentum + imbalance) * 0.2
