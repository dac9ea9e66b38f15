"""The store that answers 0 without looking at a trade: what a driver's loop and the call through a pointer cost alone."""

from tickbench.components.trades import contract
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import Block
from tickbench.registry import variant


@kernel(contract.MEAN_PRICE)
def _mean(state, first, n):
    return 0.0


@kernel(contract.FILTER)
def _filter(state, first, n, threshold, out):
    return 0


@kernel(contract.WINDOW_SUM)
def _window_sum(state, first, n, from_ns, until_ns):
    return 0


@kernel(contract.FULL_RECORD)
def _full_record(state, positions, n):
    return 0


@variant("trades", runtime="native", example_of="nothing: the cost of the driver", null=True)
def null(columns: contract.Columns) -> contract.NativeTrades:
    """Keep nothing."""
    nowhere = contract.Layout((0,) * contract.RECORD_WORDS, (0,) * contract.RECORD_WORDS)
    return contract.NativeTrades(Block(contract.HEADER_WORDS), nowhere, _mean, _mean, _filter, _window_sum, _full_record)
