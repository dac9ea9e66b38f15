"""How risk checks are timed: alone in batches, alone one by one, and one by one beside a writer on another core.

                     check_with_writer
    checking thread --reads--> [ limits ]   [ market and position ] <--writes-- writer thread
                    --writes-> [ rate, counts ]
    control block    ARRIVED and DONE, a line pair each: both threads add once to the first, the checker ends the second

Orders are seeded. One in a hundred is refused, for a reason that the writer's small moves never change, and the first order of
a pass comes after a long pause: so every pass gives the same answers, beside a writer too.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tickbench.components.component import Job, Result, Timing, Verification, Workload
from tickbench.components.risk.contract import CHECK, REASONS, UPDATE, NativeRisk
from tickbench.components.risk.orders import (
    MOVES,
    ORDERS,
    POSITION_LOTS,
    REFERENCE_TICKS,
    Orders,
    config_for,
    expected_answers,
    make_orders,
)
from tickbench.components.risk.turns import ROUND, NativeTurns, PythonTurns
from tickbench.components.shared.threads import run_together
from tickbench.components.shared.timeline import slices_of
from tickbench.components.shared.timing import NS_PER_S, WARM_SHARE
from tickbench.errors import InputError
from tickbench.kernels.atomics import fetch_add_release, load_acquire, load_plain, pause, store_release
from tickbench.kernels.clock import now_ticks, ticks_to_ns
from tickbench.kernels.hdr import Histogram
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_WORDS, Block
from tickbench.kernels.recorder import record
from tickbench.kernels.system import yield_core

_GROUP = 1_024  # checks a batch
_PYTHON_GROUP = 256
_SPIN_LOOKS = 1_000
_ARRIVED, _DONE = 0, ISOLATION_WORDS
_NULL = Verification(True, 0, "the null variant has no answer to check")
PARAMETERS = {"symbols": 64}
WRITER_PARAMETERS = {**PARAMETERS, "pause_looks": 0}


@kernel("void(int64[::1], int64)")
def _meet(control, threads):
    fetch_add_release(control, _ARRIVED, 1)  # arrives: pairs with the acquire below
    looks = 0
    while load_acquire(control, _ARRIVED) < threads:
        looks += 1
        if looks % _SPIN_LOOKS == 0:
            yield_core()


@kernel(
    f"int64(pointer[{CHECK}], int64, int64, int64, int64, int64, int64, int64[::1], int64, int64, float64, int64, int64, int64,"
    " int64[::1])"
)
def _drive(
    check, state, symbols, lots, prices, gaps, group, control, threads,
    source, ns_per_tick, limit_ticks, words, index, answers,
):  # fmt: skip  # grouped as in the signature
    """Pass after pass until the time is up, the clock read after every `group` checks; returns the ticks taken.

    answers[reason] counts answers. One reading ends a group and starts the next.
    """
    _meet(control, threads)
    first = start = now_ticks(source)
    now_ns, passes = 0, 0
    while passes == 0 or start - first < limit_ticks:
        for begin in range(0, ORDERS, group):
            for i in range(begin, begin + group):
                now_ns += load_plain(gaps, i)
                answers[check(state, load_plain(symbols, i), load_plain(lots, i), load_plain(prices, i), now_ns)] += 1
            end = now_ticks(source)
            record(words, index, ticks_to_ns(end - start, ns_per_tick))
            start = end
        passes += 1
    store_release(control, _DONE, 1)  # tells the writer to end: pairs with the acquire in _write
    return start - first


@kernel(f"int64(pointer[{UPDATE}], int64, int64, int64[::1], int64, int64)")
def _write(update, state, symbols, control, threads, pause_looks):
    """Move reference and position of one symbol after the other until the checks are done; returns how many updates."""
    _meet(control, threads)
    updates, symbol, move = 0, 0, 0
    while load_acquire(control, _DONE) == 0:  # pairs with the release in _drive
        update(state, symbol, REFERENCE_TICKS + move, POSITION_LOTS - move)
        updates += 1
        symbol += 1
        if symbol == symbols:
            symbol, move = 0, (move + 1) % MOVES
        for _ in range(pause_looks):
            pause()
    return updates


def _open(job: Job) -> tuple[Any, Orders, int]:
    symbols = int(job.parameters.get("symbols", PARAMETERS["symbols"]))
    if symbols < 1:
        raise InputError(f"risk: symbols is at least 1, got {symbols}")
    risk = job.variant.build(config_for(symbols))
    for symbol in range(symbols):
        risk.update(symbol, REFERENCE_TICKS, POSITION_LOTS)
    return risk, make_orders(job.seed, symbols), symbols


def _run_once(job: Job, risk: NativeRisk, orders: Orders, group: int, seconds: float, writer: Any) -> tuple[Any, ...]:
    """One run of the driver, with the writer beside it if there is one: histogram, answers, ns taken, updates made."""
    clock, histogram, answers = job.clock, Histogram(), np.zeros(ISOLATION_WORDS, dtype=np.int64)
    control, threads = Block(2 * ISOLATION_WORDS), 2 if writer else 1

    def check() -> Any:
        return _drive(
            risk.check_kernel, risk.state, *orders.addresses(), group, control.array, threads,
            clock.source, clock.ns_per_tick, clock.ticks(round(seconds * NS_PER_S)), histogram.address, histogram.index,
            answers,
        )  # fmt: skip  # grouped as in the signature

    def write() -> Any:
        return _write(risk.update_kernel, risk.state, *writer[:1], control.array, threads, *writer[1:])

    ticks, *updates = run_together([check, write] if writer else [check])
    return histogram, answers[: len(REASONS)], round(ticks * clock.ns_per_tick), sum(updates)


def _measure(job: Job, group: int, writer_pause: int | None = None) -> Result:
    risk, orders, symbols = _open(job)
    if job.pace is not None and writer_pause is None:
        return _measure_paced(job, risk, orders, symbols, timed=group == 1)
    if not isinstance(risk, NativeRisk):
        return _measure_python(job, risk, orders, symbols, min(group, _PYTHON_GROUP))
    writer = None if writer_pause is None else (symbols, writer_pause)
    warm = _run_once(job, risk, orders, group, job.seconds * WARM_SHARE, writer)
    # A run's time begins at 0 again: the bucket, full far in the future, would refuse everything.
    risk_again, _, _ = _open(job)
    histogram, answers, elapsed_ns, updates = _run_once(job, risk_again, orders, group, job.seconds, writer)
    found = _NULL
    if not job.variant.null:
        found = _check_answers(orders, symbols, answers, risk_again.counts())
        if found.passed:
            found = _check_answers(orders, symbols, warm[1], risk.counts())
    counters = {} if writer is None else {"updates_per_s": updates * NS_PER_S / elapsed_ns}
    return _result(group, int(answers.sum()), elapsed_ns, histogram, found, counters)


def _measure_paced(job: Job, risk: Any, orders: Orders, symbols: int, *, timed: bool) -> Result:
    """As many checks as asked; the last pass is brought to its end, untimed, where the answers are known."""
    assert job.pace is not None
    turns = NativeTurns(job, risk, orders) if isinstance(risk, NativeRisk) else PythonTurns(risk, orders)
    if timed:
        service = job.pace.serve_timed(lambda rounds, histogram: turns.time(rounds * ROUND, histogram), ROUND)
        checks, elapsed_ns = service.count, service.sum_ns
    else:
        batches = job.pace.serve(lambda rounds: turns.check(rounds * ROUND), ROUND)
        service, checks, elapsed_ns = batches.histogram, batches.count * ROUND, batches.elapsed_ns
    turns.check(-turns.position % ORDERS)
    found = _NULL if job.variant.null else _check_answers(orders, symbols, turns.counts(), risk.counts())
    return _result(1 if timed else ROUND, checks, elapsed_ns, service, found, {})


def _check_answers(orders: Orders, symbols: int, answers: NDArray[np.int64], counted: tuple[int, int]) -> Verification:
    """Each reason must have come as often as in so many passes of the model, and the check must have counted alike."""
    checks = int(answers.sum())
    expected = expected_answers(orders, symbols) * (checks // ORDERS)
    if not (answers == expected).all():
        told = ", ".join(f"{REASONS[i]} {expected[i]}/{answers[i]}" for i in range(len(REASONS)) if expected[i] != answers[i])
        return Verification(False, checks, f"expected/seen: {told}")
    if counted != (int(answers[0]), checks - int(answers[0])):
        return Verification(False, checks, f"the check has counted {counted} accepted and refused")
    return Verification(True, checks, f"{checks} answers as the model gives them")


def _result(
    group: int, checks: int, elapsed_ns: int, histogram: Histogram, found: Verification, counters: dict[str, float]
) -> Result:
    timing: Timing = "operation" if group == 1 else "batch"
    return Result(timing, checks, elapsed_ns, {"service": histogram}, found, counters, operations_per_value=group)


def _measure_python(job: Job, risk: Any, orders: Orders, symbols: int, group: int) -> Result:
    rows, check, histogram, durations_ns = orders.rows(), risk.check, Histogram(), list[int]()
    answers, now_ns, clock_ns = [0] * len(REASONS), 0, time.perf_counter_ns
    first_ns = start_ns = clock_ns()
    while not durations_ns or start_ns - first_ns < job.seconds * NS_PER_S:
        for begin in range(0, ORDERS, group):
            for symbol, lots, price, gap_ns in rows[begin : begin + group]:
                now_ns += gap_ns
                answers[check(symbol, lots, price, now_ns)] += 1
            end_ns = clock_ns()
            durations_ns.append(end_ns - start_ns)
            start_ns = end_ns
    histogram.record(durations_ns)
    counts = np.array(answers, dtype=np.int64)
    found = _check_answers(orders, symbols, counts, risk.counts())
    elapsed_ns = start_ns - first_ns
    result = _result(group, sum(answers), elapsed_ns, histogram, found, {})
    return replace(result, intervals=slices_of(durations_ns, elapsed_ns))


def check(job: Job) -> Result:
    """One thread, batches."""
    return _measure(job, _GROUP)


def check_timed(job: Job) -> Result:
    """One thread, every check timed: its p99 is one of single checks, with one clock reading in it."""
    return _measure(job, 1)


def check_with_writer(job: Job) -> Result:
    """As check_timed, while a writer on another core moves references and positions."""
    return _measure(job, 1, int(job.parameters.get("pause_looks", WRITER_PARAMETERS["pause_looks"])))


_RUNS: dict[str, tuple[Callable[[Job], Result], frozenset[str], dict[str, int]]] = {
    "check": (check, frozenset(), PARAMETERS),
    "check_timed": (check_timed, frozenset(), PARAMETERS),
    "check_with_writer": (check_with_writer, frozenset({"concurrent_writer"}), WRITER_PARAMETERS),
}
WORKLOADS = {
    name: Workload(name, "check", run, requires, parameters, needs_feed=False, paced=not requires)
    for name, (run, requires, parameters) in _RUNS.items()
}
