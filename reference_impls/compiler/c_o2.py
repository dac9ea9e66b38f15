"""C at -O2, the level that distributions build with; the reference."""

from tickbench.components.compiler.c_build import c_loops, find_compiler
from tickbench.components.compiler.contract import Loops
from tickbench.registry import variant

find_compiler()  # says at once what is missing


@variant("compiler", runtime="native", example_of="cc -O2, two translation units", reference=True)
def c_o2(_config: object) -> Loops:
    """The loops, compiled."""
    return c_loops("-O2")
