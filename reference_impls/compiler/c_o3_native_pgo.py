"""As c_o3_native, trained on other inputs and built again with the profile, without LTO; before: c_o3_native.

A profile counts how often a branch is taken, not how often it is mispredicted. gcc 12 peels the short search of the book into a
chain of branches for it and makes one of the side's conditional move: look at the book before believing in a profile.
"""

from tickbench.components.compiler.c_build import c_loops, find_compiler
from tickbench.components.compiler.contract import Loops
from tickbench.registry import variant

find_compiler()  # says at once what is missing


@variant("compiler", runtime="native", example_of="cc -O3 -march=native, -fprofile-generate, a training run, -fprofile-use")
def c_o3_native_pgo(_config: object) -> Loops:
    """The loops, compiled."""
    return c_loops("-O3", "-march=native", profile=True)
