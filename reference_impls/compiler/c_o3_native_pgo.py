"""As c_o3_native, trained on other inputs and built again with the profile, without LTO; before: c_o3_native."""

from tickbench.components.compiler.c_build import c_loops, find_compiler
from tickbench.components.compiler.contract import Loops
from tickbench.registry import variant

find_compiler()  # says at once what is missing


@variant("compiler", runtime="native", example_of="cc -O3 -march=native, -fprofile-generate, a training run, -fprofile-use")
def c_o3_native_pgo(_config: object) -> Loops:
    """The loops, compiled."""
    return c_loops("-O3", "-march=native", profile=True)
