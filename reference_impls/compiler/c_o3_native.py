"""C at -O3 for this machine's CPU; before: c_o3. gcc contracts a * b + c to one FMA where the CPU has it."""

from tickbench.components.compiler.c_build import c_loops, find_compiler
from tickbench.components.compiler.contract import Loops
from tickbench.registry import variant

find_compiler()  # says at once what is missing


@variant("compiler", runtime="native", example_of="cc -O3 -march=native")
def c_o3_native(_config: object) -> Loops:
    """The loops, compiled."""
    return c_loops("-O3", "-march=native")
