"""For plain Python: the kernels of `record` as functions of some 100 ns, a context manager and a decorator.

They are the same kernels, with two differences: they keep the GIL, because letting go of it for some ns invites
every other thread to take it; and they are called at their entry points, without numba's dispatch (350 ns a call).
"""

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from tickbench.kernels.jit import kernel
from tickbench.probe import record as kernels

_P = ParamSpec("_P")
_R = TypeVar("_R")


@kernel("int64(int64)", nogil=False)
def _now(slot):
    return kernels.now(slot)


@kernel("int64(int64)", nogil=False)
def _begin(slot):
    return kernels.begin(slot)


@kernel("int64(int64, int64)", nogil=False)
def _stage(slot, number):
    return kernels.stage(slot, number)


@kernel("int64(int64, int64)", nogil=False)
def _correlate(slot, identity):
    return kernels.correlate(slot, identity)


@kernel("int64(int64)", nogil=False)
def _end(slot):
    return kernels.end(slot)


@kernel("int64(int64)", nogil=False)
def _cancel(slot):
    return kernels.cancel(slot)


@kernel("int64(int64, int64)", nogil=False)
def _record(slot, value_ns):
    return kernels.record(slot, value_ns)


@kernel("int64(int64, int64)", nogil=False)
def _lap(slot, since):
    return kernels.lap(slot, since)


@kernel("int64(int64, int64)", nogil=False)
def _add(slot, number):
    return kernels.add(slot, number)


@kernel("int64(int64, int64)", nogil=False)
def _put(slot, value):
    return kernels.put(slot, value)


def _entry_point(dispatcher: Any) -> Callable[..., int]:
    (compiled,) = dispatcher.overloads.values()
    entry: Callable[..., int] = compiled.entry_point
    return entry


now, begin, stage, correlate, end = (_entry_point(one) for one in (_now, _begin, _stage, _correlate, _end))
cancel, record, lap, add, put = (_entry_point(one) for one in (_cancel, _record, _lap, _add, _put))


class Probe:
    """`with probe:` and `@probe` count how long the block or the call took, also if it raises.

    One thread uses it at a time, and not within itself (a recursive call): the outer operation would be forgotten.
    """

    __slots__ = ("slot",)

    def __init__(self, slot: int) -> None:
        self.slot = slot

    def __enter__(self) -> None:
        begin(self.slot)

    def __exit__(self, *_failure: object) -> None:
        end(self.slot)

    def __call__(self, function: Callable[_P, _R]) -> Callable[_P, _R]:
        slot, start, stop = self.slot, begin, end

        @functools.wraps(function)
        def probed(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            start(slot)
            try:
                return function(*args, **kwargs)
            finally:
                stop(slot)

        return probed

    def record(self, value_ns: int) -> None:
        """Count a value that was timed elsewhere."""
        record(self.slot, value_ns)

    def stage(self, number: int) -> None:
        """Tell which stage the operation is in."""
        stage(self.slot, number)
