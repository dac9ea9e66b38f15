"""C at -O3; before: c_o2."""

from tickbench.components.compiler.c_build import c_loops, find_compiler
from tickbench.components.compiler.contract import Loops
from tickbench.registry import variant

find_compiler()  # says at once what is missing


@variant("compiler", runtime="native", example_of="cc -O3")
def c_o3(_config: object) -> Loops:
    """The loops, compiled."""
    return c_loops("-O3")
