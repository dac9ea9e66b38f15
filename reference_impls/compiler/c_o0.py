"""C at -O0: what the others are worth, and what a debug build costs."""

from tickbench.components.compiler.c_build import c_loops, find_compiler
from tickbench.components.compiler.contract import Loops
from tickbench.registry import variant

find_compiler()  # says at once what is missing


@variant("compiler", runtime="native", example_of="cc -O0")
def c_o0(_config: object) -> Loops:
    """The loops, compiled."""
    return c_loops("-O0")
