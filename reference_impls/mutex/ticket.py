"""First come, first served, spinning: fair among threads that all have a core, and terrible beyond.

With more threads than cores the turn comes to threads that are not running, and everybody waits until the scheduler gets round
to each. It gives the core away after each 100 looks, or it would wait out whole time slices.
"""

from tickbench.components.mutex.contract import NativeLock, exclusive, lock_block
from tickbench.kernels.locks import ticket_lock, ticket_unlock
from tickbench.registry import variant


@variant("mutex", runtime="native", example_of="a ticket lock", capabilities=("first_come_first_served",))
def ticket(_config: object) -> NativeLock:
    """An unlocked mutex."""
    return exclusive(lock_block(), ticket_lock, ticket_unlock)
