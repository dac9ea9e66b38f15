"""Time a closed loop batch by batch from Python.

A batch is one call of something that issues many operations, a driver kernel or a Python loop. To call a driver from Python
costs 3 to 4 µs for each kernel that is handed over (see `kernels.jit.Driver`), so a batch should take LEAST_BATCH_NS or more:
`operations_for` finds how many operations that needs. Where that is too long, time inside the kernel.
"""

import time
from collections.abc import Callable

from tickbench.components.component import Job, Result, Verification
from tickbench.components.shared.pace import Batches
from tickbench.components.shared.timeline import slices_of

NS_PER_S = 1_000_000_000
LEAST_BATCH_NS = 1_000_000  # 4 to 8 µs of it are ours: 0.4 to 0.8 %
WARM_SHARE = 0.2  # of the measured time, spent before it: caches, branch history, clock frequency


def time_loop(job: Job, run: Callable[[int], object], operations_each: int = 1) -> Batches:
    """Time `run(rounds)`, which issues `operations_each` operations a round: for job.seconds, or at the pace of the harness."""
    if job.pace is not None:
        return job.pace.serve(run, operations_each)
    rounds = operations_for(run)
    batches = time_batches(lambda: run(rounds), rounds * operations_each, job.seconds)
    batches.last_rounds = rounds
    return batches


def time_batches(run_batch: Callable[[], object], operations_each: int, seconds: float) -> Batches:
    """Call `run_batch` until `seconds` have gone by, after warming up; each call is one value of the histogram."""
    _repeat(run_batch, round(seconds * WARM_SHARE * NS_PER_S))
    durations_ns = _repeat(run_batch, round(seconds * NS_PER_S))
    batches = Batches(operations_each, len(durations_ns), sum(durations_ns), durations_ns=durations_ns)
    batches.histogram.record(durations_ns)
    return batches


def _repeat(run_batch: Callable[[], object], limit_ns: int) -> list[int]:
    """Durations in ns of the calls that were begun before the limit, at least one."""
    durations_ns: list[int] = []
    clock_ns, keep = time.perf_counter_ns, durations_ns.append
    end_ns = clock_ns() + limit_ns
    while True:
        start_ns = clock_ns()
        run_batch()
        now_ns = clock_ns()
        keep(now_ns - start_ns)
        if now_ns >= end_ns:
            return durations_ns


def operations_for(run: Callable[[int], object], least_batch_ns: int = LEAST_BATCH_NS, most: int = 1 << 24) -> int:
    """How many operations `run(n)` needs to take at least `least_batch_ns`: a power of two, at most `most`.

    The first call is not looked at: it faults in and warms what `run` uses.
    """
    n = 1
    run(n)
    while n < most:
        start_ns = time.perf_counter_ns()
        run(n)
        if time.perf_counter_ns() - start_ns >= least_batch_ns:
            break
        n *= 2
    return n


def batch_result(batches: Batches, verification: Verification, **counters: float) -> Result:
    """The result of a workload that was timed with `time_batches`."""
    return Result(
        timing="batch",
        operations=batches.count * batches.operations_each,
        elapsed_ns=batches.elapsed_ns,
        histograms={"service": batches.histogram},
        verification=verification,
        counters=dict(counters),
        operations_per_value=batches.operations_each,
        intervals=slices_of(batches.durations_ns, batches.elapsed_ns),
    )
