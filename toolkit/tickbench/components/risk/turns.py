"""Checks at the pace of a harness: the next orders, as many as asked, pass after pass, from where the last turn ended."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tickbench.components.component import Job
from tickbench.components.risk.contract import CHECK, REASONS, NativeRisk
from tickbench.components.risk.orders import ORDERS, Orders
from tickbench.components.shared.pace import pieces
from tickbench.kernels.atomics import load_plain
from tickbench.kernels.clock import now_ticks, ticks_to_ns
from tickbench.kernels.hdr import Histogram
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_WORDS
from tickbench.kernels.recorder import record

ROUND = 64  # checks: a turn of half a millisecond is many rounds in Python, too
_NOW_NS = len(REASONS)  # the word behind the counts of answers: the time of the last order
_ARGUMENTS = f"pointer[{CHECK}], int64, int64, int64, int64, int64, int64, int64, int64[::1]"


@kernel(f"int64({_ARGUMENTS})")
def _check_next(check, state, symbols, lots, prices, gaps, first, checks, answers):
    """Check the next orders; returns where to go on. answers[reason] counts answers, the word behind them holds the time."""
    now_ns, i = answers[_NOW_NS], first
    for _ in range(checks):
        now_ns += load_plain(gaps, i)
        answers[check(state, load_plain(symbols, i), load_plain(lots, i), load_plain(prices, i), now_ns)] += 1
        i += 1
        if i == ORDERS:
            i = 0
    answers[_NOW_NS] = now_ns
    return i


@kernel(f"int64({_ARGUMENTS}, int64, float64, int64, int64)")
def _time_next(check, state, symbols, lots, prices, gaps, first, checks, answers, source, ns_per_tick, words, index):
    """As `_check_next`, each check timed; one reading ends a check and starts the next."""
    now_ns, i = answers[_NOW_NS], first
    start = now_ticks(source)
    for _ in range(checks):
        now_ns += load_plain(gaps, i)
        answers[check(state, load_plain(symbols, i), load_plain(lots, i), load_plain(prices, i), now_ns)] += 1
        end = now_ticks(source)
        record(words, index, ticks_to_ns(end - start, ns_per_tick))
        start = end
        i += 1
        if i == ORDERS:
            i = 0
    answers[_NOW_NS] = now_ns
    return i


class NativeTurns:
    """The checks of a compiled variant."""

    def __init__(self, job: Job, risk: NativeRisk, orders: Orders) -> None:
        self._orders = orders  # whose memory the kernels read
        self._fixed = (risk.check_kernel, risk.state, *orders.addresses())
        self._clock = job.clock.source, job.clock.ns_per_tick
        self._answers = np.zeros(ISOLATION_WORDS, dtype=np.int64)
        self.position = 0

    def check(self, checks: int) -> None:
        """Check the next orders."""
        self.position = int(_check_next(*self._fixed, self.position, checks, self._answers))

    def time(self, checks: int, histogram: Histogram) -> None:
        """Check the next orders, each of them timed."""
        to = (*self._clock, histogram.address, histogram.index)
        self.position = int(_time_next(*self._fixed, self.position, checks, self._answers, *to))

    def counts(self) -> NDArray[np.int64]:
        """How often each reason was given, int64 [len(REASONS)]."""
        return self._answers[: len(REASONS)]


class PythonTurns:
    """The checks of a variant in Python."""

    def __init__(self, risk: Any, orders: Orders) -> None:
        self._check, self._rows = risk.check, orders.rows()
        self._answers, self._now_ns = [0] * len(REASONS), 0
        self.position = 0

    def _next(self, checks: int) -> Iterator[list[tuple[int, int, int, int]]]:
        for begin, end in pieces(self.position, checks, ORDERS):
            yield self._rows[begin:end]
        self.position = (self.position + checks) % ORDERS

    def check(self, checks: int) -> None:
        """Check the next orders."""
        check, answers, now_ns = self._check, self._answers, self._now_ns
        for rows in self._next(checks):
            for symbol, lots, price, gap_ns in rows:
                now_ns += gap_ns
                answers[check(symbol, lots, price, now_ns)] += 1
        self._now_ns = now_ns

    def time(self, checks: int, histogram: Histogram) -> None:
        """Check the next orders, each of them timed."""
        check, answers, now_ns, durations_ns = self._check, self._answers, self._now_ns, list[int]()
        clock_ns = time.perf_counter_ns
        start_ns = clock_ns()
        for rows in self._next(checks):
            for symbol, lots, price, gap_ns in rows:
                now_ns += gap_ns
                answers[check(symbol, lots, price, now_ns)] += 1
                end_ns = clock_ns()
                durations_ns.append(end_ns - start_ns)
                start_ns = end_ns
        self._now_ns = now_ns
        histogram.record(durations_ns)

    def counts(self) -> NDArray[np.int64]:
        """How often each reason was given, int64 [len(REASONS)]."""
        return np.array(self._answers, dtype=np.int64)
