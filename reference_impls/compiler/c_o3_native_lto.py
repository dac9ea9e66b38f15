"""As c_o3_native, and optimised across both translation units: the inner operations may be inlined; before: c_o3_native."""

from tickbench.components.compiler.c_build import c_loops, find_compiler
from tickbench.components.compiler.contract import Loops
from tickbench.registry import variant

find_compiler()  # says at once what is missing


@variant("compiler", runtime="native", example_of="cc -O3 -march=native -flto")
def c_o3_native_lto(_config: object) -> Loops:
    """The loops, compiled."""
    return c_loops("-O3", "-march=native", "-flto")
