"""Spins for a moment, then sleeps: the idea of parking_lot and of Rust's own mutex since 1.62.

One compare-exchange takes a free lock, one exchange gives it back; both stand in the caller's code. A waiter looks some 100
times before it sleeps on a futex, so that a section of a µs or less is over before the kernel is asked. Nobody queues: whoever
comes at the right moment takes the lock, which is fast, and unfair.
"""

from tickbench.components.mutex.contract import NativeLock, exclusive, lock_block
from tickbench.kernels.locks import adaptive_lock, adaptive_unlock
from tickbench.registry import variant


@variant("mutex", runtime="native", example_of="a bounded spin, then a futex: as parking_lot and Rust's std")
def adaptive(_config: object) -> NativeLock:
    """An unlocked mutex."""
    return exclusive(lock_block(), adaptive_lock, adaptive_unlock)
