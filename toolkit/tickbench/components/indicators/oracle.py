"""The oracle: every operation of a variant against the model, on friendly and on adversarial prices."""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tickbench.components.component import MarketFeed, Verification
from tickbench.components.indicators import contract, inputs, model
from tickbench.components.indicators.contract import Indicators
from tickbench.components.indicators.drivers import call_series, drive_imbalance, drive_pipeline, drive_ticks
from tickbench.components.shared.digest import digest_of
from tickbench.registry import Variant

Array = NDArray[np.float64]

RELATIVE = 1e-9
_RSI_ABSOLUTE = 1e-10  # an RSI near 0 is a difference of two nearly equal sums, on a scale of 100
_LENGTHS = (0, 1, 2, *range(12, 56), 64, 100, 101, 255, 600)  # every lookback and its neighbours, every rest of 8
_MOST, _NAN_AT, _JUMP_AT, _STOP_AT = 600, 203, 300, 60
_NULL = Verification(True, 0, "the null variant has no answer to check")
LEVELS = (0, 1, 4, 7, 8, 20, 33, 64, 100, 1000)


@cache
def cases() -> dict[str, Array]:
    """Named price series of _MOST prices each."""
    walk, noise = inputs.walk(7, _MOST), np.random.default_rng(8).normal(0, 1e-3, _MOST)
    i = np.arange(_MOST)
    hole, jump = walk.copy(), walk.copy()
    hole[_NAN_AT] = np.nan
    jump[_JUMP_AT:] *= 1_000
    return {
        "walk": walk,
        "constant": np.full(_MOST, 101.13),
        "rising": 50 + 0.01 * i,
        "falling": 50 - 0.01 * i,
        "alternating": 10.0 + i % 2,
        "stopping": np.where(i < _STOP_AT, walk, walk[_STOP_AT]),  # the averages of RSI decay, their ratio stays
        "jump": jump,
        "nan": hole,
        "offset": 1e9 + noise,
    }


@cache
def _expected(case: str, operation: str) -> Any:
    return model.SERIES[operation](cases()[case])


def run_series(indicators: Indicators, operation: str, prices: Array) -> Array:
    """The rows that the variant gives for one series; with many lanes, those of the last symbol, beside other symbols."""
    rows, n, lanes = contract.ROWS[operation], len(prices), indicators.lanes
    if operation in indicators.functions:
        return np.array(indicators.functions[operation](indicators.as_prices(prices)), dtype=float).reshape(rows, n)
    symbols = np.stack([prices * (lane + 1) / lanes for lane in range(lanes)], axis=1)
    fed, out = inputs.aligned((n, lanes), symbols), inputs.aligned((rows, n, lanes), -1.0)
    call_series(indicators.kernels[operation], fed.ctypes.data, n, out.ctypes.data)
    return np.asarray(out[:, :, -1])


def difference(operation: str, seen: Any, expected: Any, prices: Array, capabilities: frozenset[str]) -> str:
    """The first output that is not what the model says, in words; empty where all are.

    Of the prices only those before the first NaN set the scale of rounding errors.
    """
    seen, expected = np.atleast_2d(seen), np.atleast_2d(expected)
    if seen.shape != expected.shape:
        return f"{expected.shape} outputs expected, {seen.shape} seen"
    with np.errstate(invalid="ignore"):
        wrong = ~(np.abs(seen - expected) <= _allowed(operation, expected, prices, capabilities))
    wrong &= ~(np.isnan(seen) & np.isnan(expected))
    gaps = np.flatnonzero(np.isnan(prices))
    if len(gaps) and "nan" not in capabilities:
        wrong[:, gaps[0] :] = False
    elif len(gaps) and "recovers" not in capabilities:
        wrong[:, gaps[0] :] &= ~np.isnan(seen[:, gaps[0] :])  # rolling sums stay NaN
    if not wrong.any():
        return ""
    row, at = (int(one) for one in np.argwhere(wrong)[0])
    return f"row {row}, output {at}: {float(expected[row, at])!r} expected, {float(seen[row, at])!r} seen"


def _allowed(operation: str, expected: Any, prices: Array, capabilities: frozenset[str]) -> Any:
    """How far each output may be off."""
    if operation == "rsi":
        return RELATIVE * np.abs(expected) + _RSI_ABSOLUTE
    scale = np.nanmax(np.abs(prices), initial=0.0)
    rounding = contract.ROUNDING_ULPS * np.finfo(float).eps * scale
    return rounding if "stable" in capabilities else RELATIVE * np.abs(expected) + rounding


def _check_series(indicators: Indicators, capabilities: frozenset[str]) -> Iterator[str]:
    for operation in sorted(model.SERIES.keys() & capabilities):
        for case, prices in cases().items():
            if case in ("offset", "jump") and "stable" not in capabilities and operation in ("bollinger", "macd"):
                continue  # E[x²] - E[x]² has no digits left there, and nobody claims it
            for n in _LENGTHS:
                seen = run_series(indicators, operation, prices[:n])
                found = difference(operation, seen, _expected(case, operation)[:, :n], prices[:n], capabilities)
                yield found and f"{operation} of the first {n} prices of {case!r}: {found}"


def _check_sum(indicators: Indicators) -> Iterator[str]:
    for n in _LENGTHS:
        prices = cases()["walk"][:n]
        seen = sum_of(indicators, prices)
        expected = float(prices.astype(model.Extended).sum())
        yield "" if abs(seen - expected) <= RELATIVE * abs(expected) else f"sum of {n}: {expected} expected, {seen} seen"


def sum_of(indicators: Indicators, prices: Array) -> float:
    """The variant's sum."""
    if "sum" in indicators.functions:
        return float(indicators.functions["sum"](indicators.as_prices(prices)))
    fed, out = inputs.aligned(len(prices), prices), inputs.aligned(1)
    call_series(indicators.kernels["sum"], fed.ctypes.data, len(prices), out.ctypes.data)
    return float(out[0])


def imbalance_of(indicators: Indicators, quantities: Array) -> float:
    """The variant's imbalance of one book, shape (2, levels)."""
    if "imbalance" in indicators.functions:
        return float(indicators.functions["imbalance"](*(indicators.as_prices(side) for side in quantities)))
    fed, out = inputs.aligned(quantities.shape, quantities), inputs.aligned(1)
    drive_imbalance(indicators.kernels["imbalance"], fed.ctypes.data, 1, quantities.shape[1], out.ctypes.data, 1)
    return float(out[0])


def _check_imbalance(indicators: Indicators) -> Iterator[str]:
    for levels in LEVELS:
        random = inputs.books(levels, 1, levels)[0]
        for quantities in (random, random * [[1], [0]], random * 0, random * [[1], [1e9]]):
            seen, expected = imbalance_of(indicators, quantities), model.imbalance(*quantities)
            yield "" if abs(seen - expected) <= RELATIVE else f"imbalance of {levels}: {expected} expected, {seen} seen"


def run_pipeline(indicators: Indicators, prices: Array, quantities: Array) -> tuple[Array, float, float]:
    """The variant's pipeline over one window and one book."""
    if "pipeline" in indicators.functions:
        fed = [indicators.as_prices(one) for one in (prices, *quantities)]
        rows, of_book, score = indicators.functions["pipeline"](*fed)
        return np.array(rows, dtype=float), of_book, score
    n, levels = len(prices), quantities.shape[1]
    window, book = inputs.aligned(n, prices), inputs.aligned(quantities.shape, quantities)
    out = inputs.aligned(len(contract.PIPELINE_ROWS) * n + 2, -7.0)
    operation = indicators.kernels["pipeline"]
    drive_pipeline(operation, window.ctypes.data, n, book.ctypes.data, 1, levels, out.ctypes.data, 1)
    return split_pipeline(out, n)


def split_pipeline(out: Array, n: int) -> tuple[Array, float, float]:
    """Rows, imbalance and score from what a compiled pipeline wrote."""
    return out[:-2].reshape(-1, n), float(out[-2]), float(out[-1])


def pipeline_difference(seen: tuple[Any, float, float], expected: tuple[Any, float, float], prices: Array) -> str:
    """The first difference of a pipeline's answer, in words."""
    for row, (name, line) in enumerate(zip(contract.PIPELINE_ROWS, expected[0], strict=True)):
        kind = "rsi" if name == "rsi" else "prices"
        if found := difference(kind, seen[0][row], line, prices, frozenset()):
            return f"{name}: {found}"
    for name, a, b in zip(("imbalance", "score"), seen[1:], expected[1:], strict=True):
        if not (abs(a - b) <= RELATIVE or (np.isnan(a) and np.isnan(b))):
            return f"{name}: {b} expected, {a} seen"
    return ""


def _check_pipeline(indicators: Indicators) -> Iterator[str]:
    for n, levels in ((40, 3), (600, 100), (10, 8)):
        prices, quantities = cases()["walk"][:n], inputs.books(n, 1, levels)[0]
        expected = model.pipeline(prices, *quantities)
        yield pipeline_difference(run_pipeline(indicators, prices, quantities), expected, prices)


def run_ticks(indicators: Indicators, prices: Array, quantities: Array) -> Array:
    """What the variant says after each tick: shape (PIPELINE_VALUES, n)."""
    assert indicators.new_state is not None
    state, n = indicators.new_state(), len(prices)
    fed, book, out = inputs.aligned(n, prices), inputs.aligned(quantities.shape, quantities), inputs.aligned((n, 10), -7.0)
    books, _, levels = quantities.shape
    operation, step = indicators.kernels["tick"], contract.PIPELINE_VALUES
    drive_ticks(operation, state.address, fed.ctypes.data, n, book.ctypes.data, books, levels, out.ctypes.data, step, 1)
    return out.T


def _check_ticks(indicators: Indicators, capabilities: frozenset[str]) -> Iterator[str]:
    quantities = inputs.books(3, 1, 100)
    for case, prices in cases().items():
        seen = run_ticks(indicators, prices, quantities)
        first = 0
        for operation in ("ema", "rsi", "macd", "bollinger"):
            expected = _expected(case, operation)
            rows = seen[first : first + len(expected)]
            first += len(expected)
            yield (found := difference(operation, rows, expected, prices, capabilities)) and f"{operation} of {case!r}: {found}"
        expected_end = model.pipeline(prices, *quantities[0])[1:]
        off = np.abs(seen[-2:, -1] - expected_end)
        allowed = RELATIVE if case != "offset" else 1e-3  # of the score: the SMA has 1e-4 of the noise left
        yield "" if (off <= allowed).all() or case == "nan" else f"{case!r}: {expected_end} expected, {seen[-2:, -1]} seen"


def verify(variant: Variant, _feed: MarketFeed | None) -> Verification:
    """Check every operation that the variant's capabilities name."""
    if variant.null:
        return _NULL
    indicators, has, checks = variant.build(None), variant.capabilities, 0
    parts: dict[str, Callable[[], Iterator[str]]] = {
        "sum": lambda: _check_sum(indicators),
        "imbalance": lambda: _check_imbalance(indicators),
        "pipeline": lambda: _check_pipeline(indicators),
        "tick": lambda: _check_ticks(indicators, has),
        "call": lambda: _check_call(indicators),
    }
    found = [_check_series(indicators, has), *(part() for name, part in parts.items() if name in has)]
    for part in found:
        for detail in part:
            checks += 1
            if detail:
                return Verification(False, checks, detail)
    return Verification(checks > 0, checks, f"{checks} answers agree with the model", _digest() if checks else "")


@cache
def _digest() -> str:
    """Of the prices and of the model's answers to them, rounded to binary64.

    All of them, though few variants are asked for every indicator: there is none that all have.
    """
    answers = [_expected(case, operation) for case in cases() for operation in model.SERIES]
    books = [inputs.books(levels, 1, levels)[0] for levels in LEVELS]
    imbalances = [model.imbalance(*book) for book in books]
    return digest_of([*cases().values(), *(np.asarray(one, dtype=np.float64) for one in answers), *books, imbalances])


def _check_call(indicators: Indicators) -> Iterator[str]:
    assert indicators.rsi_of is not None
    prices = cases()["walk"]
    yield difference("rsi", indicators.rsi_of(prices), _expected("walk", "rsi"), prices, frozenset())
