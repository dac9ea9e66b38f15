"""Loops that do nothing: what the driver costs."""

from tickbench.components.compiler.contract import LOOP, Loops
from tickbench.kernels.jit import kernel
from tickbench.registry import variant


@kernel(LOOP)
def _nothing(state, inputs, outputs, n):
    return 0


@variant("compiler", runtime="native", example_of="nothing: the cost of the driver", null=True)
def null(_config: object) -> Loops:
    """No loops."""
    return Loops(lambda name: _nothing)
