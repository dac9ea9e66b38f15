"""As c_o3_native, with the inner operations in the header and always inlined; before: c_o3_native."""

from tickbench.components.compiler.c_build import FORCED_INLINE, c_loops, find_compiler
from tickbench.components.compiler.contract import Loops
from tickbench.registry import variant

find_compiler()  # says at once what is missing


@variant("compiler", runtime="native", example_of="cc -O3 -march=native, inner operations always_inline")
def c_forced_inline(_config: object) -> Loops:
    """The loops, compiled."""
    return c_loops("-O3", "-march=native", FORCED_INLINE)
