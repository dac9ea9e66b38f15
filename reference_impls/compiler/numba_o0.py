"""numba at level 0; before: numba_o3."""

from tickbench.components.compiler.contract import Loops
from tickbench.components.compiler.numba_build import compiled_loops
from tickbench.registry import variant


@variant("compiler", runtime="native", example_of="numba, NUMBA_OPT=0")
def numba_o0(_config: object) -> Loops:
    """The loops, compiled."""
    return compiled_loops(level=0)
