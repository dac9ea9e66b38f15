"""numba as it is by default: level 3, this machine's CPU; the base of numba's ladder."""

from tickbench.components.compiler.contract import Loops
from tickbench.components.compiler.numba_build import compiled_loops
from tickbench.registry import variant


@variant("compiler", runtime="native", example_of="numba, NUMBA_OPT=3")
def numba_o3(_config: object) -> Loops:
    """The loops, compiled."""
    return compiled_loops()
