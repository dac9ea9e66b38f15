"""What a variant of the mutex provides: taking and giving back a lock, alone or beside other readers.

    block   line pair 0   the lock                                                 every thread, each lock and unlock
            line pair 1   FIRST, SECOND, VALUE, OWNER: what the lock protects      the holder

A lock that knows no readers takes the exclusive lock for them as well.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tickbench.kernels.memory import ISOLATION_WORDS, Block

LOCK = "int64(int64, int64)"  # (words, index of the lock's first word) -> anything; as in tickbench.kernels.locks

LOCK_AT = 0
FIRST, SECOND, VALUE, OWNER = (ISOLATION_WORDS + offset for offset in range(4))
_WORDS = 2 * ISOLATION_WORDS


def lock_block() -> Block:
    """A zeroed block with room for a lock and for what it protects."""
    return Block(_WORDS)


@dataclass(frozen=True)
class NativeLock:
    """A lock at word LOCK_AT of the block; readers use the second pair of kernels."""

    block: Block
    lock: Callable[..., int]
    unlock: Callable[..., int]
    lock_shared: Callable[..., int]
    unlock_shared: Callable[..., int]


def exclusive(block: Block, lock: Callable[..., int], unlock: Callable[..., int]) -> NativeLock:
    """A lock without readers' entrance."""
    return NativeLock(block, lock, unlock, lock, unlock)
