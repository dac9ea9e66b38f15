"""Threads of a workload: started together, one call each, every failure told."""

import os
import threading
from collections.abc import Callable, Sequence
from itertools import cycle
from typing import Generic, TypeVar

_Answer = TypeVar("_Answer")


class Task(threading.Thread, Generic[_Answer]):
    """A thread that keeps what its function returned, or raised; on a failure it first calls `abort`."""

    def __init__(self, function: Callable[[], _Answer], abort: Callable[[], object] = lambda: None) -> None:
        super().__init__(daemon=True)
        self._function, self._abort = function, abort
        self._answer: list[_Answer] = []
        self._failure: BaseException | None = None

    def run(self) -> None:
        """Call the function."""
        try:
            self._answer.append(self._function())
        except BaseException as failure:  # raised again by the thread that asks for the answer
            self._failure = failure
            self._abort()

    def answer(self) -> _Answer:
        """What the function returned; raises what it raised. Ask after join()."""
        if self._failure is not None:
            raise self._failure
        return self._answer[0]


def run_together(
    functions: Sequence[Callable[[], _Answer]], abort: Callable[[], object] = lambda: None, *, pinned: bool = True
) -> list[_Answer]:
    """Run each function in a thread of its own, thread i on the i-th allowed core (going round), and return the answers.

    The functions meet where the first kernel call of each waits for the others, or not at all: starting a thread takes
    some 50 µs. `abort` must release those who wait for one that failed.
    """
    tasks = [Task(one, abort) for one in (on_cores(functions) if pinned else functions)]
    for task in tasks:
        task.start()
    for task in tasks:
        task.join()
    return [task.answer() for task in tasks]


def on_cores(functions: Sequence[Callable[[], _Answer]]) -> list[Callable[[], _Answer]]:
    """The functions, each of which first pins its thread: the i-th to the i-th allowed core, going round."""
    cores = cycle(sorted(os.sched_getaffinity(0)))
    return [_on_core(next(cores), one) for one in functions]


def _on_core(core: int, function: Callable[[], _Answer]) -> Callable[[], _Answer]:
    def pinned() -> _Answer:
        os.sched_setaffinity(0, {core})  # 0 is the calling thread only
        return function()

    return pinned
