"""A thread that looks at the clock without end: whatever takes its core away shows as a gap between two readings.

    measuring thread   own core(s)          writes its histogram and its report, private to it
    neighbour 0 … N-1  processes of their own: they share cores with it, never memory

A switch to another core shows as a gap, too, so the core is asked for after each gap only.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tickbench.components.affinity.contract import Placement
from tickbench.components.shared.threads import run_together
from tickbench.errors import NotMeasurableError
from tickbench.kernels.atomics import load_plain, store_plain
from tickbench.kernels.clock import Clock, now_ticks, ticks_to_ns
from tickbench.kernels.hdr import Histogram
from tickbench.kernels.jit import kernel
from tickbench.kernels.recorder import record
from tickbench.kernels.system import current_cpu

GAP_NS = 1_000  # a reading takes 10 to 60 ns; an interrupt takes 1 µs and more
LONG_GAP_NS = 5_000  # of interrupts, most end before; a time slice of another thread takes ms

_READINGS, _LOST_TICKS, _LONG_LOST_TICKS, _LONG_GAPS, _MIGRATIONS, _OUTSIDE, _TAKEN_TICKS = range(7)
_REPORT_WORDS = 8


@kernel("int64(int64, int64, int64, int64, float64, int64, int64, int64, int64, int64)")
def spin(source, duration_ticks, gap_ticks, long_ticks, ns_per_tick, words, index, allowed, cores, report):
    """Read the clock for `duration_ticks`; record each gap above `gap_ticks` in ns, and sum up those above `long_ticks`.

    `allowed` is the address of `cores` words, not 0 where this thread may run; being seen elsewhere is counted. Plain loads
    and stores throughout: nobody else touches these words before the thread has ended.
    """
    lost = long_lost = long_gaps = migrations = outside = readings = 0
    core = current_cpu()
    first = last = now_ticks(source)
    end = last + duration_ticks
    while last < end:
        now = now_ticks(source)
        gap = now - last
        if gap > gap_ticks:
            lost += gap
            record(words, index, ticks_to_ns(gap, ns_per_tick))
            if gap > long_ticks:
                long_lost += gap
                long_gaps += 1
            here = current_cpu()
            migrations += here != core
            outside += here >= cores or load_plain(allowed, min(here, cores - 1)) == 0
            core = here
            now = now_ticks(source)  # what recording took is no gap
        last = now
        readings += 1
    store_plain(report, _READINGS, readings)
    store_plain(report, _LOST_TICKS, lost)
    store_plain(report, _LONG_LOST_TICKS, long_lost)
    store_plain(report, _LONG_GAPS, long_gaps)
    store_plain(report, _MIGRATIONS, migrations)
    store_plain(report, _OUTSIDE, outside)
    store_plain(report, _TAKEN_TICKS, last - first)
    return readings


@dataclass(frozen=True)
class Spun:
    """What a spinning thread met; `waited_ns` is its run-queue wait as the kernel counts it, None where it does not."""

    affinity: frozenset[int]
    histogram: Histogram
    readings: int
    elapsed_ns: int
    lost_ns: float
    long_lost_ns: float
    long_gaps: int
    migrations: int
    outside: int
    waited_ns: int | None


def spin_placed(clock: Clock, placement: Placement, seconds: float) -> Spun:
    """Spin in a new thread that may use the placement's own cores."""
    return run_together([lambda: _spin(clock, placement, seconds)], pinned=False)[0]


def _spin(clock: Clock, placement: Placement, seconds: float) -> Spun:
    try:
        os.sched_setaffinity(0, placement.own)  # 0 is this thread only
    except OSError as error:
        raise NotMeasurableError(f"affinity: cores {sorted(placement.own)} are refused: {error.strerror}") from error
    histogram = Histogram()
    allowed = np.zeros(max(placement.own) + 1, dtype=np.int64)
    allowed[list(placement.own)] = 1
    report = np.zeros(_REPORT_WORDS, dtype=np.int64)
    waited_before = _run_queue_wait_ns()
    spin(
        clock.source,
        clock.ticks(round(seconds * 1e9)),
        clock.ticks(GAP_NS),
        clock.ticks(LONG_GAP_NS),
        clock.ns_per_tick,
        histogram.address,
        histogram.index,
        allowed.ctypes.data,
        len(allowed),
        report.ctypes.data,
    )
    waited = _run_queue_wait_ns()
    return Spun(
        affinity=frozenset(os.sched_getaffinity(0)),
        histogram=histogram,
        readings=int(report[_READINGS]),
        elapsed_ns=max(1, round(int(report[_TAKEN_TICKS]) * clock.ns_per_tick)),
        lost_ns=int(report[_LOST_TICKS]) * clock.ns_per_tick,
        long_lost_ns=int(report[_LONG_LOST_TICKS]) * clock.ns_per_tick,
        long_gaps=int(report[_LONG_GAPS]),
        migrations=int(report[_MIGRATIONS]),
        outside=int(report[_OUTSIDE]),
        waited_ns=None if waited is None or waited_before is None else waited - waited_before,
    )


def _run_queue_wait_ns() -> int | None:
    """Waiting time of this thread, ready but without a core: the second number of its schedstat."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return None


def steal_ns() -> int | None:
    """Time that the hypervisor gave to others, over all cores, in steps of 10 ms; None where it is not told.

    The eighth number of the first line of /proc/stat (proc_stat(5)).
    """
    try:
        fields = Path("/proc/stat").read_text(encoding="ascii").split(maxsplit=9)
        return int(fields[8]) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return None
