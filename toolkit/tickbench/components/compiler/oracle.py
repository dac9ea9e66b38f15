"""Is it right? Every loop against a model in plain Python that shares nothing with it: dicts, the textbook RSI, `struct`.

Book and orders are compared exactly. RSI may differ by TOLERANCE: a compiler that may contract to FMA, or with fastmath
reorder, rounds differently (by some 1e-14 here), and the model divides by the period where the loops multiply.
"""

import math
import struct
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tickbench.components.compiler import contract
from tickbench.components.compiler.bench import Bench
from tickbench.components.component import MarketFeed, Verification
from tickbench.components.shared.digest import digest_of
from tickbench.registry import Variant

TOLERANCE = 1e-9  # of RSI values, which lie between 0 and 100
NULL = Verification(True, 0, "the null variant has no answer to check")
_SEED = 7
_SIZES = (0, 1, 2, contract.PERIOD, contract.PERIOD + 1, 3_000)


def check(bench: Bench) -> Verification:
    """Compare what the last call returned, wrote and left in its state with the model."""
    loop, n = bench.loop, len(bench.inputs)
    expected, expected_return = MODELS[loop](bench.inputs)
    wrong = _rsi_differs(expected, bench.outputs) if loop == "rsi" else (expected != bench.outputs).any(axis=1)
    problem = ""
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        seen = bench.outputs.view(expected.dtype)[i]
        problem = f"output {i}: {expected[i].tolist()} expected, {seen.tolist()} seen"
    elif bench.returned != expected_return * bench.calls:
        problem = f"{bench.calls} calls returned {bench.returned}, {expected_return} each expected"
    elif loop == "book_update":
        problem = _book_differs(bench.inputs, bench.state.array)
    if problem:
        return Verification(False, n, f"{loop} of {n} inputs: {problem}")
    return Verification(True, n, f"{n} outputs of {loop} equal the model's")


def verify(variant: Variant, _feed: MarketFeed | None) -> Verification:
    """Run every loop on short, long, flat and one-sided inputs."""
    if variant.null:
        return NULL
    loops, checks = variant.build(None), 0
    for loop in contract.LOOPS:
        function = loops.find(loop)
        for inputs in _cases(loop):
            bench = Bench(loop, function, inputs)
            bench.call()
            found = check(bench)
            if not found.passed:
                return found
            checks += found.checks
    return Verification(True, checks, f"{checks} outputs equal the model's", _digest())


@cache
def _digest() -> str:
    """Of all inputs, and of the outputs and the answer that the model gives for each."""
    told: list[object] = []
    for loop in contract.LOOPS:
        for inputs in _cases(loop):
            told += [inputs, *MODELS[loop](inputs)]
    return digest_of(told)


def _cases(loop: str) -> list[NDArray[Any]]:
    cases = [contract.make_inputs(loop, _SEED, n) for n in _SIZES]
    if loop == "rsi":
        cases += [np.full(100, 5.0), np.arange(100.0), np.arange(100.0)[::-1]]
    if loop == "book_update":
        cases.append(
            np.array([[side, price, 1] for side in (0, 1) for price in (*range(1, 80), *range(79, 0, -1))], dtype=np.int64)
        )
    return cases


def model_book(updates: NDArray[np.int64]) -> tuple[NDArray[np.int64], int, list[dict[int, int]]]:
    """Answers [n, 2], the number that changed the best level, and the levels of both sides (price to quantity)."""
    sides: list[dict[int, int]] = [{}, {}]
    answers = np.empty((len(updates), 2), dtype=np.int64)
    for i, (side, price, quantity) in enumerate(updates.tolist()):
        levels, best_of, worst_of = sides[side], (min if side else max), (max if side else min)
        better = sum(one < price if side else one > price for one in levels)
        position = better
        if quantity == 0:
            if levels.pop(price, None) is None:
                position = -1
        elif price in levels or len(levels) < contract.LEVELS:
            levels[price] = quantity
        elif better < contract.LEVELS:
            del levels[worst_of(levels)]
            levels[price] = quantity
        else:
            position = -1
        answers[i] = position, best_of(levels, default=-1)
    return answers, int((answers[:, 0] == 0).sum()), sides


def model_rsi(prices: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Wilder's RSI as the textbook has it, 100 - 100 / (1 + gain / loss); 0 where nothing moved: float64 [n, 1]."""
    period, changes = contract.PERIOD, np.diff(prices).tolist()
    values = np.full((len(prices), 1), math.nan)
    ups, downs = [max(one, 0.0) for one in changes], [max(-one, 0.0) for one in changes]
    gain, loss = math.fsum(ups[:period]) / period, math.fsum(downs[:period]) / period
    for i in range(period, len(prices)):
        if i > period:
            gain = (gain * (period - 1) + ups[i - 1]) / period
            loss = (loss * (period - 1) + downs[i - 1]) / period
        if loss == 0:
            values[i] = 100.0 if gain > 0 else 0.0
        else:
            values[i] = 100 - 100 / (1 + gain / loss)
    return values, max(len(prices) - period, 0)


def model_orders(rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """The frames, packed field by field with `struct`, as int64 [n, FRAME_WORDS], and how many are valid."""
    header = (contract.BODY_BYTES, contract.TEMPLATE, contract.SCHEMA, contract.VERSION)
    frames = bytearray()
    for identity, symbol, side, quantity, price_bits, time_ns in rows.view(np.uint64).tolist():
        if side > 1:
            frames += bytes(contract.FRAME_BYTES)
            continue
        (price,) = struct.unpack("<d", struct.pack("<Q", price_bits))
        frames += struct.pack("<4HQQdQQB15x", *header, identity, quantity, price, time_ns, symbol, side)
    return np.frombuffer(bytes(frames), dtype=np.int64).reshape(-1, contract.FRAME_WORDS), int((rows[:, 2] < 2).sum())


MODELS: dict[str, Callable[[NDArray[Any]], tuple[NDArray[Any], int]]] = {
    "book_update": lambda rows: model_book(rows)[:2],
    "rsi": model_rsi,
    "order_encode": model_orders,
}


def _rsi_differs(expected: NDArray[np.float64], outputs: NDArray[np.int64]) -> NDArray[np.bool_]:
    seen = outputs.view(np.float64)
    return ~np.isclose(seen, expected, rtol=0, atol=TOLERANCE, equal_nan=True)[:, 0]


def _book_differs(updates: NDArray[np.int64], words: NDArray[np.int64]) -> str:
    """What is wrong with the levels that the loop left behind; empty if nothing is."""
    for side, levels in enumerate(model_book(updates)[2]):
        count, sign, begin = len(levels), (1 if side else -1), side * contract.LEVELS
        expected = sorted((sign * price, quantity) for price, quantity in levels.items())
        keys = words[contract.KEYS + begin :][:count].tolist()
        seen = list(zip(keys, words[contract.QUANTITIES + begin :][:count].tolist(), strict=True))
        if words[side] != count or seen != expected:
            return f"side {side}: levels (key, quantity) {expected} expected, {words[side]} levels {seen} seen"
    return ""
