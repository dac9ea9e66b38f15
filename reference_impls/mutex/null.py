"""Locks nothing: the time of two calls through a pointer and of the section. With several threads its sections overlap."""

from tickbench.components.mutex.contract import LOCK, NativeLock, exclusive, lock_block
from tickbench.kernels.jit import kernel
from tickbench.registry import variant


@kernel(LOCK)
def _nothing(words, index):
    return 0


@variant(
    "mutex",
    runtime="native",
    example_of="nothing: the cost of the driver",
    capabilities=("shared_read", "first_come_first_served"),
    null=True,
)
def null(_config: object) -> NativeLock:
    """A lock that is never taken."""
    return exclusive(lock_block(), _nothing, _nothing)
