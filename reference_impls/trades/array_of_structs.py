"""The plan's "inefficient": trades as records of 40 bytes, one behind the other.

    line 0    number of trades
    then      price | quantity | timestamp | symbol | id, 5 words a trade, 1.6 trades a line

A sum over one field drags the other four through the cache. The loops are those of struct_of_arrays with another stride, and
with the same leave to add floats in any order, so that the compiler may vectorise both; a filter stores always and counts
if the price is above, so neither has a branch to mispredict. Whole records, read at random, touch 1.5 lines each.
"""

from tickbench.components.trades import contract
from tickbench.kernels.atomics import load_plain
from tickbench.kernels.compaction import load_f64, load_i32, store_i32
from tickbench.kernels.jit import kernel
from tickbench.registry import variant

_RECORDS = 8 * contract.HEADER_WORDS
_WORDS = contract.RECORD_WORDS
_PRICE, _QUANTITY, _TIMESTAMP, _SYMBOL, _ID = range(_WORDS)
_F0, _F1, _F2, _F3, _F4 = contract.CHECKSUM_FACTORS
_ANY_ORDER = {"reassoc", "nsz", "contract"}


@kernel(contract.MEAN_PRICE, fastmath=_ANY_ORDER)
def _mean_price(state, first, n):
    records = state + _RECORDS + 8 * _WORDS * first
    total = 0.0
    for i in range(n):
        total += load_f64(records, _WORDS * i + _PRICE)
    return total / n


@kernel(contract.VWAP, fastmath=_ANY_ORDER)
def _vwap(state, first, n):
    records = state + _RECORDS + 8 * _WORDS * first
    notional, lots = 0.0, 0
    for i in range(n):
        quantity = load_plain(records, _WORDS * i + _QUANTITY)
        notional += load_f64(records, _WORDS * i + _PRICE) * quantity
        lots += quantity
    return notional / lots


@kernel(contract.FILTER)
def _filter(state, first, n, threshold, out):
    records = state + _RECORDS + 8 * _WORDS * first
    count = 0
    for i in range(n):
        store_i32(out, count, first + i)
        count += load_f64(records, _WORDS * i + _PRICE) > threshold
    return count


@kernel(contract.WINDOW_SUM)
def _window_sum(state, first, n, from_ns, until_ns):
    records = state + _RECORDS + 8 * _WORDS * first
    lots = 0
    for i in range(n):
        at_ns = load_plain(records, _WORDS * i + _TIMESTAMP)
        inside = (at_ns >= from_ns) & (at_ns < until_ns)
        lots += load_plain(records, _WORDS * i + _QUANTITY) * inside
    return lots


@kernel(contract.FULL_RECORD)
def _full_record(state, positions, n):
    records = state + _RECORDS
    total = 0
    for k in range(n):
        word = _WORDS * load_i32(positions, k)
        total += _F0 * load_plain(records, word + _PRICE) + _F1 * load_plain(records, word + _QUANTITY)
        total += _F2 * load_plain(records, word + _TIMESTAMP) + _F3 * load_plain(records, word + _SYMBOL)
        total += _F4 * load_plain(records, word + _ID)
    return total


@variant(
    "trades",
    runtime="native",
    example_of="records of 40 bytes, one behind the other: the plan's current layout",
    reference=True,
)
def array_of_structs(columns: contract.Columns) -> contract.NativeTrades:
    """Lay the trades out as records."""
    block, layout = contract.store_records(columns)
    return contract.NativeTrades(block, layout, _mean_price, _vwap, _filter, _window_sum, _full_record)
