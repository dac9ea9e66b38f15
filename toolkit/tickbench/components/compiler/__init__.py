"""What compilers and their options make of the same hot loops: gcc or clang in several ways, and numba's own ladder."""

from tickbench.components.compiler.oracle import verify
from tickbench.components.compiler.workloads import WORKLOADS
from tickbench.components.component import Component

COMPONENT = Component(
    name="compiler",
    summary="three hot loops built with different compilers and options",
    workloads=WORKLOADS,
    verify=verify,
)
