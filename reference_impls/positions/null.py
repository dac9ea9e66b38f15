"""The map that does nothing: what a driver, its loop and the call through a function pointer cost alone."""

from tickbench.components.positions import contract
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import Block
from tickbench.registry import variant


@kernel(contract.FILL)
def _fill(state, symbol, signed_lots, price_ticks):
    return signed_lots


@kernel(contract.READ)
def _read(state, symbol, out):
    return 0


@variant(
    "positions",
    runtime="native",
    example_of="nothing: the cost of the driver",
    capabilities=("concurrent",),
    null=True,
)
def null(config: contract.MapConfig) -> contract.NativePositions:
    """Make the map that does nothing."""
    return contract.NativePositions(Block(1), _fill, _read)
