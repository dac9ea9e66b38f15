"""Pinned, with the neighbours kept off that core: what a cpuset, CPUAffinity= of systemd or isolcpus does for a machine.

Left are the interrupts of that core, and the hypervisor.
"""

from collections.abc import Sequence

from tickbench.components.affinity.contract import Placement, allowed_cores
from tickbench.registry import variant


@variant("affinity", runtime="native", example_of="a pinned thread on a core of its own: cpuset or isolcpus")
def pinned_quiet(cores: Sequence[int]) -> Placement:
    """The last core for the thread, the others for the neighbours."""
    chosen = allowed_cores(cores, 2)
    return Placement(frozenset(chosen[-1:]), frozenset(chosen[:-1]))
