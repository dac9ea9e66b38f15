"""The "before": the mutex of the C library, what a C or C++ engine (and Rust's before 1.62) has by default.

A held mutex is waited for asleep in the kernel, from the first look on (PTHREAD_MUTEX_TIMED_NP): 5 to 50 µs until the
sleeper runs again, however short the section. An uncontended lock costs two locked instructions, two calls and the checks of
the mutex's kind and owner.
"""

from tickbench.components.mutex.contract import LOCK_AT, NativeLock, exclusive, lock_block
from tickbench.errors import NotMeasurableError
from tickbench.kernels.locks import pthread_mutex_init, pthread_mutex_lock, pthread_mutex_unlock
from tickbench.registry import variant


@variant("mutex", runtime="native", example_of="the mutex of the C library", reference=True)
def pthread(_config: object) -> NativeLock:
    """An unlocked mutex."""
    block = lock_block()
    if error := pthread_mutex_init(block.address, LOCK_AT, 0):
        raise NotMeasurableError(f"mutex/pthread: pthread_mutex_init failed with errno {error}")
    return exclusive(block, pthread_mutex_lock, pthread_mutex_unlock)
