"""The plan's step, sched_setaffinity of one thread: it is never moved, but nothing keeps others off its core.

The last core is taken, since interrupts go to the first more often. With as many busy threads as cores, the scheduler keeps the
neighbours away as far as it can; with more, they come all the same, and a pinned thread cannot flee to the other core.
"""

from collections.abc import Sequence

from tickbench.components.affinity.contract import Placement, allowed_cores
from tickbench.registry import variant


@variant("affinity", runtime="native", example_of="a pinned thread; neighbours go anywhere (the plan's core_affinity)")
def pinned(cores: Sequence[int]) -> Placement:
    """The last core for the thread, all cores for the neighbours."""
    chosen = allowed_cores(cores, 2)
    return Placement(frozenset(chosen[-1:]), frozenset(chosen))
