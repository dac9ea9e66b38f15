"""The plan's structure of arrays in plain loops: one column a field, the compiler free to vectorise.

    line 0    number of trades, byte offset of each column
    then      prices | quantities | timestamps | symbols | ids, each from a line of its own, 8 trades a line

Floats may be added in any order, so that the compiler may use its vectors as it sees fit: here it does so well. The filter is
that of array_of_structs: it stores always and counts if the price is above, no branch, but one trade at a time. Whole
records, read at random, touch 5 lines each.
"""

from tickbench.components.trades import contract
from tickbench.kernels.atomics import load_plain
from tickbench.kernels.compaction import load_f64, load_i32, store_i32
from tickbench.kernels.jit import kernel
from tickbench.registry import variant

_PRICE, _QUANTITY, _TIMESTAMP, _SYMBOL, _ID = range(contract.RECORD_WORDS)
_F0, _F1, _F2, _F3, _F4 = contract.CHECKSUM_FACTORS
_COLUMN = contract.COLUMN
_ANY_ORDER = {"reassoc", "nsz", "contract"}


@kernel("int64(int64, int64, int64)")
def _column(state, field, first):
    """Address of trade `first` in the column of a field."""
    return state + load_plain(state, _COLUMN + field) + 8 * first


@kernel(contract.MEAN_PRICE, fastmath=_ANY_ORDER)
def _mean_price(state, first, n):
    prices = _column(state, _PRICE, first)
    total = 0.0
    for i in range(n):
        total += load_f64(prices, i)
    return total / n


@kernel(contract.VWAP, fastmath=_ANY_ORDER)
def _vwap(state, first, n):
    prices, quantities = _column(state, _PRICE, first), _column(state, _QUANTITY, first)
    notional, lots = 0.0, 0
    for i in range(n):
        quantity = load_plain(quantities, i)
        notional += load_f64(prices, i) * quantity
        lots += quantity
    return notional / lots


@kernel(contract.FILTER)
def _filter(state, first, n, threshold, out):
    prices = _column(state, _PRICE, first)
    count = 0
    for i in range(n):
        store_i32(out, count, first + i)
        count += load_f64(prices, i) > threshold
    return count


@kernel(contract.WINDOW_SUM)
def _window_sum(state, first, n, from_ns, until_ns):
    timestamps, quantities = _column(state, _TIMESTAMP, first), _column(state, _QUANTITY, first)
    lots = 0
    for i in range(n):
        at_ns = load_plain(timestamps, i)
        inside = (at_ns >= from_ns) & (at_ns < until_ns)
        lots += load_plain(quantities, i) * inside
    return lots


@kernel(contract.FULL_RECORD)
def _full_record(state, positions, n):
    prices, quantities, timestamps = _column(state, _PRICE, 0), _column(state, _QUANTITY, 0), _column(state, _TIMESTAMP, 0)
    symbols, ids = _column(state, _SYMBOL, 0), _column(state, _ID, 0)
    total = 0
    for k in range(n):
        i = load_i32(positions, k)
        total += _F0 * load_plain(prices, i) + _F1 * load_plain(quantities, i)
        total += _F2 * load_plain(timestamps, i) + _F3 * load_plain(symbols, i)
        total += _F4 * load_plain(ids, i)
    return total


@variant("trades", runtime="native", example_of="one column a field, plain loops")
def struct_of_arrays(columns: contract.Columns) -> contract.NativeTrades:
    """Lay the trades out as columns."""
    block, layout = contract.store_columns(columns)
    return contract.NativeTrades(block, layout, _mean_price, _vwap, _filter, _window_sum, _full_record)
