"""The plan's structure of arrays with explicit vectors: sums in 32 lanes, a filter that compacts 16 positions at once.

    line 0    number of trades, byte offset of each column
    then      prices | quantities | timestamps | symbols | ids, each from a line of its own

The layout is that of struct_of_arrays; only the loops differ. The plan's sketch compares 8 prices at once and then takes 8
branches, one a lane, and it forgets the trades after the last whole vector (chunks_exact): here no lane has a branch
(kernels/compaction), and the rest is done one by one. A VWAP goes in tiles that stay in the first-level cache, so that the
lots are read from memory once for both of its sums.
"""

from tickbench.components.trades import contract
from tickbench.components.trades.vectors import BLOCK, sum_f64, sum_i64, sum_in_window, sum_products
from tickbench.kernels.atomics import load_plain
from tickbench.kernels.compaction import load_f64, load_i32, positions_above
from tickbench.kernels.jit import kernel
from tickbench.registry import variant

_PRICE, _QUANTITY, _TIMESTAMP, _SYMBOL, _ID = range(contract.RECORD_WORDS)
_F0, _F1, _F2, _F3, _F4 = contract.CHECKSUM_FACTORS
_COLUMN = contract.COLUMN
_BLOCK = BLOCK
_TILE_BLOCKS = 16  # 512 trades: 8 KiB of prices and lots, a quarter of the smallest first-level cache


@kernel("int64(int64, int64, int64)")
def _column(state, field, first):
    """Address of trade `first` in the column of a field."""
    return state + load_plain(state, _COLUMN + field) + 8 * first


@kernel(contract.MEAN_PRICE)
def _mean_price(state, first, n):
    prices = _column(state, _PRICE, first)
    blocks = n // _BLOCK
    total = sum_f64(prices, blocks)
    for i in range(_BLOCK * blocks, n):
        total += load_f64(prices, i)
    return total / n


@kernel(contract.VWAP)
def _vwap(state, first, n):
    prices, quantities = _column(state, _PRICE, first), _column(state, _QUANTITY, first)
    notional, lots = 0.0, 0
    blocks = n // _BLOCK
    for block in range(0, blocks, _TILE_BLOCKS):
        tile = min(_TILE_BLOCKS, blocks - block)
        byte = 8 * _BLOCK * block
        notional += sum_products(prices + byte, quantities + byte, tile)
        lots += sum_i64(quantities + byte, tile)
    for i in range(_BLOCK * blocks, n):
        quantity = load_plain(quantities, i)
        notional += load_f64(prices, i) * quantity
        lots += quantity
    return notional / lots


@kernel(contract.FILTER)
def _filter(state, first, n, threshold, out):
    return positions_above(_column(state, _PRICE, first), n, threshold, first, out)


@kernel(contract.WINDOW_SUM)
def _window_sum(state, first, n, from_ns, until_ns):
    timestamps, quantities = _column(state, _TIMESTAMP, first), _column(state, _QUANTITY, first)
    blocks = n // _BLOCK
    lots = sum_in_window(timestamps, quantities, blocks, from_ns, until_ns)
    for i in range(_BLOCK * blocks, n):
        at_ns = load_plain(timestamps, i)
        inside = (at_ns >= from_ns) & (at_ns < until_ns)
        lots += load_plain(quantities, i) * inside
    return lots


@kernel(contract.FULL_RECORD)
def _full_record(state, positions, n):
    """As struct_of_arrays: five lines a record are what this layout costs, vectors do not help."""
    prices, quantities, timestamps = _column(state, _PRICE, 0), _column(state, _QUANTITY, 0), _column(state, _TIMESTAMP, 0)
    symbols, ids = _column(state, _SYMBOL, 0), _column(state, _ID, 0)
    total = 0
    for k in range(n):
        i = load_i32(positions, k)
        total += _F0 * load_plain(prices, i) + _F1 * load_plain(quantities, i)
        total += _F2 * load_plain(timestamps, i) + _F3 * load_plain(symbols, i)
        total += _F4 * load_plain(ids, i)
    return total


@variant("trades", runtime="native", example_of="one column a field, explicit vectors and compaction")
def struct_of_arrays_simd(columns: contract.Columns) -> contract.NativeTrades:
    """Lay the trades out as columns."""
    block, layout = contract.store_columns(columns)
    return contract.NativeTrades(block, layout, _mean_price, _vwap, _filter, _window_sum, _full_record)
