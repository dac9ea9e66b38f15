"""Many readers or one writer: the plan's RwLock, spinning for a moment before it sleeps, writers first.

Readers enter side by side, but each writes the lock's word to come and to go: the line moves from core to core just as that of
a mutex. It pays where sections are long against that (100 ns), not where they are short.
"""

from tickbench.components.mutex.contract import NativeLock, lock_block
from tickbench.kernels.locks import rw_lock_read, rw_lock_write, rw_unlock_read, rw_unlock_write
from tickbench.registry import variant


@variant("mutex", runtime="native", example_of="a reader-writer lock on futexes", capabilities=("shared_read",))
def reader_writer(_config: object) -> NativeLock:
    """An unlocked lock."""
    return NativeLock(lock_block(), rw_lock_write, rw_unlock_write, rw_lock_read, rw_unlock_read)
