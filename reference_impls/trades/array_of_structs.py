"""The plan's "inefficient": trades as records of 40 bytes, one behind the other.

    line 0    number of trades
    then      price | quantity | timestamp | symbol | id, 5 words a trade, 1.6 trades a line

A sum over one field drags the other four through the cache; whole records, read at random, touch 1.5 lines each. The loops
are the best that were found for this layout: scalar loads, floats in four chains. Left to itself the compiler vectorises
them with gathers, which took 2 to 3 times as long behind the last-level cache (5.2 against 2.4 ns a price at 1 million trades,
AMD Zen 4): that would flatter the columns. A filter stores always and counts if the price is above: no branch to mispredict.
"""

from tickbench.components.trades import contract
from tickbench.kernels.atomics import load_plain, load_relaxed
from tickbench.kernels.compaction import load_f64, load_i32, store_i32
from tickbench.kernels.jit import kernel
from tickbench.registry import variant

_RECORDS = 8 * contract.HEADER_WORDS
_WORDS = contract.RECORD_WORDS
_PRICE, _QUANTITY, _TIMESTAMP, _SYMBOL, _ID = range(_WORDS)
_F0, _F1, _F2, _F3, _F4 = contract.CHECKSUM_FACTORS


@kernel(contract.MEAN_PRICE)
def _mean_price(state, first, n):
    records = state + _RECORDS + 8 * _WORDS * first
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    whole = n - n % 4
    for i in range(0, whole, 4):
        word = _WORDS * i + _PRICE
        a += load_f64(records, word)
        b += load_f64(records, word + _WORDS)
        c += load_f64(records, word + 2 * _WORDS)
        d += load_f64(records, word + 3 * _WORDS)
    for i in range(whole, n):
        a += load_f64(records, _WORDS * i + _PRICE)
    return (a + b + c + d) / n


@kernel("int64(int64, int64)")
def _word(records, index):
    """A word of a record; relaxed, though no other thread writes it: the compiler makes no gather of an atomic load."""
    return load_relaxed(records, index)


@kernel(contract.VWAP, fastmath={"contract"})
def _vwap(state, first, n):
    records = state + _RECORDS + 8 * _WORDS * first
    a, b, c, d, lots = 0.0, 0.0, 0.0, 0.0, 0
    whole = n - n % 4
    for i in range(0, whole, 4):
        word = _WORDS * i
        qa, qb = _word(records, word + _QUANTITY), _word(records, word + _WORDS + _QUANTITY)
        qc, qd = _word(records, word + 2 * _WORDS + _QUANTITY), _word(records, word + 3 * _WORDS + _QUANTITY)
        a += load_f64(records, word + _PRICE) * qa
        b += load_f64(records, word + _WORDS + _PRICE) * qb
        c += load_f64(records, word + 2 * _WORDS + _PRICE) * qc
        d += load_f64(records, word + 3 * _WORDS + _PRICE) * qd
        lots += qa + qb + qc + qd
    for i in range(whole, n):
        quantity = _word(records, _WORDS * i + _QUANTITY)
        a += load_f64(records, _WORDS * i + _PRICE) * quantity
        lots += quantity
    return (a + b + c + d) / lots


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
        at_ns = _word(records, _WORDS * i + _TIMESTAMP)
        inside = (at_ns >= from_ns) & (at_ns < until_ns)
        lots += _word(records, _WORDS * i + _QUANTITY) * inside
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
