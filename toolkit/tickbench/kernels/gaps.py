"""What the machine does to a thread and to its clock: time lost in a spin loop, and the counters of two cores
compared.

core A   line pair 0: turn          A writes odd, B writes even      A: t0, turn, … turn, t2
core B   line pair 1: B's reading   B -> A                           B: turn, t1, turn
"""

import os
import threading
import time
from dataclasses import dataclass

import numpy as np

from tickbench.errors import NotMeasurableError
from tickbench.kernels.atomics import (
    load_acquire,
    load_relaxed,
    pause,
    store_plain,
    store_relaxed,
    store_release,
)
from tickbench.kernels.clock import Clock, now_ticks, read_tsc_end, read_tsc_start, ticks_to_ns
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_WORDS, Block
from tickbench.kernels.recorder import record
from tickbench.kernels.system import CLOCK_MONOTONIC, NS_PER_S, clock_gettime_ns, yield_core


@kernel("UniTuple(int64, 2)(int64, int64, int64, float64, int64, int64)")
def spin_gaps(source, duration_ticks, threshold_ticks, ns_per_tick, words, index):
    """Read the clock over and over; record each gap above the threshold, in ns, into the histogram at (words,
    index).

    Returns (ticks lost in such gaps, readings). Ctrl-C waits for its end: call it for some 100 ms at a time.
    """
    last = now_ticks(source)
    end = last + duration_ticks
    lost_ticks = 0
    readings = 0
    while last < end:
        now = now_ticks(source)
        gap = now - last
        if gap > threshold_ticks:
            lost_ticks += gap
            record(words, index, ticks_to_ns(gap, ns_per_tick))
        last = now
        readings += 1
    return lost_ticks, readings


_TURN, _ANSWER = 0, ISOLATION_WORDS
_LINK_WORDS = 2 * ISOLATION_WORDS
_OFFSET, _ROUND_TRIP, _ROUNDS = range(3)
_LOOKS = 2_000  # looks at the line before the core is given away and the deadline checked
_NO_ROUND_TRIP = 1 << 62


@kernel("boolean(int64, int64, int64)")
def _await_turn(link, turn, deadline_ns):
    """Spin until the turn has come; False if the deadline passes first."""
    looks = 0
    while load_acquire(link, _TURN) != turn:  # acquire: pairs with store_release of the other core
        looks += 1
        if looks % _LOOKS:
            pause()
            continue
        if clock_gettime_ns(CLOCK_MONOTONIC) > deadline_ns:
            return False
        yield_core()
    return True


@kernel("int64(int64, int64, int64, int64)")
def _ask(link, rounds, deadline_ns, out):
    """Core A: keep the round trip that was shortest, and where in it the other core's reading lies."""
    best = np.int64(_NO_ROUND_TRIP)
    done = 0
    while done < rounds:
        start = read_tsc_start()
        store_release(link, _TURN, 2 * done + 1)  # publishes the question to _await_turn of the other core
        if not _await_turn(link, 2 * done + 2, deadline_ns):
            break
        end = read_tsc_end()
        if end - start < best:
            best = end - start
            answer = load_relaxed(link, _ANSWER)  # relaxed: ordered by the acquire in _await_turn
            store_plain(out, _OFFSET, answer - start - best // 2)
        done += 1
    store_plain(out, _ROUND_TRIP, best)
    store_plain(out, _ROUNDS, done)
    return done


@kernel("int64(int64, int64, int64)")
def _answer(link, rounds, deadline_ns):
    """Core B: answer each question with a reading of its own counter."""
    for done in range(rounds):
        if not _await_turn(link, 2 * done + 1, deadline_ns):
            return done
        store_relaxed(link, _ANSWER, read_tsc_start())  # relaxed: the release below publishes it
        store_release(link, _TURN, 2 * done + 2)  # publishes the answer to _await_turn of core A
    return rounds


@dataclass(frozen=True)
class CoreOffset:
    """How far the counter of `second_cpu` is ahead of that of `first_cpu`, known to half a round trip."""

    first_cpu: int
    second_cpu: int
    offset_ns: float
    round_trip_ns: float
    rounds: int

    @property
    def consistent(self) -> bool:
        """Whether no difference is seen: a reading of the second core lies between two of the first."""
        return abs(self.offset_ns) <= self.round_trip_ns / 2


def cross_core_offset(
    clock: Clock, first_cpu: int, second_cpu: int, *, rounds: int = 20_000, limit_s: float = 1.0
) -> CoreOffset:
    """Compare the time-stamp counters of two cores by ping-pong over a cache line.

    Raises NotMeasurableError where the counter is not used, a core is not ours, or no round ended within
    `limit_s`.
    """
    if clock.refusal:
        raise NotMeasurableError(f"counters of two cores cannot be compared: {clock.refusal}")
    allowed = os.sched_getaffinity(0)
    if first_cpu == second_cpu or not {first_cpu, second_cpu} <= allowed:
        raise NotMeasurableError(
            f"counters of cores {first_cpu} and {second_cpu}: needs two different cores of {sorted(allowed)}"
        )
    link, out = Block(_LINK_WORDS), np.zeros(3, dtype=np.int64)
    deadline_ns = time.monotonic_ns() + round(limit_s * NS_PER_S)

    def pinned(cpu: int, role: object, *arguments: int) -> None:
        os.sched_setaffinity(0, {cpu})  # 0 is this thread only
        role(*arguments)  # type: ignore[operator]  # a kernel, which numba does not type

    threads = [
        threading.Thread(target=pinned, args=(second_cpu, _answer, link.address, rounds, deadline_ns)),
        threading.Thread(target=pinned, args=(first_cpu, _ask, link.address, rounds, deadline_ns, out.ctypes.data)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not out[_ROUNDS]:
        raise NotMeasurableError(f"cores {first_cpu} and {second_cpu} did not meet within {limit_s} s: is the machine busy?")
    offset_ns, round_trip_ns = (float(out[at]) * clock.ns_per_tick for at in (_OFFSET, _ROUND_TRIP))
    return CoreOffset(first_cpu, second_cpu, offset_ns, round_trip_ns, int(out[_ROUNDS]))
