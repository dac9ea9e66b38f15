"""The oracle of the mutex: one thread inside at a time, readers see whole changes, and every sleeper is woken."""

import time
from collections.abc import Callable, Sequence

from tickbench.components.component import Job, MarketFeed, Verification
from tickbench.components.mutex import drivers
from tickbench.components.mutex.contract import LOCK_AT, NativeLock
from tickbench.components.mutex.workloads import READS_PER_WRITE, checked, sections_of_readers, sections_of_writers
from tickbench.components.shared.crowd import run_crowd
from tickbench.components.shared.digest import digest_of
from tickbench.components.shared.threads import Task, on_cores
from tickbench.kernels.clock import calibrate
from tickbench.registry import Variant

THREADS = 4  # more than the cores of a small machine: a holder loses its core now and then
_SECONDS = 0.03  # side by side, in each role
_CONVOYS = 3
_ASLEEP_S = 0.01  # a waiter sleeps after some µs; one that is late makes the check weaker, not wrong
LIMIT_S = 20.0  # beyond the time asked; the slowest lock takes some ms

_kept: list[NativeLock] = []  # of threads that never came back: the memory must stay


class NeverCameBackError(Exception):
    """A thread sleeps, and nobody wakes it."""


def _finish(functions: Sequence[Callable[[], object]], abort: Callable[[], object], limit_s: float) -> list[Task[object]]:
    """Start a thread for each function and wait for it, but not for ever."""
    tasks = [Task(one, abort) for one in functions]
    for task in tasks:
        task.start()
    _join(tasks, limit_s)
    return tasks


def _join(tasks: Sequence[Task[object]], limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    for task in tasks:
        task.join(max(0.0, deadline - time.monotonic()))
    if any(task.is_alive() for task in tasks):
        raise NeverCameBackError


def _convoy(made: NativeLock, limit_s: float) -> None:
    """Hold the lock until writers and readers sleep before it, and give it back once: all must get through.

    In a crowd somebody always comes by and wakes a forgotten sleeper; here nobody does.
    """
    words = made.block.address
    kernels = (made.lock, made.unlock, made.lock_shared, made.unlock_shared)

    def write() -> object:
        return drivers.enter_many(made.lock, made.unlock, words, 1, 0, 0)

    def read() -> object:
        return drivers.read_mostly_many(*kernels, words, 1, 0, READS_PER_WRITE)

    made.lock(words, LOCK_AT)
    tasks = [Task(one) for one in [write, read] * (THREADS // 2)]
    for task in tasks:
        task.start()
    time.sleep(_ASLEEP_S)
    made.unlock(words, LOCK_AT)
    _join(tasks, limit_s)


def verify(variant: Variant, _feed: MarketFeed | None, seconds: float = _SECONDS, limit_s: float = LIMIT_S) -> Verification:
    """A convoy of sleepers; then four threads at one lock as writers, then mostly as readers.

    The fields must count every exclusive section, and every thread must come back.
    """
    if variant.null:
        return Verification(True, 0, "the null variant excludes nobody")
    made = variant.build(None)
    try:
        return _verified(Job(variant, calibrate(), seconds=seconds), made, limit_s)
    except NeverCameBackError:
        _kept.append(made)
        return Verification(False, 0, f"a thread did not come back within {limit_s:g} s: a wake-up was lost")


def _verified(job: Job, made: NativeLock, limit_s: float) -> Verification:
    for _ in range(_CONVOYS):
        _convoy(made, limit_s)
    entered = _CONVOYS * (THREADS // 2)
    checks = _CONVOYS * THREADS

    def run(functions: Sequence[Callable[[], object]], abort: Callable[[], object]) -> list[object]:
        return [task.answer() for task in _finish(on_cores(functions), abort, job.seconds + limit_s)]

    for work, per_section in (sections_of_writers(made, "short", 0), sections_of_readers(made, "short")):
        crowd = run_crowd(job, [work] * THREADS, run)
        entered += crowd.issued // per_section
        checks += crowd.issued
        found = checked(job.variant, made, entered, sum(crowd.wrong_each))
        if not found.passed:
            return found
    detail = f"{checks} sections of {THREADS} threads, never two writers or a torn read"
    return Verification(True, checks, detail, digest_of(["mutex", THREADS, READS_PER_WRITE]))  # how many there were is chance
