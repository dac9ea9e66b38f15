"""Threads that work side by side on one structure for the same stretch of time.

A workload writes its own timed kernel; this module gives it the meeting at the start, the common end and the report.

    thread 0 … N-1 ──▶ [ the structure under test ]   whatever lines it has

    control block, a line pair each (the adjacent-line prefetcher fetches pairs):
      ARRIVED   every thread adds once, at the start
      BEGIN     the last to arrive writes the time, the others spin on it; no line moves from then on
    private to a thread, read by others after it has ended:
      histogram, report

All threads count from the same BEGIN to the same end, so that their shares can be compared: a thread that gets no core in
that time has done nothing, which is a finding. Threads go round the allowed cores; with more threads than cores a batch may
hold a whole time slice of another thread, which the tail of the histogram shows and its median does not.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tickbench.components.component import Job
from tickbench.components.shared.threads import run_together
from tickbench.components.shared.timing import NS_PER_S, WARM_SHARE
from tickbench.kernels.atomics import fetch_add_acq_rel, load_acquire, pause, store_plain, store_release
from tickbench.kernels.clock import now_ticks
from tickbench.kernels.hdr import Histogram
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_WORDS, Block
from tickbench.kernels.system import yield_core

ISSUED, TIMED, FIRST_TICKS, LAST_TICKS, WRONG, NOTED = range(6)  # words of a report; the first two count operations
REPORT_WORDS = ISOLATION_WORDS
TIMING = "int64, int64, int64, int64, int64, float64, int64, int64, int64"  # what `Seat.timing` passes

_ARRIVED, _BEGIN = 0, ISOLATION_WORDS
_CONTROL_WORDS = 2 * ISOLATION_WORDS
_ABORTED_TICKS = -1
_LOOKS = 1_000  # some 10 µs, before the core is offered to a thread that has not arrived yet


@kernel("int64(int64, int64, int64)")
def meet(control, threads, source):
    """Wait until all threads are here; returns the common beginning in ticks, negative if one of them failed before."""
    # acq_rel: the last to arrive has seen all that the others did before, and they see it through BEGIN
    if fetch_add_acq_rel(control, _ARRIVED, 1) == threads - 1:
        store_release(control, _BEGIN, now_ticks(source))  # publishes the beginning to load_acquire below
    looks = 0
    begin = load_acquire(control, _BEGIN)  # acquire, also below: pairs with the release above and in Crowd.abort
    while begin == 0:
        looks += 1
        if looks % _LOOKS == 0:
            yield_core()
        else:
            pause()
        begin = load_acquire(control, _BEGIN)
    return begin


@kernel("int64(int64, int64)")
def _abort(control, ticks):
    store_release(control, _BEGIN, ticks)  # publishes nothing but itself to load_acquire in meet
    return 0


@kernel("int64(int64, int64, int64, int64, int64, int64, int64)")
def write_report(report, issued, timed, first_ticks, last_ticks, wrong, noted):
    """Leave a thread's report; plain stores: whoever reads it has joined the thread. `noted` is what the workload counts."""
    store_plain(report, ISSUED, issued)
    store_plain(report, TIMED, timed)
    store_plain(report, FIRST_TICKS, first_ticks)
    store_plain(report, LAST_TICKS, last_ticks)
    store_plain(report, WRONG, wrong)
    store_plain(report, NOTED, noted)
    return 0


@dataclass(frozen=True)
class Seat:
    """What one thread is given; `timing` are the arguments TIMING of its kernel.

    control, threads, warm_ticks, limit_ticks, source, ns_per_tick, histogram's address and index, address of the report.
    `owners` are the blocks behind these addresses: they live as long as a thread that may never come back.
    """

    thread: int
    timing: tuple[int, int, int, int, int, float, int, int, int]
    owners: tuple[object, ...]


@dataclass(frozen=True)
class Crowd:
    """What the threads did: operations of each in the common time and with the warm-up, their histograms, all in ns."""

    timed_each: tuple[int, ...]
    issued_each: tuple[int, ...]
    wrong_each: tuple[int, ...]
    noted_each: tuple[int, ...]
    histograms: tuple[Histogram, ...]
    elapsed_ns: int

    @property
    def issued(self) -> int:
        """Operations of all threads, those of the warm-up included."""
        return sum(self.issued_each)

    @property
    def timed(self) -> int:
        """Operations of all threads in the common time."""
        return sum(self.timed_each)

    def histogram(self) -> Histogram:
        """The values of all threads together."""
        whole = Histogram()
        for one in self.histograms:
            whole.merge(one)
        return whole

    def counters(self) -> dict[str, float]:
        """How the threads lay on the cores, and how evenly they got on (see `jain_index`)."""
        cores = len(os.sched_getaffinity(0))
        return {
            "threads_per_core": len(self.timed_each) / cores,
            "jain_index": jain_index(self.timed_each),
            "slowest_thread_operations": float(min(self.timed_each)),
            "fastest_thread_operations": float(max(self.timed_each)),
        }


def jain_index(shares: Sequence[int]) -> float:
    """Fairness of shares: 1 if all are equal, 1/n if one has all (Jain, Chiu and Hawe, DEC-TR-301, 1984); 1 if all are 0.

    >>> jain_index([5, 5]), jain_index([7, 0])
    (1.0, 0.5)
    """
    squares = len(shares) * sum(share * share for share in shares)
    return sum(shares) ** 2 / squares if squares else 1.0


Run = Callable[[Sequence[Callable[[], object]], Callable[[], object]], Sequence[object]]


def run_crowd(job: Job, works: Sequence[Callable[[Seat], object]], run: Run = run_together) -> Crowd:
    """Run each work in a pinned thread of its own for job.seconds, after a warm-up; each must call `meet` first.

    `run` starts the threads and waits for them; an oracle brings one that does not wait for ever.
    """
    threads, clock = len(works), job.clock
    control, reports = Block(_CONTROL_WORDS), Block(REPORT_WORDS * threads)
    histograms = [Histogram() for _ in works]
    limit_ticks = clock.ticks(round(job.seconds * NS_PER_S))
    warm_ticks = clock.ticks(round(job.seconds * WARM_SHARE * NS_PER_S))

    def seated(thread: int) -> Callable[[], object]:
        histogram, report = histograms[thread], reports.address + 8 * REPORT_WORDS * thread
        timing = (control.address, threads, warm_ticks, limit_ticks, clock.source, clock.ns_per_tick)
        seat = Seat(thread, (*timing, histogram.address, histogram.index, report), (control, reports, histogram))
        return lambda: works[thread](seat)

    run([seated(thread) for thread in range(threads)], lambda: _abort(control.address, _ABORTED_TICKS))
    table = reports.array.reshape(threads, REPORT_WORDS)
    began, ended = table[:, FIRST_TICKS], table[:, LAST_TICKS]
    issued, timed, wrong, noted = (tuple(int(one) for one in table[:, word]) for word in (ISSUED, TIMED, WRONG, NOTED))
    elapsed_ns = max(1, round(int(np.max(ended) - np.min(began)) * clock.ns_per_tick))
    return Crowd(timed, issued, wrong, noted, tuple(histograms), elapsed_ns)
