"""Position maps under real threads: no fill lost, no read of two fills, symbols claimed once.

Acceptable: a read that is older than a fill in flight on another thread. Forbidden: everything that `order_difference` names.
"""

import os

import numpy as np
import pytest

from tickbench.components.positions import oracle
from tickbench.components.positions.contract import FILL, MapConfig, NativePositions, Position
from tickbench.components.positions.script import symbol_codes
from tickbench.components.shared.threads import run_together
from tickbench.kernels.atomics import fetch_add_release, load_acquire
from tickbench.kernels.jit import kernel
from tickbench.kernels.system import yield_core
from tickbench.registry import discover


@kernel(f"void(pointer[{FILL}], int64, int64[::1], int64, int64[::1], int64)")
def _fill_all(fill, state, symbols, lots, control, threads):
    """Fill each symbol once, together with the other threads."""
    fetch_add_release(control, 0, 1)  # arrives: pairs with the acquire below
    while load_acquire(control, 0) < threads:
        yield_core()
    for symbol in symbols:
        fill(state, symbol, lots, 7)


EFFORT = int(os.environ.get("TICKBENCH_STRESS", "1"))
MAPS = [one for one in discover("positions")[0] if not one.null and one.runtime == "native"]
every_map = pytest.mark.parametrize("variant", MAPS, ids=lambda one: one.name)


@every_map
@pytest.mark.parametrize("threads", [2, 3])
def test_one_order_of_the_fills_explains_all_answers(variant, threads):
    for seed in range(2 * EFFORT):
        checks, difference = oracle.concurrent_difference(variant.build(MapConfig(4)), threads, 15_000, seed)
        assert not difference, difference
        assert checks == threads * 15_000


@every_map
def test_lots_of_one_price_never_cost_anything_else(variant):
    """Buys and sales at one price, long and short: every read must show cost = price x quantity and nothing realised."""
    price, threads, rounds = 1_003, 3, 15_000 * EFFORT
    positions, symbol = variant.build(MapConfig(4)), 12_345
    rng, scripts = np.random.default_rng(4), []
    for _ in range(threads):
        rows = np.zeros((rounds, 4), dtype=np.int64)
        trades = rng.random(rounds) < 0.6
        rows[trades, 0], rows[trades, 1] = rng.integers(1, 50, trades.sum()) * rng.choice([-1, 1], trades.sum()), price
        scripts.append(rows)
    held = sum(int(rows[:, 0].sum()) for rows in scripts)
    oracle.record_concurrently(positions, symbol, scripts)
    reads = np.concatenate([rows[rows[:, 0] == 0] for rows in scripts])
    assert (reads[:, 2] == price * reads[:, 1]).all()
    assert (reads[:, 3] == 0).all()
    assert positions.read(symbol) == Position(held, price * held, 0)


@every_map
def test_a_new_symbol_is_claimed_by_one_cell_whoever_comes_first(variant):
    """Threads fill the same new symbols at the same time, in a table that gets full: each lot must be found again."""
    symbols, threads, lots = symbol_codes(9, 64), 2, 2
    for turn in range(100 * EFFORT):
        positions: NativePositions = variant.build(MapConfig(64))
        control = np.zeros(1, dtype=np.int64)
        orders = [np.roll(symbols, 3 * t * turn).copy() for t in range(threads)]

        def fill_all(order, positions=positions, control=control):
            _fill_all(positions.fill_kernel, positions.state, order, lots, control, threads)

        run_together([lambda order=order: fill_all(order) for order in orders])
        for symbol in symbols.tolist():
            assert positions.read(symbol) == Position(threads * lots, 7 * threads * lots, 0)
