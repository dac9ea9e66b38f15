"""How position maps are timed: `fills` by one thread, `contention` by several on all symbols.

                     contention: W threads, each with a script of its own over all symbols
    thread 0 --fill, read--> +-------------------+ <--fill, read-- thread 1 … W-1
                             | the map under test|    a symbol's line is written by whoever fills it
                             +-------------------+
    control block            ARRIVED, a line pair: every thread adds once, at the start
    private to each thread   script (read only), histogram, report: nobody else reads them before the thread has ended

Every thread goes on until the time is up and finishes its pass: a pass ends flat, so the end is known exactly. Batches are
timed in the driver: a call of a kernel from Python that hands over kernels as pointers costs tens of µs.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tickbench.components.component import Job, Result, Verification, Workload
from tickbench.components.positions.contract import FILL, READ, MapConfig, NativePositions
from tickbench.components.positions.model import Model
from tickbench.components.positions.script import (
    OPERATIONS,
    READ_EVERY,
    Script,
    make_script,
    realised_a_pass,
    self_contradicts,
    state_difference,
    symbol_codes,
)
from tickbench.components.shared.pace import Batches, pieces
from tickbench.components.shared.threads import run_together
from tickbench.components.shared.timing import NS_PER_S, WARM_SHARE, batch_result
from tickbench.errors import InputError
from tickbench.kernels.atomics import fetch_add_release, load_acquire, load_plain, store_plain
from tickbench.kernels.clock import now_ticks, ticks_to_ns
from tickbench.kernels.hdr import Histogram
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_WORDS, Block
from tickbench.kernels.recorder import record
from tickbench.kernels.system import yield_core

PARAMETERS = {"symbols": 64, "zipf": 0.0}
_BATCH = 1_024 * READ_EVERY  # operations: some 40 µs
_ROUND = 256 * READ_EVERY  # operations at a harness's pace: some 10 µs, in Python half a millisecond
_SPIN_LOOKS = 1_000
_WORD = (1 << 64) - 1
_NULL = Verification(True, 0, "the null variant has no answer to check")
_ARGUMENTS = f"pointer[{FILL}], pointer[{READ}], int64, int64, int64, int64"
_OUT_WORDS = ISOLATION_WORDS  # 0 … 2 what a read gives, 3 how many contradicted themselves
# What a thread reports.
_PASSES, _WRONG, _TOTAL, _TICKS = range(4)


@kernel(f"int64({_ARGUMENTS}, int64, int64, int64)")
def run_script(fill, read, state, symbols, lots, prices, begin, end, out):
    """Operations begin … end - 1 of a script, whole groups of four fills and a read; returns the sum of all answers.

    What a read gives is part of the sum; word 3 of `out` counts reads that contradict themselves (script.self_contradicts).
    """
    total = 0
    for i in range(begin, end, READ_EVERY):
        for k in range(i, i + READ_EVERY - 1):
            total += fill(state, load_plain(symbols, k), load_plain(lots, k), load_plain(prices, k))
        k = i + READ_EVERY - 1
        read(state, load_plain(symbols, k), out)
        quantity, cost = load_plain(out, 0), load_plain(out, 1)
        total += quantity + cost + load_plain(out, 2)
        least = load_plain(prices, k) * abs(quantity)
        wrong = ((quantity ^ cost) < 0) | ((quantity == 0) != (cost == 0)) | (abs(cost) < least)
        store_plain(out, 3, load_plain(out, 3) + wrong)
    return total


@kernel(f"void({_ARGUMENTS}, int64, int64[::1], int64, int64, float64, int64, int64, int64, int64[::1])")
def _drive(
    fill, read, state, symbols, lots, prices, out,
    control, threads, source, ns_per_tick, limit_ticks, words, index, report,
):  # fmt: skip  # grouped as in the signature
    """Pass after pass until the time is up, each batch timed; all threads begin together."""
    fetch_add_release(control, 0, 1)  # arrives: pairs with the acquire below
    looks = 0
    while load_acquire(control, 0) < threads:
        looks += 1
        if looks % _SPIN_LOOKS == 0:
            yield_core()
    first = start = now_ticks(source)
    passes, total = 0, 0
    while passes == 0 or start - first < limit_ticks:
        for begin in range(0, OPERATIONS, _BATCH):
            total += run_script(fill, read, state, symbols, lots, prices, begin, begin + _BATCH, out)
            end = now_ticks(source)
            record(words, index, ticks_to_ns(end - start, ns_per_tick))
            start = end
        passes += 1
    report[_PASSES], report[_WRONG], report[_TOTAL], report[_TICKS] = passes, load_plain(out, 3), total, start - first


@dataclass(frozen=True)
class _Report:
    """What one thread did: passes, contradicting reads, the sum of all answers, ns taken."""

    passes: int
    wrong: int
    total: int
    elapsed_ns: int


def _symbols_of(job: Job) -> NDArray[np.int64]:
    symbols = int(job.parameters.get("symbols", PARAMETERS["symbols"]))
    if symbols < 1:
        raise InputError(f"positions: symbols is at least 1, got {symbols}")
    return symbol_codes(job.seed, symbols)


def _scripts(job: Job, threads: int) -> list[Script]:
    symbols, zipf = _symbols_of(job), float(job.parameters.get("zipf", PARAMETERS["zipf"]))
    return [make_script(job.seed, symbols, zipf, thread) for thread in range(threads)]


def _measure(job: Job, threads: int) -> tuple[Any, list[Script], list[list[_Report]], Histogram]:
    """Warm up, then measure: the map, the scripts, the reports of both and the histogram of the second."""
    scripts, positions = _scripts(job, threads), job.variant.build(MapConfig(len(_symbols_of(job))))
    run = _run_native if isinstance(positions, NativePositions) else _run_python
    warm, _ = run(job, positions, scripts, job.seconds * WARM_SHARE)
    reports, histogram = run(job, positions, scripts, job.seconds)
    return positions, scripts, [warm, reports], histogram


def _measure_paced(job: Job) -> tuple[Any, list[Script], list[list[_Report]], Batches]:
    """As many rounds as asked; the last pass is brought to its end, untimed, where all symbols are flat."""
    assert job.pace is not None
    (script,), positions = _scripts(job, 1), job.variant.build(MapConfig(len(_symbols_of(job))))
    operate = _native_part(positions, script) if isinstance(positions, NativePositions) else _python_part(positions, script)
    done = total = wrong = 0

    def run(rounds: int) -> None:
        nonlocal done, total, wrong
        for begin, end in pieces(done, rounds * _ROUND, OPERATIONS):
            answers, contradictions = operate(begin, end)
            done, total, wrong = done + end - begin, total + answers, wrong + contradictions

    batches = job.pace.serve(run, _ROUND)
    run(-done % OPERATIONS // _ROUND)
    return positions, [script], [[_Report(done // OPERATIONS, wrong, total, batches.elapsed_ns)]], batches


def _native_part(positions: NativePositions, script: Script) -> Callable[[int, int], tuple[int, int]]:
    """Operations begin … end - 1: the sum of all answers, and how many reads contradicted themselves."""
    out = Block(_OUT_WORDS)
    fixed = (positions.fill_kernel, positions.read_kernel, positions.state, *script.addresses())

    def operate(begin: int, end: int) -> tuple[int, int]:
        out.array[3] = 0
        return int(run_script(*fixed, begin, end, out.address)), int(out.array[3])

    return operate


def _python_part(positions: Any, script: Script) -> Callable[[int, int], tuple[int, int]]:
    rows = script.rows()
    return lambda begin, end: _run_rows(positions, rows[begin:end])


def _result(job: Job, positions: Any, reports: list[_Report], histogram: Histogram, found: Verification) -> Result:
    return Result(
        timing="batch",
        operations=sum(report.passes for report in reports) * OPERATIONS,
        elapsed_ns=max(report.elapsed_ns for report in reports),
        histograms={"service": histogram},
        verification=_NULL if job.variant.null else found,
        counters={"slowest_thread_passes": min(report.passes for report in reports)},
        operations_per_value=_BATCH if isinstance(positions, NativePositions) else OPERATIONS,
    )


def fills(job: Job) -> Result:
    """One thread; the sum of all answers and the state at the end are compared with the model."""
    # While this process has one thread only, glibc's mutex works without atomic instructions (SINGLE_THREAD_P); no engine
    # that needs a lock is such a process.
    parked = threading.Event()
    companion = threading.Thread(target=parked.wait, daemon=True)
    companion.start()
    try:
        positions, (script,), runs, measured = _measure(job, 1) if job.pace is None else _measure_paced(job)
    finally:
        parked.set()
        companion.join()
    found = _NULL
    if not job.variant.null:
        passes = sum(report.passes for (report,) in runs)
        found = _check_end(positions, [script], runs)
        if found.passed and sum(report.total for (report,) in runs) & _WORD != expected_sum(script, passes):
            found = Verification(False, found.checks, "the sum of all answers is not the model's")
    if isinstance(measured, Batches):
        return batch_result(measured, found)
    return _result(job, positions, runs[1], measured, found)


def contention(job: Job) -> Result:
    """job.writers threads on all symbols at once, each thread's batches timed; the end is compared with what must come out."""
    positions, scripts, runs, histogram = _measure(job, job.writers)
    found = _NULL if job.variant.null else _check_end(positions, scripts, runs)
    return _result(job, positions, runs[1], histogram, found)


def expected_sum(script: Script, passes: int) -> int:
    """What the answers of `passes` passes add up to, by the model, as a 64-bit word."""
    model, sums = Model(), []
    for _ in range(2):  # a pass that begins flat differs from the one before only in what is realised already
        total = 0
        for symbol, lots, price in script.rows():
            total += model.fill(symbol, lots, price) if lots else sum(model.read(symbol))
        sums.append(total)
    return (passes * sums[0] + passes * (passes - 1) // 2 * (sums[1] - sums[0])) & _WORD


def _check_end(positions: Any, scripts: list[Script], runs: list[list[_Report]]) -> Verification:
    checks = sum(report.passes for reports in runs for report in reports) * OPERATIONS
    wrong = sum(report.wrong for reports in runs for report in reports)
    if wrong:
        return Verification(False, checks, f"{wrong} reads had quantity and cost of different fills")
    realised: dict[int, int] = {}
    for thread, script in enumerate(scripts):
        passes = sum(reports[thread].passes for reports in runs)
        for symbol, money in realised_a_pass(script).items():
            realised[symbol] = realised.get(symbol, 0) + passes * money
    difference = state_difference(positions, realised)
    return Verification(not difference, checks, difference or f"{checks} operations ended where they must")


def _run_native(job: Job, positions: Any, scripts: list[Script], seconds: float) -> tuple[list[_Report], Histogram]:
    clock, control = job.clock, Block(ISOLATION_WORDS)
    private = [(Histogram(), Block(_OUT_WORDS), np.zeros(ISOLATION_WORDS, np.int64)) for _ in scripts]

    def thread(t: int) -> Callable[[], None]:
        histogram, out, report = private[t]
        return lambda: _drive(
            positions.fill_kernel, positions.read_kernel, positions.state, *scripts[t].addresses(), out.address,
            control.array, len(scripts), clock.source, clock.ns_per_tick, clock.ticks(round(seconds * NS_PER_S)),
            histogram.address, histogram.index, report,
        )  # fmt: skip  # grouped as in the signature

    run_together([thread(t) for t in range(len(scripts))])
    whole = Histogram()
    for histogram, _, _ in private:
        whole.merge(histogram)
    reports = [report for _, _, report in private]
    return [
        _Report(int(one[_PASSES]), int(one[_WRONG]), int(one[_TOTAL]), round(int(one[_TICKS]) * clock.ns_per_tick))
        for one in reports
    ], whole


def _run_python(_job: Job, positions: Any, scripts: list[Script], seconds: float) -> tuple[list[_Report], Histogram]:
    barrier, whole = threading.Barrier(len(scripts)), Histogram()
    answers = run_together(
        [lambda script=script: _drive_python(positions, script, barrier, seconds) for script in scripts],  # type: ignore[misc]
        barrier.abort,
    )
    for _, durations_ns in answers:
        whole.record(durations_ns)
    return [report for report, _ in answers], whole


def _run_rows(positions: Any, rows: list[tuple[int, int, int]]) -> tuple[int, int]:
    """As `run_script`: the sum of all answers, and how many reads contradicted themselves."""
    total = wrong = 0
    for symbol, lots, price in rows:
        if lots:
            total += positions.fill(symbol, lots, price)
        else:
            position = positions.read(symbol)
            total += sum(position)
            wrong += self_contradicts(position, price)
    return total, wrong


def _drive_python(positions: Any, script: Script, barrier: threading.Barrier, seconds: float) -> tuple[_Report, list[int]]:
    rows, wrong, total, durations_ns = script.rows(), 0, 0, list[int]()
    barrier.wait()
    first_ns = start_ns = time.perf_counter_ns()
    while not durations_ns or start_ns - first_ns < seconds * NS_PER_S:
        answers, contradictions = _run_rows(positions, rows)
        total, wrong = total + answers, wrong + contradictions
        end_ns = time.perf_counter_ns()
        durations_ns.append(end_ns - start_ns)
        start_ns = end_ns
    return _Report(len(durations_ns), wrong, total, start_ns - first_ns), durations_ns


WORKLOADS = {
    "fills": Workload("fills", "fill or read", fills, parameters=PARAMETERS, needs_feed=False, paced=True),
    "contention": Workload(
        "contention", "fill or read", contention, frozenset({"concurrent"}), parameters=PARAMETERS, needs_feed=False
    ),
}
