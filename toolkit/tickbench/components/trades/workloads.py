"""How questions are put to a store of trades: whole passes over a block, timed in batches; one trade is one operation.

Every workload adds counters on the cache: hardware counters of one pass where the machine has them, else a model of it
(names begin with `model_`, see cache_model) for compiled stores, whose layout is known.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tickbench.components.component import Job, Result, Verification, Workload
from tickbench.components.shared.timing import batch_result, time_loop
from tickbench.components.trades import oracle
from tickbench.components.trades.cache_model import simulate
from tickbench.components.trades.contract import FIELDS, Columns, NativeTrades, make_trades, threshold_for
from tickbench.components.trades.drivers import drive_filter, drive_full_record, drive_mean, drive_window_sum
from tickbench.components.trades.hardware_counters import count_cache_reads
from tickbench.errors import InputError


@dataclass
class _Question:
    """One workload's question to one store: `passes(k)` asks k times, `check()` compares one more answer and what is left."""

    operations: int  # trades a pass
    passes: Callable[[int], object]
    check: Callable[[], Verification]
    fields: tuple[str, ...]  # that a pass reads of each trade, in this order
    positions: NDArray[np.int32] | int  # which trades, for the cache model


def _answer(right: bool, what: str, expected: object, seen: object) -> Verification:
    return Verification(right, 1, f"{what} is right" if right else f"{what}: {expected!r} expected, {seen!r} seen")


def _again(call: Callable[[], object]) -> Callable[[int], object]:
    """A loop in Python around one call."""

    def passes(count: int) -> object:
        answer = None
        for _ in range(count):
            answer = call()
        return answer

    return passes


def _run(job: Job, ask: Callable[[Job, Any, Columns], _Question]) -> Result:
    n = int(job.parameters["trades"])
    if n < 1:
        raise InputError(f"trades: parameters.trades is {n}: at least 1 is needed")
    columns = make_trades(job.seed, n, str(job.parameters.get("order", "random")))
    store = job.variant.build(columns)
    question = ask(job, store, columns)
    batches = time_loop(job, question.passes, question.operations)
    if job.variant.null:
        return batch_result(batches, oracle.NULL_PASSES)
    counters, note = count_cache_reads(lambda: question.passes(1))
    if not counters and isinstance(store, NativeTrades):
        counters = _modelled(store, question)
    checked = question.check()
    detail = f"{checked.detail}; {note}" if note else checked.detail
    return batch_result(batches, Verification(checked.passed, checked.checks, detail), **counters)


def _modelled(store: NativeTrades, question: _Question) -> dict[str, float]:
    fields = [FIELDS.index(name) for name in question.fields]
    offsets, strides = ([of[field] for field in fields] for of in (store.layout.offset_bytes, store.layout.stride_bytes))
    return simulate(offsets, strides, question.positions).counters(question.operations)


def _mean_price(_job: Job, store: Any, columns: Columns) -> _Question:
    n = len(columns)
    if isinstance(store, NativeTrades):
        passes: Any = lambda count: drive_mean(store.mean_price, store.block.address, 0, n, count)  # noqa: E731
    else:
        passes = _again(lambda: store.mean_price(0, n))

    def check() -> Verification:
        seen, expected = oracle.ask_mean(store, 0, n), oracle.expected_mean(columns, 0, n)
        return _answer(oracle.close(seen, expected, n), f"the mean of {n} prices", expected, seen)

    return _Question(n, passes, check, ("price",), n)


def _vwap(_job: Job, store: Any, columns: Columns) -> _Question:
    n = len(columns)
    if isinstance(store, NativeTrades):
        passes: Any = lambda count: drive_mean(store.vwap, store.block.address, 0, n, count)  # noqa: E731
    else:
        passes = _again(lambda: store.vwap(0, n))

    def check() -> Verification:
        seen, expected = oracle.ask_vwap(store, 0, n), oracle.expected_vwap(columns, 0, n)
        return _answer(oracle.close(seen, expected, n), f"the VWAP of {n} trades", expected, seen)

    return _Question(n, passes, check, ("price", "quantity"), n)


def _filter(job: Job, store: Any, columns: Columns) -> _Question:
    n, percent = len(columns), float(job.parameters["selectivity_percent"])
    if not 0 <= percent <= 100:
        raise InputError(f"trades: parameters.selectivity_percent is {percent}: it must be 0 to 100")
    threshold = threshold_for(columns.price, percent)
    out = np.zeros(n, dtype=np.int32)
    if isinstance(store, NativeTrades):
        address, out_address = store.block.address, out.ctypes.data
        passes: Any = lambda count: drive_filter(store.filter, address, 0, n, threshold, out_address, count)  # noqa: E731
    else:
        passes = _again(lambda: store.filter(0, n, threshold))

    def check() -> Verification:
        expected = oracle.expected_filter(columns, 0, n, threshold)
        seen, intact = oracle.ask_filter(store, 0, n, threshold)
        left_right = not isinstance(store, NativeTrades) or np.array_equal(out[: len(expected)], expected)
        right = intact and left_right and np.array_equal(seen, expected)
        return _answer(right, f"the filter of {n} trades", f"{len(expected)} positions", f"{len(seen)}, or wrong ones")

    return _Question(n, passes, check, ("price",), n)


def _window_sum(job: Job, store: Any, columns: Columns) -> _Question:
    n, percent = len(columns), float(job.parameters["window_percent"])
    from_ns, until_ns = (int(np.percentile(columns.timestamp, 50 + side * percent / 2)) for side in (-1, 1))
    if isinstance(store, NativeTrades):
        state = store.block.address
        passes: Any = lambda count: drive_window_sum(store.window_sum, state, 0, n, from_ns, until_ns, count)  # noqa: E731
    else:
        passes = _again(lambda: store.window_sum(0, n, from_ns, until_ns))

    def check() -> Verification:
        expected = oracle.expected_window(columns, 0, n, from_ns, until_ns)
        seen = oracle.ask_window(store, 0, n, from_ns, until_ns)
        return _answer(seen == expected, f"the lots in the window of {n} trades", expected, seen)

    return _Question(n, passes, check, ("timestamp", "quantity"), n)


def _full_record(job: Job, store: Any, columns: Columns) -> _Question:
    reads = int(job.parameters["reads"])
    positions = np.random.default_rng(job.seed + 1).integers(0, len(columns), reads).astype(np.int32)
    if isinstance(store, NativeTrades):
        state, where = store.block.address, positions.ctypes.data
        passes: Any = lambda count: drive_full_record(store.full_record, state, where, reads, count)  # noqa: E731
    else:
        passes = _again(lambda: store.full_record(positions))

    def check() -> Verification:
        seen, expected = oracle.ask_records(store, positions), oracle.expected_records(columns, positions)
        return _answer(seen == expected, f"the checksum of {reads} records", expected, seen)

    return _Question(reads, passes, check, FIELDS, positions)


def _workload(name: str, ask: Callable[[Job, Any, Columns], _Question], **parameters: Any) -> Workload:
    parameters = {"trades": 1_000_000, **parameters}
    return Workload(name, "trade", lambda job: _run(job, ask), parameters=parameters, needs_feed=False, paced=True)


WORKLOADS = {
    one.name: one
    for one in (
        _workload("mean_price", _mean_price),
        _workload("vwap", _vwap),
        _workload("filter", _filter, selectivity_percent=50.0, order="random"),
        _workload("window_sum", _window_sum, window_percent=50.0),
        _workload("full_record", _full_record, reads=65_536),
    )
}
