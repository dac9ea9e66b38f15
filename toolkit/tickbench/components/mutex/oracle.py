"""The oracle of the mutex: one thread inside at a time, readers see whole changes, and every sleeper is woken."""

import time
from collections.abc import Callable, Sequence

from tickbench.components.component import MarketFeed, Verification
from tickbench.components.mutex import drivers
from tickbench.components.mutex.contract import FIRST, SECOND, NativeLock
from tickbench.components.mutex.workloads import READS_PER_WRITE
from tickbench.components.shared.threads import Task
from tickbench.kernels.memory import Block
from tickbench.registry import Variant

THREADS = 4  # more than the cores of a small machine: a holder loses its core now and then
_SECTIONS = 4_000  # of a thread
_STEPS = 20
LIMIT_S = 10.0  # the slowest lock takes 0.1 s

_kept: list[Block] = []  # of threads that never came back: their memory must stay


def finish(made: NativeLock, calls: Sequence[Callable[[], int]], limit_s: float = LIMIT_S) -> list[int] | None:
    """Run each call in a thread; their answers, or None if one does not end in time: it sleeps and nobody wakes it."""
    tasks = [Task(call) for call in calls]
    for task in tasks:
        task.start()
    deadline = time.monotonic() + limit_s
    for task in tasks:
        task.join(max(0.0, deadline - time.monotonic()))
    if any(task.is_alive() for task in tasks):
        _kept.append(made.block)
        return None
    return [task.answer() for task in tasks]


def _writers(made: NativeLock, sections: int) -> Callable[[], int]:
    return lambda: int(drivers.enter_many(made.lock, made.unlock, made.block.address, sections, _STEPS, 0))


def _readers(made: NativeLock, sections: int) -> Callable[[], int]:
    kernels = (made.lock, made.unlock, made.lock_shared, made.unlock_shared)
    return lambda: int(drivers.read_mostly_many(*kernels, made.block.address, sections, _STEPS, READS_PER_WRITE))


def verify(
    variant: Variant, _feed: MarketFeed | None, sections: int = _SECTIONS, limit_s: float = LIMIT_S
) -> Verification:
    """Four threads at one lock: as writers, then mostly as readers; the fields must count every exclusive section."""
    if variant.null:
        return Verification(True, 0, "the null variant excludes nobody")
    made, expected, checks = variant.build(None), 0, 0
    for role, own in ((_writers, sections), (_readers, sections // (READS_PER_WRITE + 1))):
        checks += THREADS * sections
        wrong = finish(made, [role(made, sections)] * THREADS, limit_s)
        if wrong is None:
            return Verification(False, checks, f"a thread did not come back within {limit_s:g} s: a wake-up was lost")
        if sum(wrong):
            return Verification(False, checks, f"{sum(wrong)} sections saw another thread inside, or half a change")
        expected += THREADS * own
        counted = int(made.block.array[FIRST]), int(made.block.array[SECOND])
        if counted != (expected, expected):
            return Verification(False, checks, f"{expected} exclusive sections were entered, the fields count {counted}")
    return Verification(True, checks, f"{checks} sections of {THREADS} threads, never two writers or a torn read")
