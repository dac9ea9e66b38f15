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
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tickbench.components.component import Job, Result, Timing, Verification, Workload
from tickbench.components.risk.contract import CHECK, REASONS, UPDATE, NativeRisk, RiskConfig, SymbolLimits
from tickbench.components.risk.oracle import Model
from tickbench.components.shared.threads import run_together
from tickbench.components.shared.timing import NS_PER_S, WARM_SHARE
from tickbench.errors import InputError
from tickbench.kernels.atomics import fetch_add_release, load_acquire, load_plain, pause, store_release
from tickbench.kernels.clock import now_ticks, ticks_to_ns
from tickbench.kernels.hdr import Histogram
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_WORDS, Block
from tickbench.kernels.recorder import record
from tickbench.kernels.system import yield_core

ORDERS = 4_096  # a pass
_GROUP = 1_024  # checks a batch
_NOW_NS = ISOLATION_WORDS - 1  # word of the answers: where the clock of the orders stands
_PYTHON_GROUP = 256
_LONG_NS, _GAP_NS = 1_000_000_000, 2_000
_REFUSED = 0.01
_REFERENCE_TICKS, _POSITION_LOTS, _MOVES = 10_000, 100, 8  # the writer moves both by less than _MOVES
_SPIN_LOOKS = 1_000
_ARRIVED, _DONE = 0, ISOLATION_WORDS
_NULL = Verification(True, 0, "the null variant has no answer to check")
PARAMETERS = {"symbols": 64}
WRITER_PARAMETERS = {**PARAMETERS, "pause_looks": 0}


@dataclass(frozen=True)
class Orders:
    """A pass of orders, int64 [ORDERS] each; `gap_ns` is the time since the order before."""

    symbol: NDArray[np.int64]
    signed_lots: NDArray[np.int64]
    price_ticks: NDArray[np.int64]
    gap_ns: NDArray[np.int64]

    def addresses(self) -> tuple[int, int, int, int]:
        """Where the arrays are; keep the orders for as long as kernels use them."""
        return self.symbol.ctypes.data, self.signed_lots.ctypes.data, self.price_ticks.ctypes.data, self.gap_ns.ctypes.data

    def rows(self) -> list[tuple[int, int, int, int]]:
        """The orders as Python integers."""
        columns = self.symbol, self.signed_lots, self.price_ticks, self.gap_ns
        return list(zip(*(column.tolist() for column in columns), strict=True))


def make_orders(seed: int, symbols: int) -> Orders:
    """A pass of orders for the limits of `config_for`: one in a hundred is refused, each reason in turn."""
    rng = np.random.default_rng(seed)
    symbol = rng.integers(0, symbols, ORDERS)
    signed_lots = rng.integers(1, 100, ORDERS) * rng.choice([-1, 1], ORDERS)
    price_ticks = _REFERENCE_TICKS + rng.integers(-400, 401, ORDERS)
    bad = np.flatnonzero(rng.random(ORDERS) < _REFUSED)
    for place, row in enumerate(bad):
        kind = place % 4
        symbol[row] = (symbol[row], symbol[row], symbols, symbol[row])[kind]
        signed_lots[row] = (5_000, 10, 10, 1_000)[kind]
        price_ticks[row] = (_REFERENCE_TICKS, 2 * _REFERENCE_TICKS, _REFERENCE_TICKS, _REFERENCE_TICKS)[kind]
    gap_ns = np.full(ORDERS, _GAP_NS)
    gap_ns[0] = _LONG_NS
    return Orders(symbol, signed_lots, price_ticks, gap_ns)


def config_for(symbols: int) -> RiskConfig:
    """Limits that most orders keep; the rate is just what the orders come at."""
    limits = SymbolLimits(max_order_lots=1_000, collar_ticks=500, max_notional_lot_ticks=9_000_000, position_limit_lots=5_000)
    return RiskConfig((limits,) * symbols, order_interval_ns=_GAP_NS, burst_orders=64)


def expected_answers(orders: Orders, symbols: int) -> NDArray[np.int64]:
    """How often a pass gives each reason, int64 [len(REASONS)], by the model."""
    model, now_ns = Model(config_for(symbols)), 0
    model.market = dict.fromkeys(range(symbols), (_REFERENCE_TICKS, _POSITION_LOTS))
    counts = np.zeros(len(REASONS), dtype=np.int64)
    for symbol, lots, price, gap_ns in orders.rows():
        now_ns += gap_ns
        counts[model.check(symbol, lots, price, now_ns)] += 1
    return counts


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

    answers[reason] counts answers, answers[_NOW_NS] is where the orders' own clock stands. One reading ends a group and
    starts the next.
    """
    _meet(control, threads)
    first = start = now_ticks(source)
    now_ns, passes = answers[_NOW_NS], 0
    while passes == 0 or start - first < limit_ticks:
        for begin in range(0, ORDERS, group):
            for i in range(begin, begin + group):
                now_ns += load_plain(gaps, i)
                answers[check(state, load_plain(symbols, i), load_plain(lots, i), load_plain(prices, i), now_ns)] += 1
            end = now_ticks(source)
            record(words, index, ticks_to_ns(end - start, ns_per_tick))
            start = end
        passes += 1
    answers[_NOW_NS] = now_ns
    store_release(control, _DONE, 1)  # tells the writer to end: pairs with the acquire in _write
    return start - first


@kernel(f"int64(pointer[{UPDATE}], int64, int64, int64[::1], int64, int64)")
def _write(update, state, symbols, control, threads, pause_looks):
    """Move reference and position of one symbol after the other until the checks are done; returns how many updates."""
    _meet(control, threads)
    updates, symbol, move = 0, 0, 0
    while load_acquire(control, _DONE) == 0:  # pairs with the release in _drive
        update(state, symbol, _REFERENCE_TICKS + move, _POSITION_LOTS - move)
        updates += 1
        symbol += 1
        if symbol == symbols:
            symbol, move = 0, (move + 1) % _MOVES
        for _ in range(pause_looks):
            pause()
    return updates


def _open(job: Job) -> tuple[Any, Orders, int]:
    symbols = int(job.parameters.get("symbols", PARAMETERS["symbols"]))
    if symbols < 1:
        raise InputError(f"risk: symbols is at least 1, got {symbols}")
    risk = job.variant.build(config_for(symbols))
    for symbol in range(symbols):
        risk.update(symbol, _REFERENCE_TICKS, _POSITION_LOTS)
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
    if not isinstance(risk, NativeRisk):
        return _measure_python(job, risk, orders, symbols, min(group, _PYTHON_GROUP))
    if job.pace is not None and writer_pause is None:
        return _measure_paced(job, risk, orders, group, symbols)
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


def _measure_paced(job: Job, risk: NativeRisk, orders: Orders, group: int, symbols: int) -> Result:
    """Whole passes over the orders, as many as asked; single checks are timed if a group is one."""
    clock, answers = job.clock, np.zeros(ISOLATION_WORDS, dtype=np.int64)
    control = Block(2 * ISOLATION_WORDS)

    def run(passes: int, histogram: Histogram) -> None:
        for _ in range(passes):
            _drive(
                risk.check_kernel, risk.state, *orders.addresses(), group, control.array, 1,
                clock.source, clock.ns_per_tick, 0, histogram.address, histogram.index, answers,
            )  # fmt: skip  # grouped as in the signature

    assert job.pace is not None
    if group == 1:
        histogram = job.pace.serve_timed(run, ORDERS)
    else:
        histogram = Histogram()
        job.pace.serve(lambda passes: run(passes, histogram), ORDERS)
    counts = answers[: len(REASONS)]
    found = _NULL if job.variant.null else _check_answers(orders, symbols, counts, risk.counts())
    return _result(group, int(counts.sum()), histogram.sum_ns, histogram, found, {})


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
    if job.pace is not None:

        def run(passes: int) -> None:
            nonlocal now_ns
            for symbol, lots, price, gap_ns in rows * passes:
                now_ns += gap_ns
                answers[check(symbol, lots, price, now_ns)] += 1

        turns = job.pace.serve(run, len(rows))
        found = _check_answers(orders, symbols, np.array(answers, dtype=np.int64), risk.counts())
        return _result(group, sum(answers), turns.elapsed_ns, histogram, found, {})
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
    return _result(group, sum(answers), start_ns - first_ns, histogram, found, {})


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
