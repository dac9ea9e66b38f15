"""How threads count: batches of increments side by side, each batch timed by its own thread.

    thread 0 … W-1 ──add──▶ [ counter 0 | counter 1 | … ] ◀──sum── reader (summed_read only)

Which of these counters lie on one cache line is the question. The cost of an increment is what its thread saw: a batch's time
over its increments, whatever the other threads did.
"""

import os
from collections.abc import Callable

from tickbench.components.component import Job, Result, Verification, Workload
from tickbench.components.counters.contract import ADD_MANY, TOTAL, CountersConfig, NativeCounters
from tickbench.components.shared.crowd import TIMING, Crowd, Seat, meet, run_crowd, write_report
from tickbench.errors import InputError
from tickbench.kernels.clock import now_ticks, ticks_to_ns
from tickbench.kernels.jit import kernel
from tickbench.kernels.recorder import record
from tickbench.registry import Variant

BATCH = 16_384  # increments: 10 to 50 µs, so that two clock readings of 25 ns do not show
READ_BATCH = 1_024  # sums
MOST_COUNTERS = 1_024  # 128 KiB at the widest padding


@kernel(f"int64(pointer[{ADD_MANY}], int64, int64, int64, {TIMING})")
def _add_batches(add, state, thread, n, control, threads, warm_ticks, limit_ticks, source, ns_per_tick, words, index, report):
    """Batches of n increments, from the common beginning to the common end; those of the warm-up are not recorded."""
    begin = meet(control, threads, source)
    if begin < 0:
        return 0
    warm_end, end = begin + warm_ticks, begin + warm_ticks + limit_ticks
    warm = timed = 0
    start = now_ticks(source)
    while start < warm_end:
        add(state, thread, n)
        warm += n
        start = now_ticks(source)
    first = start
    while start < end:
        add(state, thread, n)
        now = now_ticks(source)
        record(words, index, ticks_to_ns(now - start, ns_per_tick))
        timed += n
        start = now
    write_report(report, warm + timed, timed, first, start, 0, 0)
    return timed


@kernel(f"int64(pointer[{TOTAL}], int64, int64, {TIMING})")
def _read_batches(total, state, n, control, threads, warm_ticks, limit_ticks, source, ns_per_tick, words, index, report):
    """As `_add_batches`, with sums; counts those that were smaller than the one before."""
    begin = meet(control, threads, source)
    if begin < 0:
        return 0
    warm_end, end = begin + warm_ticks, begin + warm_ticks + limit_ticks
    warm = timed = last = wrong = 0
    first = start = now_ticks(source)
    while start < end:
        for _ in range(n):
            seen = total(state)
            wrong += seen < last
            last = seen
        now = now_ticks(source)
        if start < warm_end:
            warm += n
            first = now
        else:
            timed += n
            record(words, index, ticks_to_ns(now - start, ns_per_tick))
        start = now
    write_report(report, warm + timed, timed, first, start, wrong, 0)
    return timed


def cores() -> int:
    """One more than the highest number that a core of this machine can have for us."""
    return max(os.cpu_count() or 1, *(cpu + 1 for cpu in os.sched_getaffinity(0)))


def build(job: Job, at_least: int = 1) -> NativeCounters:
    """The variant's counters for job.writers threads, or for more."""
    if job.writers < 1:
        raise InputError(f"counters: needs at least 1 writer, got {job.writers}")
    made = job.variant.build(CountersConfig(max(job.writers, at_least), cores()))
    assert isinstance(made, NativeCounters)
    return made


def adder(made: NativeCounters, add: Callable[..., int]) -> Callable[[Seat], object]:
    """The work of a thread that adds."""
    return lambda seat: _add_batches(add, made.block.address, seat.thread, BATCH, *seat.timing)


def reader(made: NativeCounters) -> Callable[[Seat], object]:
    """The work of a thread that sums."""
    return lambda seat: _read_batches(made.total, made.block.address, READ_BATCH, *seat.timing)


def checked(variant: Variant, made: NativeCounters, increments: int, backwards: int = 0) -> Verification:
    """Compare the total that threads left with the increments that they made."""
    if variant.null:
        return Verification(True, 0, "the null variant has no answer to check")
    seen = made.total(made.block.address)
    if seen != increments:
        return Verification(False, increments, f"{increments} increments were made, the total is {seen}")
    if backwards:
        return Verification(False, increments, f"{backwards} sums were smaller than the sum before")
    return Verification(True, increments, f"the total is the sum of {increments} increments")


def _added(job: Job, made: NativeCounters, add: Callable[..., int]) -> Result:
    crowd: Crowd = run_crowd(job, [adder(made, add)] * job.writers)
    return Result(
        timing="batch",
        operations=crowd.timed,
        elapsed_ns=crowd.elapsed_ns,
        histograms={"service": crowd.histogram()},
        verification=checked(job.variant, made, crowd.issued),
        counters=crowd.counters(),
        operations_per_value=BATCH,
    )


def _locked_add(job: Job) -> Result:
    made = build(job)
    return _added(job, made, made.locked_add)


def _plain_add(job: Job) -> Result:
    made = build(job)
    if made.plain_add is None:
        raise InputError(f"counters/{job.variant.name} claims own_counter, but brings no plain_add")
    return _added(job, made, made.plain_add)


def _summed_read(job: Job) -> Result:
    """One reader sums over and over while the writers add; as many counters as `counters` says, idle ones too."""
    if job.readers != 1:
        raise InputError(f"counters summed_read: needs exactly 1 reader, got {job.readers}")
    counters = int(job.parameters["counters"])
    if not 1 <= counters <= MOST_COUNTERS:
        raise InputError(f"counters summed_read: parameters.counters is 1 to {MOST_COUNTERS}, got {counters}")
    made = build(job, counters)
    crowd = run_crowd(job, [*([adder(made, made.locked_add)] * job.writers), reader(made)])
    increments = sum(crowd.issued_each[: job.writers])
    return Result(
        timing="batch",
        operations=crowd.timed_each[-1],
        elapsed_ns=crowd.elapsed_ns,
        histograms={"service": crowd.histograms[-1]},
        verification=checked(job.variant, made, increments, crowd.wrong_each[-1]),
        counters={"increments_per_s": sum(crowd.timed_each[: job.writers]) * 1e9 / crowd.elapsed_ns},
        operations_per_value=READ_BATCH,
    )


WORKLOADS = {
    "locked_add": Workload("locked_add", "increment", _locked_add, needs_feed=False),
    "plain_add": Workload("plain_add", "increment", _plain_add, requires=frozenset({"own_counter"}), needs_feed=False),
    "summed_read": Workload("summed_read", "sum", _summed_read, parameters={"counters": 8}, needs_feed=False),
}
