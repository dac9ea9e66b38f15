"""Fill and read of a cell that a lock guards, shared by the maps under one lock and under many."""

from tickbench.components.positions.accounting import after_fill, stays_within
from tickbench.components.positions.cells import COST, NO_CELL, PAID, QUANTITY, find, find_or_take, write_position
from tickbench.components.positions.contract import FULL, OVER_LIMIT
from tickbench.kernels.atomics import load_plain, store_plain
from tickbench.kernels.jit import kernel

_FULL, _OVER_LIMIT = FULL, OVER_LIMIT


@kernel("int64(int64, int64, int64, int64, int64)")
def fill_guarded(state, symbol, home, signed_lots, price_ticks):
    """Account an acceptable fill; the caller holds the lock of the slice. Returns the quantity held after it, or a code."""
    cell = find_or_take(state, symbol, home)
    if cell == NO_CELL:
        return _FULL
    quantity, cost, paid = load_plain(cell, QUANTITY), load_plain(cell, COST), load_plain(cell, PAID)
    if not stays_within(quantity, cost, paid, signed_lots, price_ticks):
        return _OVER_LIMIT
    quantity, cost, paid = after_fill(quantity, cost, paid, signed_lots, price_ticks)
    store_plain(cell, QUANTITY, quantity)
    store_plain(cell, COST, cost)
    store_plain(cell, PAID, paid)
    return quantity


@kernel("int64(int64, int64, int64, int64)")
def read_guarded(state, symbol, home, out):
    """Copy a position out; the caller holds the lock of the slice. Returns its quantity."""
    cell = find(state, symbol, home)
    if cell == NO_CELL:
        return write_position(out, 0, 0, 0)
    return write_position(out, load_plain(cell, QUANTITY), load_plain(cell, COST), load_plain(cell, PAID))
