"""The check that checks nothing: what a driver, its loop and the call through a function pointer cost alone."""

from tickbench.components.risk import contract
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import Block
from tickbench.registry import variant


@kernel(contract.CHECK)
def _check(state, symbol, signed_lots, price_ticks, now_ns):
    return 0


@kernel(contract.UPDATE)
def _update(state, symbol, reference_ticks, position_lots):
    return 0


@variant(
    "risk",
    runtime="native",
    example_of="nothing: the cost of the driver",
    capabilities=("concurrent_writer",),
    null=True,
)
def null(config: contract.RiskConfig) -> contract.NativeRisk:
    """Make the check that checks nothing."""
    return contract.NativeRisk(Block(1), _check, _update)
