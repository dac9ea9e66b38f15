"""numba for any CPU of this architecture; before: numba_o3."""

from tickbench.components.compiler.contract import Loops
from tickbench.components.compiler.numba_build import compiled_loops
from tickbench.registry import variant


@variant("compiler", runtime="native", example_of="numba, NUMBA_CPU_NAME=generic")
def numba_generic_cpu(_config: object) -> Loops:
    """The loops, compiled."""
    return compiled_loops(cpu="generic")
