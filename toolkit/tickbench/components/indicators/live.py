"""Workloads of what an engine does while it runs: the whole pipeline over a window, or one tick on a carried state.

The window is 1,000 prices and 100 levels a side: enough for the slowest average to forget its begin ((25/27)^966 is below
1e-32), a minute or two of trades of a liquid instrument, and the depth that exchanges publish. The plan names no window.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tickbench.components.component import Job, Result, Verification
from tickbench.components.indicators import contract, inputs, model, oracle
from tickbench.components.indicators.contract import Indicators
from tickbench.components.indicators.drivers import (
    SLIDES,
    drive_pipeline,
    drive_ticks,
    time_pipeline,
    time_ticks,
)
from tickbench.components.shared.timeline import Cuts, Slice
from tickbench.components.shared.timing import NS_PER_S, batch_result, time_loop
from tickbench.kernels.hdr import Histogram

_BOOKS = 16
_TIMED_OPERATIONS = 1_000  # between two looks at the wall clock
_REMEMBERED = 2_000  # ticks after which no average knows how it began: (25/27)^1967 is below 1e-65
_NULL = Verification(True, 0, "the null variant has no answer to check")


@dataclass
class _Market:
    """Prices, books and the place for answers."""

    indicators: Indicators
    n: int
    levels: int
    prices: NDArray[np.float64]
    quantities: NDArray[np.float64]
    out: NDArray[np.float64]

    @classmethod
    def make(cls, job: Job, prices: int) -> "_Market":
        n, levels = job.parameters["prices"], job.parameters["levels"]
        quantities = inputs.aligned((_BOOKS, 2, levels), inputs.books(job.seed, _BOOKS, levels))
        out = inputs.aligned(len(contract.PIPELINE_ROWS) * n + 2, -7.0)
        walk = inputs.aligned(prices, inputs.walk(job.seed, prices))
        return cls(job.variant.build(None), n, levels, walk, quantities, out)

    def addresses(self) -> tuple[int, int, int, int, int, int]:
        """What drivers take: prices, n, quantities, books, levels, out."""
        return (self.prices.ctypes.data, self.n, self.quantities.ctypes.data, _BOOKS, self.levels, self.out.ctypes.data)


def _pipeline_verified(job: Job, market: _Market, seen: tuple[Any, float, float], last: int) -> Verification:
    """The answer to call number `last` against the model."""
    if job.variant.null:
        return _NULL
    prices = market.prices[last % SLIDES :][: market.n]
    expected = model.pipeline(prices, *market.quantities[last % _BOOKS])
    found = oracle.pipeline_difference(seen, expected, prices)
    checks = len(contract.PIPELINE_ROWS) * market.n + 2
    return Verification(not found, checks, found or f"{checks} answers that the timed loop left agree with the model")


def run_pipeline(job: Job) -> Result:
    """Windows one after the other, timed in batches."""
    market = _Market.make(job, job.parameters["prices"] + SLIDES)
    if "pipeline" in market.indicators.functions:
        return _run_python_pipeline(job, market)
    operation, addresses = market.indicators.kernels["pipeline"], market.addresses()

    def run(windows: int) -> None:
        drive_pipeline(operation, *addresses, windows)

    batches = time_loop(job, run)
    seen = oracle.split_pipeline(market.out, market.n)
    return batch_result(batches, _pipeline_verified(job, market, seen, batches.last_rounds - 1))


def _run_python_pipeline(job: Job, market: _Market) -> Result:
    function, as_prices = market.indicators.functions["pipeline"], market.indicators.as_prices
    window = as_prices(market.prices[: market.n])
    bids, asks = (as_prices(side) for side in market.quantities[0])
    answer: list[Any] = []

    def run(windows: int) -> None:
        for _ in range(windows):
            answer[:] = function(window, bids, asks)

    batches = time_loop(job, run)
    rows, of_book, score = answer
    return batch_result(batches, _pipeline_verified(job, market, (np.array(rows, dtype=float), of_book, score), 0))


def run_pipeline_timed(job: Job) -> Result:
    """Every window timed: percentiles of single pipelines."""
    market = _Market.make(job, job.parameters["prices"] + SLIDES)
    operation, addresses = market.indicators.kernels["pipeline"], market.addresses()

    last = [0]

    def run(windows: int, *recorder: Any) -> None:
        last[0] = windows - 1
        time_pipeline(operation, *addresses, windows, *recorder)

    service, done, elapsed_ns, slices = _timed(job, run, _TIMED_OPERATIONS, 1)
    checked = _pipeline_verified(job, market, oracle.split_pipeline(market.out, market.n), last[0])
    return Result("operation", done, elapsed_ns, {"service": service}, checked, intervals=slices)


def _timed(job: Job, run: Callable[..., None], rounds: int, operations_each: int) -> tuple[Histogram, int, int, list[Slice]]:
    """Call `run(rounds, source, ns_per_tick, words, index)` until the time is up, once unrecorded before; or at the pace."""
    clock = job.clock

    def record_into(count: int, histogram: Histogram) -> None:
        run(count, clock.source, clock.ns_per_tick, histogram.address, histogram.index)

    record_into(rounds, Histogram())
    if job.pace is not None:
        service = job.pace.serve_timed(record_into, operations_each)
        return service, service.count, service.sum_ns, []
    service, done = Histogram(), 0
    cuts = Cuts(service, round(job.seconds * NS_PER_S))
    start_ns, limit_ns = time.perf_counter_ns(), round(job.seconds * NS_PER_S)
    while True:
        record_into(rounds, service)
        done += rounds * operations_each
        elapsed_ns = time.perf_counter_ns() - start_ns
        if elapsed_ns >= limit_ns:
            return service, done, elapsed_ns, cuts.slices(elapsed_ns)
        start_ns += cuts.between(elapsed_ns)  # what it took is no time of the operations


def _ticks_verified(job: Job, market: _Market, passes: int) -> Verification:
    """The answer after the last tick, against the model over the ticks that it can still remember."""
    if job.variant.null:
        return _NULL
    stream = np.tile(market.prices, min(passes, 1 + -(-_REMEMBERED // market.n)))[-_REMEMBERED:]
    book = market.quantities[(market.n - 1) % _BOOKS]
    rows, of_book, score = model.pipeline(stream, *book)
    seen = market.out[: contract.PIPELINE_VALUES]
    answer = (seen[:-2, None], float(seen[-2]), float(seen[-1]))
    found = oracle.pipeline_difference(answer, (rows[:, -1:], of_book, score), stream[-1:])
    return Verification(not found, len(seen), found or f"{len(seen)} answers to the last tick agree with the model")


def run_tick(job: Job) -> Result:
    """A stream of ticks on one state, timed in batches; the stream starts again and again, with a jump."""
    market = _Market.make(job, job.parameters["prices"])
    assert market.indicators.new_state is not None
    state, operation, passes = market.indicators.new_state(), market.indicators.kernels["tick"], [0]

    def run(repeats: int) -> None:
        drive_ticks(operation, state.address, *market.addresses(), 0, repeats)
        passes[0] += repeats

    batches = time_loop(job, run, market.n)
    return batch_result(batches, _ticks_verified(job, market, passes[0]))


def run_tick_timed(job: Job) -> Result:
    """Every tick timed."""
    market = _Market.make(job, job.parameters["prices"])
    assert market.indicators.new_state is not None
    state, operation, passes = market.indicators.new_state(), market.indicators.kernels["tick"], [0]

    def run(repeats: int, *recorder: Any) -> None:
        passes[0] += repeats
        for _ in range(repeats):
            time_ticks(operation, state.address, *market.addresses(), *recorder)

    service, done, elapsed_ns, slices = _timed(job, run, 1, market.n)
    checked = _ticks_verified(job, market, passes[0])
    return Result("operation", done, elapsed_ns, {"service": service}, checked, intervals=slices)
