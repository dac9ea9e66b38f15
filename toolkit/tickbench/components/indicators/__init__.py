"""Technical indicators: contract, model, oracle, workloads."""

from tickbench.components.component import Component
from tickbench.components.indicators.memory import MEMORY
from tickbench.components.indicators.oracle import verify
from tickbench.components.indicators.workloads import WORKLOADS

COMPONENT = Component(
    name="indicators",
    summary="moving averages, RSI, MACD, Bollinger bands, book imbalance, and the signal made of them",
    workloads={**WORKLOADS, MEMORY.name: MEMORY},
    verify=verify,
    capabilities={
        "sum": "the sum of a series",
        "sma": "simple moving average",
        "ema": "exponential moving average",
        "rsi": "relative strength index",
        "macd": "convergence and divergence of moving averages",
        "bollinger": "Bollinger bands",
        "imbalance": "order-book imbalance",
        "pipeline": "all of them over a window, and the combined signal",
        "compiled": "the pipeline runs inside a kernel, where each one can be timed",
        "tick": "carries its state from tick to tick",
        "series": "takes one symbol",
        "batch": "takes many symbols, all five averages: one after the other, or one a lane",
        "call": "RSI as an application calls it from Python",
        "nan": "a NaN gives NaN, and nothing else, wherever its definition reaches",
        "recovers": "windows that a NaN has left are right again",
        "stable": "as accurate with 1e-3 of noise on prices of 1e9",
    },
)
