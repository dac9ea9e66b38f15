"""How position maps are timed: `fills` by one thread, `contention` by several on all symbols.

                     contention: W threads, each with a script of its own over all symbols
    thread 0 --fill, read--> +-------------------+ <--fill, read-- thread 1 … W-1
                             | the map under test|    a symbol's line is written by whoever fills it
                             +-------------------+
    control block            ARRIVED, a line pair: every thread adds once, at the start
    private to each thread   script (read only), histogram, report: nobody else reads them before the thread has ended

Every thread goes on until the time is up and finishes its pass: a pass ends flat, so the end is known exactly.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

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
from tickbench.components.shared.threads import run_together
from tickbench.components.shared.timing import NS_PER_S, WARM_SHARE, batch_result, time_batches
from tickbench.errors import InputError
from tickbench.kernels.atomics import fetch_add_release, load_acquire, load_plain
from tickbench.kernels.clock import now_ticks, ticks_to_ns
from tickbench.kernels.hdr import Histogram
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_WORDS, Block
from tickbench.kernels.recorder import record
from tickbench.kernels.system import yield_core

PARAMETERS = {"symbols": 64, "zipf": 0.0}
_BATCH = 1_024 * READ_EVERY  # operations a batch of contending threads: some 50 us
_SPIN_LOOKS = 1_000
_WORD = (1 << 64) - 1
_NULL = Verification(True, 0, "the null variant has no answer to check")
_ARGUMENTS = f"pointer[{FILL}], pointer[{READ}], int64, int64, int64, int64"


@kernel(f"int64({_ARGUMENTS}, int64, int64, int64)")
def run_script(fill, read, state, symbols, lots, prices, begin, end, out):
    """Operations begin … end - 1 of a script, whole groups of four fills and a read; returns the sum of all answers.

    `out` is the address of three words. What a read gives is added as well.
    """
    total = 0
    for i in range(begin, end, READ_EVERY):
        for k in range(i, i + READ_EVERY - 1):
            total += fill(state, load_plain(symbols, k), load_plain(lots, k), load_plain(prices, k))
        read(state, load_plain(symbols, i + READ_EVERY - 1), out)
        total += load_plain(out, 0) + load_plain(out, 1) + load_plain(out, 2)
    return total


@kernel(f"int64({_ARGUMENTS}, int64, int64, int64)")
def count_contradictions(fill, read, state, symbols, lots, prices, begin, end, out):
    """As `run_script`, but returns how many reads contradict themselves (see script.self_contradicts)."""
    wrong = 0
    for i in range(begin, end, READ_EVERY):
        for k in range(i, i + READ_EVERY - 1):
            fill(state, load_plain(symbols, k), load_plain(lots, k), load_plain(prices, k))
        k = i + READ_EVERY - 1
        read(state, load_plain(symbols, k), out)
        quantity, cost = load_plain(out, 0), load_plain(out, 1)
        least = load_plain(prices, k) * abs(quantity)
        wrong += ((quantity ^ cost) < 0) | ((quantity == 0) != (cost == 0)) | (abs(cost) < least)
    return wrong


@kernel(f"void({_ARGUMENTS}, int64, int64[::1], int64, int64, float64, int64, int64, int64, int64[::1])")
def _contend(
    fill, read, state, symbols, lots, prices, out,
    control, threads, source, ns_per_tick, limit_ticks, words, index, report,
):  # fmt: skip  # grouped as in the signature
    """Pass after pass until the time is up, each batch timed; report is passes, contradictions, ticks."""
    fetch_add_release(control, 0, 1)  # arrives: pairs with the acquire below
    looks = 0
    while load_acquire(control, 0) < threads:
        looks += 1
        if looks % _SPIN_LOOKS == 0:
            yield_core()
    first = start = now_ticks(source)
    passes, wrong = 0, 0
    while passes == 0 or start - first < limit_ticks:
        for begin in range(0, OPERATIONS, _BATCH):
            wrong += count_contradictions(fill, read, state, symbols, lots, prices, begin, begin + _BATCH, out)
            end = now_ticks(source)
            record(words, index, ticks_to_ns(end - start, ns_per_tick))
            start = end
        passes += 1
    report[0], report[1], report[2] = passes, wrong, start - first


def _symbols_of(job: Job) -> Any:
    symbols = int(job.parameters.get("symbols", PARAMETERS["symbols"]))
    if symbols < 1:
        raise InputError(f"positions: symbols is at least 1, got {symbols}")
    return symbol_codes(job.seed, symbols)


def _scripts(job: Job) -> list[Script]:
    symbols, zipf = _symbols_of(job), float(job.parameters.get("zipf", PARAMETERS["zipf"]))
    return [make_script(job.seed, symbols, zipf, thread) for thread in range(job.writers)]


def _expected_sum(script: Script, passes: int) -> int:
    """What the answers of `passes` passes add up to, by the model, as a 64-bit word."""
    model, sums = Model(), []
    for _ in range(2):  # a pass that begins flat differs from the one before only in what is realised already
        total = 0
        for symbol, lots, price in script.rows():
            total += model.fill(symbol, lots, price) if lots else sum(model.read(symbol))
        sums.append(total)
    return (passes * sums[0] + passes * (passes - 1) // 2 * (sums[1] - sums[0])) & _WORD


@dataclass
class _Pass:
    """One pass from Python at a time, of either kind of map, with what its answers add up to."""

    positions: Any
    script: Script
    passes: int = 0
    total: int = 0
    out: Any = field(default_factory=lambda: np.zeros(3, dtype=np.int64))

    def native(self) -> None:
        one = self.positions
        where = self.script.addresses()
        self.total += run_script(one.fill_kernel, one.read_kernel, one.state, *where, 0, OPERATIONS, self.out.ctypes.data)
        self.passes += 1

    def python(self) -> None:
        fill, read, total = self.positions.fill, self.positions.read, 0
        for symbol, lots, price in self.rows:
            total += fill(symbol, lots, price) if lots else sum(read(symbol))
        self.total += total
        self.passes += 1

    def __post_init__(self) -> None:
        self.rows = self.script.rows()


def fills(job: Job) -> Result:
    """One thread, a pass a batch; the answers' sum and the state at the end are compared with the model."""
    script, positions = _scripts(job)[0], job.variant.build(MapConfig(len(_symbols_of(job))))
    one = _Pass(positions, script)
    # While this process has one thread only, glibc's mutex works without atomic instructions (SINGLE_THREAD_P); no engine
    # that needs a lock is such a process.
    parked = threading.Event()
    companion = threading.Thread(target=parked.wait, daemon=True)
    companion.start()
    try:
        run = one.native if isinstance(positions, NativePositions) else one.python
        batches = time_batches(run, OPERATIONS, job.seconds)
    finally:
        parked.set()
        companion.join()
    return batch_result(batches, _NULL if job.variant.null else _check(positions, script, one.passes, one.total))


def _check(positions: Any, script: Script, passes: int, total: int) -> Verification:
    checks = passes * OPERATIONS
    if total & _WORD != _expected_sum(script, passes):
        return Verification(False, checks, "the sum of all answers is not the model's")
    realised = {symbol: passes * money for symbol, money in realised_a_pass(script).items()}
    difference = state_difference(positions, realised)
    return Verification(not difference, checks, difference or f"{checks} answers and the end as the model gives them")


def contention(job: Job) -> Result:
    """job.writers threads on all symbols at once, each thread's batches timed; the end is compared with what must come out."""
    scripts, positions = _scripts(job), job.variant.build(MapConfig(len(_symbols_of(job))))
    native = isinstance(positions, NativePositions)
    run = _run_native if native else _run_python
    warm, _ = run(job, positions, scripts, job.seconds * WARM_SHARE)
    reports, histogram = run(job, positions, scripts, job.seconds)
    passes = [before[0] + after[0] for before, after in zip(warm, reports, strict=True)]
    wrong = sum(before[1] + after[1] for before, after in zip(warm, reports, strict=True))
    return Result(
        timing="batch",
        operations=sum(report[0] for report in reports) * OPERATIONS,
        elapsed_ns=max(report[2] for report in reports),
        histograms={"service": histogram},
        verification=_NULL if job.variant.null else _check_end(positions, scripts, passes, wrong),
        counters={"contradicting_reads": wrong, "slowest_thread_passes": min(report[0] for report in reports)},
        operations_per_value=_BATCH if native else OPERATIONS,
    )


def _check_end(positions: Any, scripts: list[Script], passes: list[int], wrong: int) -> Verification:
    checks = sum(passes) * OPERATIONS
    if wrong:
        return Verification(False, checks, f"{wrong} reads had quantity and cost of different fills")
    realised: dict[int, int] = {}
    for script, times in zip(scripts, passes, strict=True):
        for symbol, money in realised_a_pass(script).items():
            realised[symbol] = realised.get(symbol, 0) + times * money
    difference = state_difference(positions, realised)
    return Verification(not difference, checks, difference or f"{checks} operations ended where they must")


def _run_native(job: Job, positions: Any, scripts: list[Script], seconds: float) -> tuple[list[list[int]], Histogram]:
    clock, control = job.clock, Block(ISOLATION_WORDS)
    private = [(Histogram(), np.zeros(ISOLATION_WORDS, np.int64), np.zeros(ISOLATION_WORDS, np.int64)) for _ in scripts]

    def thread(t: int) -> Callable[[], None]:
        histogram, out, report = private[t]
        return lambda: _contend(
            positions.fill_kernel, positions.read_kernel, positions.state, *scripts[t].addresses(), out.ctypes.data,
            control.array, len(scripts), clock.source, clock.ns_per_tick, clock.ticks(round(seconds * NS_PER_S)),
            histogram.address, histogram.index, report,
        )  # fmt: skip  # grouped as in the signature

    run_together([thread(t) for t in range(len(scripts))])
    whole = Histogram()
    for histogram, _, _ in private:
        whole.merge(histogram)
    return [[int(r[0]), int(r[1]), round(r[2] * clock.ns_per_tick)] for _, _, r in private], whole


def _run_python(_job: Job, positions: Any, scripts: list[Script], seconds: float) -> tuple[list[list[int]], Histogram]:
    barrier, whole = threading.Barrier(len(scripts)), Histogram()

    def one_thread(script: Script) -> tuple[list[int], list[int]]:
        rows, wrong, durations_ns = script.rows(), 0, list[int]()
        barrier.wait()
        first_ns = start_ns = time.perf_counter_ns()
        while not durations_ns or start_ns - first_ns < seconds * NS_PER_S:
            for symbol, lots, price in rows:
                if lots:
                    positions.fill(symbol, lots, price)
                else:
                    wrong += self_contradicts(positions.read(symbol), price)
            end_ns = time.perf_counter_ns()
            durations_ns.append(end_ns - start_ns)
            start_ns = end_ns
        return [len(durations_ns), wrong, start_ns - first_ns], durations_ns

    answers = run_together([lambda script=script: one_thread(script) for script in scripts], barrier.abort)  # type: ignore[misc]
    for _, durations_ns in answers:
        whole.record(durations_ns)
    return [report for report, _ in answers], whole


WORKLOADS = {
    "fills": Workload("fills", "fill or read", fills, parameters=PARAMETERS, needs_feed=False),
    "contention": Workload(
        "contention", "fill or read", contention, frozenset({"concurrent"}), parameters=PARAMETERS, needs_feed=False
    ),
}
