"""The clock of a load driver behind two function pointers, so that a test can put a virtual clock in its
place.

A driver takes `now` (NOW: context -> ticks) and `wait_until` (WAIT_UNTIL: context, target in ticks -> ticks
now) as pointers, and `context`, the address of CONTEXT_WORDS words. With the real pair time passes; with the
virtual pair it stands in a word, which waiting moves forward and which the component under test may move too.

`wait_until` never changes a target and returns at once for one in the past: a plan stays as it was made.
"""

import numpy as np
from numpy.typing import NDArray

from tickbench.kernels.atomics import load_relaxed, pause, store_relaxed
from tickbench.kernels.clock import Clock, now_ticks
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import LINE_WORDS
from tickbench.kernels.system import CLOCK_MONOTONIC, clock_gettime_ns, sleep_ns

NOW = "int64(int64)"
WAIT_UNTIL = "int64(int64, int64)"

CONTEXT_WORDS = LINE_WORDS
SOURCE, FAR_TICKS, NS_PER_MI_TICKS, VIRTUAL_TICKS = range(4)
_MI_BITS = 20  # rate as ns per 2^20 ticks: an integer that errs by less than 4 ppm, enough for the length of a sleep
_LONGEST_TICKS = 1 << 40  # times a rate of at most 2^22, this is below 2^63; a longer wait takes several sleeps

_SLEEPS, _SHORT_SLEEP_NS = 21, 1_000


def real_context(clock: Clock, sleep_overshoot_ns: int) -> NDArray[np.int64]:
    """Context words for `now_real` and `wait_until_real`; keep the array for as long as kernels use its
    address.

    The wait sleeps until twice `sleep_overshoot_ns` before a target and spins from there.
    """
    context = np.zeros(CONTEXT_WORDS, dtype=np.int64)
    context[SOURCE] = clock.source
    context[FAR_TICKS] = clock.ticks(2 * sleep_overshoot_ns)
    context[NS_PER_MI_TICKS] = round(clock.ns_per_tick * (1 << _MI_BITS))
    return context


def virtual_context(start_ticks: int = 0) -> NDArray[np.int64]:
    """Context words for `now_virtual` and `wait_until_virtual`; word VIRTUAL_TICKS is the time."""
    context = np.zeros(CONTEXT_WORDS, dtype=np.int64)
    context[VIRTUAL_TICKS] = start_ticks
    return context


@kernel(NOW)
def now_real(context):
    """The time in ticks of the context's source."""
    return now_ticks(load_relaxed(context, SOURCE))  # relaxed: written before the driver starts


@kernel(WAIT_UNTIL)
def wait_until_real(context, target_ticks):
    """Wait until the target is reached: asleep while it is far, then spinning; returns the time in ticks."""
    source = load_relaxed(context, SOURCE)  # relaxed, here and below: written before the driver starts
    far = load_relaxed(context, FAR_TICKS)
    now = now_ticks(source)
    while target_ticks - now > far:
        away = min(target_ticks - now - far, _LONGEST_TICKS)
        sleep_ns((away * load_relaxed(context, NS_PER_MI_TICKS)) >> _MI_BITS)
        now = now_ticks(source)
    while now < target_ticks:
        pause()
        now = now_ticks(source)
    return now


@kernel(NOW)
def now_virtual(context):
    """The virtual time in ticks."""
    return load_relaxed(context, VIRTUAL_TICKS)  # relaxed: a driver and its component share one thread


@kernel(WAIT_UNTIL)
def wait_until_virtual(context, target_ticks):
    """Move the virtual time forward to the target, never back; returns the time in ticks."""
    now = max(load_relaxed(context, VIRTUAL_TICKS), target_ticks)  # relaxed: as in now_virtual
    store_relaxed(context, VIRTUAL_TICKS, now)  # relaxed: as in now_virtual
    return now


@kernel("int64(int64)")
def _timed_sleep_ns(duration_ns):
    start = clock_gettime_ns(CLOCK_MONOTONIC)
    sleep_ns(duration_ns)
    return clock_gettime_ns(CLOCK_MONOTONIC) - start


def measure_sleep_overshoot_ns() -> int:
    """How much longer than asked a short sleep takes here, the median of 21 (2 ms altogether)."""
    return int(np.median([_timed_sleep_ns(_SHORT_SLEEP_NS) for _ in range(_SLEEPS)])) - _SHORT_SLEEP_NS
