"""The score of one symbol from an indicators variant, whichever way it gives one: a carried state, a kernel or a function."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tickbench.components.indicators.contract import PIPELINE, PIPELINE_ROWS, PIPELINE_VALUES, TICK, Indicators
from tickbench.engine.strategy import Strategy
from tickbench.kernels.calls import call_6
from tickbench.kernels.jit import address_of, kernel
from tickbench.kernels.memory import Block


@kernel("int64(int64, int64, float64, int64, int64, int64, int64)")
def _call_tick(address, state, price, bids, asks, levels, out):
    return call_6(address, state, price, bids, asks, levels, out)


@kernel("int64(int64, int64, int64, int64, int64, int64, int64)")
def _call_pipeline(address, prices, n, bids, asks, levels, out):
    return call_6(address, prices, n, bids, asks, levels, out)


class Signal:
    """One symbol: its window or its state. `lots` are those of the book's best levels, a row a side."""

    def __init__(self, indicators: Indicators, strategy: Strategy) -> None:
        self._indicators, self._levels = indicators, strategy.levels
        self.lots: NDArray[np.float64] = np.zeros((2, strategy.levels))
        self._window, self._n = strategy.window_prices, 0
        self._prices = np.zeros(2 * strategy.window_prices)
        self._end = 0
        self._out = np.zeros(len(PIPELINE_ROWS) * strategy.window_prices + 8)
        self._state = indicators.new_state() if indicators.new_state is not None else Block(1)
        self._function = None
        if "tick" in indicators.kernels:
            self._address = address_of(indicators.kernels["tick"], TICK)
            self.score = self._score_tick
        elif "pipeline" in indicators.kernels:
            self._address = address_of(indicators.kernels["pipeline"], PIPELINE)
            self.score = self._score_kernel
        else:
            self.score = self._score_function

    def set_lots(self, side: int, levels: list[tuple[int, int]]) -> None:
        """The best levels of a side."""
        row = [lots for _, lots in levels[: self._levels]]
        self.lots[side] = row + [0] * (self._levels - len(row))

    def _push(self, price: float) -> NDArray[np.float64]:
        if self._end == len(self._prices):
            self._prices[: self._window - 1] = self._prices[self._end - self._window + 1 :]
            self._end = self._window - 1
        self._prices[self._end] = price
        self._end, self._n = self._end + 1, min(self._n + 1, self._window)
        return self._prices[self._end - self._n : self._end]

    def _books(self) -> tuple[int, int, int, int]:
        start = self.lots.ctypes.data
        return start, start + 8 * self._levels, self._levels, self._out.ctypes.data

    def _score_tick(self, price: float) -> float:
        _call_tick(self._address, self._state.address, price, *self._books())
        return float(self._out[PIPELINE_VALUES - 1])

    def _score_kernel(self, price: float) -> float:
        window = self._push(price)
        _call_pipeline(self._address, window.ctypes.data, len(window), *self._books())
        return float(self._out[len(PIPELINE_ROWS) * len(window) + 1])

    def _score_function(self, price: float) -> float:
        as_prices, window = self._indicators.as_prices, self._push(price)
        if len(window) < _LEAST_PRICES:
            return float("nan")  # as every definition says, without asking functions for windows that short
        answer: Any = self._indicators.functions["pipeline"](as_prices(window), *map(as_prices, self.lots))
        return float(answer[2])


_LEAST_PRICES = 34  # the longest lookback, that of MACD, and one
