"""Nothing: what drivers, loops and the call through a function pointer cost alone.

Every operation returns at once and leaves its output as it was. No oracle accepts it.
"""

from tickbench.components.indicators import contract
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import Block
from tickbench.registry import variant


@kernel(contract.SERIES)
def _series(prices, n, out):
    return 0


@kernel(contract.IMBALANCE)
def _imbalance(bids, asks, levels, out):
    return 0


@kernel(contract.PIPELINE)
def _pipeline(prices, n, bids, asks, levels, out):
    return 0


@kernel(contract.TICK)
def _tick(state, price, bids, asks, levels, out):
    return 0


@variant(
    "indicators",
    runtime="native",
    example_of="nothing: the cost of the driver",
    capabilities=(
        *("sum", "sma", "ema", "rsi", "macd", "bollinger", "imbalance", "pipeline", "compiled", "tick"),
        *("series", "batch", "call"),
    ),
    null=True,
)
def null(_config: object) -> contract.Indicators:
    """Operations that do nothing."""
    kernels = dict.fromkeys(("sum", *contract.ROWS), _series)
    return contract.Indicators(
        {**kernels, "imbalance": _imbalance, "pipeline": _pipeline, "tick": _tick},
        rsi_of=lambda prices: prices,
        new_state=lambda: Block(1),
    )
