"""What a position map must get right before it is timed: single steps by a script, and real threads by an order they leave.

With threads the result of an average-cost method depends on the order of the fills. So a symbol first goes far long and then
is only sold: its quantity falls with every fill, through zero into a short position, and the quantity that a fill returns
tells its place. The fills, sorted by it, must follow on one another without a gap; replayed through the model they must give
the answers and the end of the map, and each read must be a state of that replay, never older than what its thread has seen.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tickbench.components.component import MarketFeed, Verification
from tickbench.components.positions.accounting import MAX_LOTS, MAX_MONEY_LOT_TICKS, MAX_PRICE_TICKS
from tickbench.components.positions.contract import FILL, FULL, READ, REJECTED, MapConfig, NativePositions, Position
from tickbench.components.positions.model import Model, fill_position
from tickbench.components.positions.script import symbol_codes
from tickbench.components.shared.digest import digest_of
from tickbench.components.shared.threads import run_together
from tickbench.kernels.atomics import fetch_add_release, load_acquire, load_plain, store_plain
from tickbench.kernels.jit import kernel
from tickbench.kernels.system import yield_core
from tickbench.registry import Variant

_SYMBOLS, _STEPS = 16, 4_000
_THREADS, _ROUNDS, _PYTHON_ROUNDS = 2, 20_000, 500
_SPIN_LOOKS = 1_000


def verify(variant: Variant, _feed: MarketFeed | None) -> Verification:
    """Steps against the model, edges of the bounds, and an order of concurrent fills that explains all answers."""
    if variant.null:
        return Verification(True, 0, "the null variant has no answer to check")
    positions = variant.build(MapConfig(_SYMBOLS))
    checks = 0
    for part in (edge_difference, step_difference):
        done, difference = part(positions)
        checks += done
        if difference:
            return Verification(False, checks, difference)
    rounds = _ROUNDS if isinstance(positions, NativePositions) else _PYTHON_ROUNDS
    done, difference = concurrent_difference(variant.build(MapConfig(_SYMBOLS)), _THREADS, rounds)
    if difference:
        return Verification(False, checks + done, difference)
    return Verification(True, checks + done, f"{checks + done} answers as the model gives them", _digest())


@cache
def _digest() -> str:
    """Of the steps and of the model's answers; the threads' fills are left out: Python variants are asked for fewer."""
    told: list[int] = []
    for steps in (_edge_steps(), _random_steps()):
        model = Model()
        for symbol, lots, price in steps:
            told += [symbol, lots, price, model.fill(symbol, lots, price), *model.read(symbol)]
    return digest_of([np.array(told, dtype=np.int64)])


def step_difference(positions: Any) -> tuple[int, str]:
    """Random fills of all sizes, each answer and each position compared with the model: (checks, difference)."""
    model = Model()
    for step in _random_steps():
        if difference := _one_step(positions, model, *step):
            return _STEPS, difference
    return _STEPS, ""


def _random_steps(seed: int = 7) -> Iterator[tuple[int, int, int]]:
    """Symbol, lots and price of each fill; the model tells which lots make a symbol flat."""
    rng, model = np.random.default_rng(seed), Model()
    symbols = [int(code) for code in symbol_codes(seed, _SYMBOLS - 3)]
    for _ in range(_STEPS):
        symbol = symbols[rng.integers(len(symbols))]
        most = (10, 1_000, MAX_LOTS)[rng.integers(3)] if rng.random() < 0.9 else 2 * MAX_LOTS
        lots = int(rng.integers(-most, most + 1))
        price = int(rng.integers(1, (100, 100_000)[rng.integers(2)]))
        held = model.read(symbol).quantity_lots
        if rng.random() < 0.2 and held:
            lots = -held  # exactly flat
        model.fill(symbol, lots, price)
        yield symbol, lots, price


def _one_step(positions: Any, model: Model, symbol: int, lots: int, price: int) -> str:
    before = model.read(symbol)
    expected, answer = model.fill(symbol, lots, price), positions.fill(symbol, lots, price)
    seen = positions.read(symbol)
    if answer == expected and seen == model.read(symbol):
        return ""
    return (
        f"fill of {lots} lots at {price} ticks on {before}: answer {expected} and {model.read(symbol)} expected, "
        f"{answer} and {seen} seen"
    )


def edge_difference(positions: Any) -> tuple[int, str]:
    """What lies at the bounds and beyond, on symbols of its own: (checks, difference)."""
    model, steps = Model(), _edge_steps()
    for step in steps:
        if difference := _one_step(positions, model, *step):
            return len(steps), difference
    return len(steps), ""


def _edge_steps() -> list[tuple[int, int, int]]:
    """Symbol, lots and price of each fill."""
    first, second, third = -1, 1 << 62, 1  # words of any sign are symbols
    half_price = MAX_MONEY_LOT_TICKS // MAX_LOTS
    return [
        (0, 1, 1), (first, 0, 1), (first, 1, 0), (first, 1, -1), (first, 1, MAX_PRICE_TICKS + 1), (first, MAX_LOTS + 1, 1),
        (first, -MAX_LOTS - 1, 1), (first, -(1 << 63), 1), (first, 1, 1 << 62),
        (first, MAX_LOTS, 1), (first, 1, 1), (first, -MAX_LOTS, MAX_PRICE_TICKS), (first, -MAX_LOTS, half_price),
        (second, -MAX_LOTS, half_price), (second, -1, 1), (second, 1, MAX_PRICE_TICKS), (second, 2, 1), (second, MAX_LOTS, 1),
        (third, 1 << 17, 1 << 30), (third, (1 << 17) - 1, 1 << 30), (third, 1, (1 << 30) - 1), (third, -3, 7), (third, -1, 1),
    ]  # fmt: skip  # a symbol a group


def capacity_difference(positions: Any, symbols: NDArray[np.int64], most_cells: int) -> str:
    """All announced symbols fit; with ever more of them the map answers FULL, and keeps what it has."""
    for symbol in symbols.tolist():
        if positions.fill(symbol, 1, 5) != 1:
            return f"symbol {symbol} of {len(symbols)} announced was not taken"
    answers = [positions.fill(1_000_000 + k, 1, 5) for k in range(most_cells + 1)]
    if FULL not in answers or any(answer not in (1, FULL) for answer in answers):
        return "a map that is full takes more symbols, or answers with another code"
    if positions.fill(0, 1, 5) != REJECTED:
        return "symbol 0 was not rejected"
    kept = [positions.read(symbol) for symbol in symbols.tolist()]
    return "" if all(one == Position(1, 5, 0) for one in kept) else "a symbol was lost when the map was full"


@dataclass(frozen=True)
class Recorded:
    """What a thread saw of one symbol: rows of lots, price, answer for fills; 0, then position for reads."""

    rows: NDArray[np.int64]  # int64 [n, 4]: (lots, price, answer, 0) or (0, quantity, cost, realised)


@kernel(f"void(pointer[{FILL}], pointer[{READ}], int64, int64, int64[:, ::1], int64[::1], int64, int64)")
def _record(fill, read, state, symbol, rows, control, index, threads):
    """Do the fills and reads of `rows` in their order, and write down what came of each."""
    fetch_add_release(control, index, 1)  # arrives: pairs with the acquire below
    looks = 0
    while load_acquire(control, index) < threads:
        looks += 1
        if looks % _SPIN_LOOKS == 0:
            yield_core()
    base = np.int64(rows.ctypes.data)
    for i in range(len(rows)):
        row = base + 32 * i
        lots = load_plain(row, 0)
        if lots == 0:
            read(state, symbol, row + 8)
        else:
            store_plain(row, 2, fill(state, symbol, lots, load_plain(row, 1)))


def _record_python(positions: Any, symbol: int, rows: NDArray[np.int64], barrier: threading.Barrier) -> None:
    barrier.wait()
    for row in rows:
        if row[0] == 0:
            row[1:] = positions.read(symbol)
        else:
            row[2] = positions.fill(symbol, int(row[0]), int(row[1]))


def record_concurrently(positions: Any, symbol: int, scripts: list[NDArray[np.int64]]) -> None:
    """Let each script have a thread of its own; they start together and write their answers into their rows."""
    control, barrier = np.zeros(1, dtype=np.int64), threading.Barrier(len(scripts))

    def native(rows: NDArray[np.int64]) -> None:
        _record(positions.fill_kernel, positions.read_kernel, positions.state, symbol, rows, control, 0, len(scripts))

    def python(rows: NDArray[np.int64]) -> None:
        _record_python(positions, symbol, rows, barrier)

    one = native if isinstance(positions, NativePositions) else python
    run_together([lambda rows=rows: one(rows) for rows in scripts], barrier.abort)  # type: ignore[misc]


def selling_scripts(seed: int, threads: int, rounds: int) -> tuple[list[NDArray[np.int64]], int]:
    """Rows of sales and reads for each thread, and how many lots must be held before, so that half-way they are crossed."""
    rng = np.random.default_rng(seed)
    scripts: list[NDArray[np.int64]] = []
    for _ in range(threads):
        rows = np.zeros((rounds, 4), dtype=np.int64)
        sales = rng.random(rounds) < 0.7
        rows[sales, 0] = -rng.integers(1, 8, int(sales.sum()))
        rows[sales, 1] = rng.integers(1_000, 2_000, int(sales.sum()))
        scripts.append(rows)
    return scripts, -sum(int(rows[:, 0].sum()) for rows in scripts) // 2


def concurrent_difference(positions: Any, threads: int, rounds: int, seed: int = 3) -> tuple[int, str]:
    """Fills and reads of one symbol by real threads: (checks, the first thing that no order of the fills explains)."""
    symbol = int(symbol_codes(seed, 1)[0])
    scripts, start_lots = selling_scripts(seed, threads, rounds)
    start = Position(start_lots, 1_500 * start_lots, 0)
    if positions.fill(symbol, start_lots, 1_500) != start_lots:
        return 1, f"the first fill of {start_lots} lots was not accounted"
    record_concurrently(positions, symbol, scripts)
    difference = order_difference(start, scripts, positions.read(symbol))
    return threads * rounds, difference


def order_difference(start: Position, scripts: list[NDArray[np.int64]], end: Position) -> str:
    """Replay the sales in the order that their answers tell; the first contradiction in words, empty if there is none."""
    fills = sorted((row.tolist() for rows in scripts for row in rows if row[0] != 0), key=lambda row: -row[2])
    states, now = {start.quantity_lots: start}, start
    for lots, price, answer, _ in fills:
        if now.quantity_lots + lots != answer:
            return f"a fill of {lots} lots answered {answer}, but {now.quantity_lots} were held before it: a fill was lost"
        now = fill_position(now, lots, price)
        states[answer] = now
    if now != end:
        return f"after all fills in the order of their answers {now} expected, {end} seen"
    for thread, rows in enumerate(scripts):
        newest = start.quantity_lots
        for lots, first, second, third in rows.tolist():
            quantity = second if lots else first
            if quantity > newest:
                return f"thread {thread} saw {quantity} lots after it had seen {newest}: it went back"
            newest = quantity
            if lots == 0 and states.get(first) != (first, second, third):
                return f"thread {thread} read {Position(first, second, third)}: no fill left that, {states.get(first)} was"
    return ""
