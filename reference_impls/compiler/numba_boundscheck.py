"""numba with bounds checks; before: numba_o3."""

from tickbench.components.compiler.contract import Loops
from tickbench.components.compiler.numba_build import compiled_loops
from tickbench.registry import variant


@variant("compiler", runtime="native", example_of="numba, boundscheck=True")
def numba_boundscheck(_config: object) -> Loops:
    """The loops, compiled."""
    return compiled_loops(boundscheck=True)
