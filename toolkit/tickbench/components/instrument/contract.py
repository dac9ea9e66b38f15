"""What a probe provides: it wraps a call, counts how long it took, and counts the calls that took longer than a threshold.

The plan's `instrument()` (10.2). A probe reads the clock that it is given, so that the oracle can give it one whose readings
are known: for Python a function, for kernels `now` on a state that `new_state` made.

    word 0        clock: source            read only
    word 1        clock: ns a tick, binary64
    word 2        clock: next reading of a virtual clock
    word 3        threshold in ns
    line pair 1   the probe's own words, as many as it asks for
    then          readings of a virtual clock, in ns
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter_ns
from typing import Any

import numpy as np

from tickbench.kernels.atomics import load_plain, store_plain
from tickbench.kernels.clock import MONOTONIC, now_ticks, ticks_to_ns
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_WORDS, Block

WRAP = "int64(int64, int64)"  # (state, argument) -> what `work(argument)` returns
VIRTUAL = 2  # a source of readings that were given, beside those of `kernels.clock`
OWN_WORDS = ISOLATION_WORDS  # where a probe's own words start
THRESHOLD_NS = 50_000  # the plan leaves its LATENCY_THRESHOLD open; its order-book update wants 5 us, its risk check 20
_SOURCE, _RATE, _NEXT, _THRESHOLD = range(4)
_FACTOR, _MASK = 0x9E37_79B1, (1 << 40) - 1


@dataclass(frozen=True)
class ProbeConfig:
    """The threshold and the clock: `source` and `ns_per_tick` for kernels, `clock_ns` for Python.

    With `readings_ns` the kernels' clock is virtual: its readings are these, one after the other.
    """

    threshold_ns: int = THRESHOLD_NS
    source: int = MONOTONIC
    ns_per_tick: float = 1.0
    clock_ns: Callable[[], int] = perf_counter_ns
    readings_ns: tuple[int, ...] = ()


@dataclass(frozen=True)
class Reading:
    """What a probe has counted: calls, the sum of their times in ns, and those above the threshold."""

    count: int
    sum_ns: int
    violations: int


@dataclass
class PythonProbe:
    """A probe for Python: `wrap(function)` is called in its place, with one argument."""

    wrap: Callable[[Callable[[int], int]], Callable[[int], int]]
    read: Callable[[], Reading]


@dataclass
class NativeProbe:
    """A compiled probe around `work`, with the signature WRAP; `owner` lives as long as it does."""

    state: int
    wrap: Any
    read: Callable[[], Reading]
    owner: Any = field(default=None)


@kernel("int64(int64)")
def work(argument):
    """The call that is wrapped in kernels: three instructions, so that what is measured is the probe."""
    return (argument * _FACTOR ^ argument >> 3) & _MASK


def python_work(argument: int) -> int:
    """The same in Python."""
    return (argument * _FACTOR ^ argument >> 3) & _MASK


def new_state(config: ProbeConfig, own_words: int) -> Block:
    """The state of a compiled probe, its own words zero."""
    start = OWN_WORDS + own_words
    block = Block(start + len(config.readings_ns) + 1)
    block.array[_SOURCE] = VIRTUAL if config.readings_ns else config.source
    block.array[_RATE : _RATE + 1].view(np.float64)[0] = 1.0 if config.readings_ns else config.ns_per_tick
    block.array[_NEXT], block.array[_THRESHOLD] = start, config.threshold_ns
    block.array[start:-1] = config.readings_ns
    return block


@kernel("int64(int64)")
def now(state):
    """The time in ticks."""
    source = load_plain(state, _SOURCE)
    if source == VIRTUAL:
        at = load_plain(state, _NEXT)
        store_plain(state, _NEXT, at + 1)
        return load_plain(state, at)
    return now_ticks(source)


@kernel("int64(int64, int64)")
def since_ns(state, start):
    """From `start`, a reading of `now`, to this moment, in ns."""
    return ticks_to_ns(now(state) - start, np.int64(load_plain(state, _RATE)).view(np.float64))


@kernel("int64(int64)")
def threshold_ns(state):
    """The longest time that is no violation."""
    return load_plain(state, _THRESHOLD)
