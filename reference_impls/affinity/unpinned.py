"""The "before": the scheduler decides, for the thread and for its neighbours."""

from collections.abc import Sequence

from tickbench.components.affinity.contract import Placement, allowed_cores
from tickbench.registry import variant


@variant("affinity", runtime="native", example_of="no affinity at all: the scheduler's choice", reference=True)
def unpinned(cores: Sequence[int]) -> Placement:
    """All cores for everybody."""
    everywhere = frozenset(allowed_cores(cores, 1))
    return Placement(everywhere, everywhere)
