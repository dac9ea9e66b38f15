"""How operations are issued: one workload an indicator, and the pipeline, ticks, many symbols, calls from Python.

An operation is one price (of one symbol), so tables show ns a price; for `imbalance` one book, for `pipeline` one window,
for `call` one call.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tickbench.components.component import Job, Result, Verification, Workload
from tickbench.components.indicators import contract, inputs, model, oracle
from tickbench.components.indicators.contract import Indicators
from tickbench.components.indicators.drivers import SLIDES, drive_imbalance, drive_series
from tickbench.components.indicators.live import run_pipeline, run_pipeline_timed, run_tick, run_tick_timed
from tickbench.components.shared.timing import batch_result, time_loop
from tickbench.errors import NotMeasurableError

_BOOKS = 16  # of 100 levels: 25 KiB, so that the first-level cache holds them
_SYMBOLS = 8  # one for each lane of a wide vector


def _checked(job: Job, checks: int, detail: str) -> Verification:
    if job.variant.null:
        return Verification(True, 0, "the null variant has no answer to check")
    return Verification(not detail, checks, detail or f"{checks} answers that the timed loop left agree with the model")


@dataclass
class _Series:
    """Symbols of n prices each, laid out for one variant, and where its answers go."""

    operation: str
    indicators: Indicators
    n: int
    symbols: int
    fed: NDArray[np.float64]
    out: NDArray[np.float64]

    @classmethod
    def make(cls, job: Job, operation: str, n: int, symbols: int) -> "_Series":
        indicators = job.variant.build(None)
        lanes = indicators.lanes
        if symbols % lanes:
            raise NotMeasurableError(
                f"indicators/{job.variant.name}: takes {lanes} symbols at once, {symbols} cannot be split: "
                f"set parameters.symbols to a multiple of {lanes}"
            )
        rows, groups = contract.ROWS.get(operation, 1), symbols // lanes
        out = inputs.aligned((groups, rows, n, lanes), -1.0)
        return cls(operation, indicators, n, symbols, inputs.series(job.seed, symbols, lanes, n + SLIDES), out)

    def drive(self, repeats: int) -> int:
        """`repeats` passes over all symbols in the compiled driver."""
        lanes, groups = self.indicators.lanes, self.out.shape[0]
        operation = self.indicators.kernels[self.operation]
        fed, out = self.fed.ctypes.data, self.out.ctypes.data
        return int(drive_series(operation, fed, self.n, out, groups, lanes, self.out[0].size, repeats))

    def walk(self, symbol: int, first: int) -> NDArray[np.float64]:
        """The n prices of a symbol from `first` on."""
        group, lane = divmod(symbol, self.indicators.lanes)
        return np.asarray(self.fed[group, first : first + self.n, lane])

    def differences(self, first: int, answers: Callable[[int], Any], capabilities: frozenset[str]) -> str:
        """What is wrong with the answers of the symbols to the windows that begin at `first`."""
        for symbol in range(self.symbols):
            prices, seen = self.walk(symbol, first), answers(symbol)
            if self.operation == "sum":
                expected = float(prices.astype(model.Extended).sum())
                found = "" if abs(seen - expected) <= oracle.RELATIVE * expected else f"{expected} expected, {seen} seen"
            else:
                found = oracle.difference(self.operation, seen, model.SERIES[self.operation](prices), prices, capabilities)
            if found:
                return f"symbol {symbol}: {found}"
        return ""

    def compiled_answer(self, symbol: int) -> Any:
        """What the compiled operation left for a symbol."""
        group, lane = divmod(symbol, self.indicators.lanes)
        return self.out[group, 0, 0, lane] if self.operation == "sum" else self.out[group, :, :, lane]


def _run_series(job: Job, operation: str, symbols: int) -> Result:
    series = _Series.make(job, operation, job.parameters["prices"], symbols)
    if operation in series.indicators.functions:
        return _run_functions(job, series)
    if operation not in series.indicators.kernels:
        raise NotMeasurableError(f"indicators/{job.variant.name} has no {operation}: leave it out of this scenario")
    batches = time_loop(job, series.drive, series.n * symbols)
    found = ""
    if not job.variant.null:
        found = series.differences((batches.last_rounds - 1) % SLIDES, series.compiled_answer, job.variant.capabilities)
    return batch_result(batches, _checked(job, series.n * symbols, found), **_vector_share(series))


def _vector_share(series: _Series) -> dict[str, float]:
    """Share of the outputs that full vectors gave, where the variant knows it: how well its lanes are filled."""
    count = series.indicators.vector_outputs
    if count is None or series.operation not in contract.LOOKBACK:
        return {}
    defined = series.n - contract.LOOKBACK[series.operation]
    return {"vector_share_percent": 100 * count(series.operation, series.n) / max(defined, 1)}


def _run_functions(job: Job, series: _Series) -> Result:
    """One call a symbol from Python; what it returns is the answer."""
    function = series.indicators.functions[series.operation]
    windows = [series.indicators.as_prices(series.walk(symbol, 0)) for symbol in range(series.symbols)]
    answers: list[Any] = []

    def run(repeats: int) -> None:
        for _ in range(repeats):
            answers[:] = [function(window) for window in windows]

    batches = time_loop(job, run, series.n * series.symbols)
    shaped = [np.array(answer, dtype=float) for answer in answers]
    found = series.differences(0, shaped.__getitem__, job.variant.capabilities)
    return batch_result(batches, _checked(job, series.n * series.symbols, found))


def _run_imbalance(job: Job) -> Result:
    indicators, levels = job.variant.build(None), job.parameters["levels"]
    fed, out = inputs.aligned((_BOOKS, 2, levels), inputs.books(job.seed, _BOOKS, levels)), inputs.aligned(_BOOKS)
    if "imbalance" in indicators.functions:
        function = indicators.functions["imbalance"]
        sides = [tuple(indicators.as_prices(side) for side in book) for book in fed]

        def run(repeats: int) -> None:
            for _ in range(repeats):
                out[:] = [function(bids, asks) for bids, asks in sides]
    else:
        operation, quantities, answers = indicators.kernels["imbalance"], fed.ctypes.data, out.ctypes.data

        def run(repeats: int) -> None:
            drive_imbalance(operation, quantities, _BOOKS, levels, answers, repeats)

    batches = time_loop(job, run, _BOOKS)
    expected = np.array([model.imbalance(*book) for book in fed])
    wrong = np.flatnonzero(~(np.abs(out - expected) <= oracle.RELATIVE))
    found = f"book {wrong[0]}: {expected[wrong[0]]} expected, {out[wrong[0]]} seen" if len(wrong) else ""
    return batch_result(batches, _checked(job, _BOOKS, found))


def _run_call(job: Job) -> Result:
    indicators = job.variant.build(None)
    prices = inputs.walk(job.seed, job.parameters["prices"])
    call, answer = indicators.rsi_of, [prices]
    assert call is not None

    def run(calls: int) -> None:
        for _ in range(calls):
            answer[0] = call(prices)

    batches = time_loop(job, run)
    found = ""
    if not job.variant.null:
        found = oracle.difference("rsi", answer[0], model.rsi(prices), prices, job.variant.capabilities)
    return batch_result(batches, _checked(job, len(prices), found))


def _workload(name: str, operation: str, run: Callable[[Job], Result], requires: set[str], **parameters: Any) -> Workload:
    return Workload(name, operation, run, frozenset(requires), parameters, needs_feed=False, paced=True)


def _series_workload(name: str) -> Workload:
    return _workload(name, "price", lambda job: _run_series(job, name, 1), {name, "series"}, prices=100_000)


def _run_batch(job: Job) -> Result:
    return _run_series(job, job.parameters["indicator"], job.parameters["symbols"])


_LIST = [
    *(_series_workload(name) for name in ("sum", "sma", "ema", "rsi", "macd", "bollinger")),
    _workload("batch", "price", _run_batch, {"batch"}, indicator="rsi", prices=12_500, symbols=_SYMBOLS),
    _workload("imbalance", "book", _run_imbalance, {"imbalance"}, levels=100),
    _workload("pipeline", "window", run_pipeline, {"pipeline"}, prices=1_000, levels=100),
    _workload("pipeline_timed", "window", run_pipeline_timed, {"pipeline", "compiled"}, prices=1_000, levels=100),
    _workload("tick", "tick", run_tick, {"tick"}, prices=10_000, levels=100),
    _workload("tick_timed", "tick", run_tick_timed, {"tick"}, prices=10_000, levels=100),
    _workload("call", "call", _run_call, {"call"}, prices=1_000),
]
WORKLOADS = {one.name: one for one in _LIST}
