"""A map without locks: a whole position is 16 bytes, and a fill is one compare-exchange of them.

    line pair 0   header of the table                 read by every call
    then          cells, one line each: symbol | - | low | high

    low    quantity 32 bits | lower part of the cost 32 bits
    high   paid 48 bits     | upper part of the cost 16 bits

    thread A --fill--> [ symbol | low, high ] <--fill-- thread B     each exchanges the pair it has read for the next one;
                              |                                      who comes second starts again from what is there now
                              +--read--> thread C                    one 16-byte load, writes nothing

Lock-free: a failed exchange means that another fill was accounted, and a thread that loses its core between its read and
its exchange holds nothing up. The pair is a value: an equal one that came back in between (ABA) leads to the same result.

A symbol takes a free cell by compare-exchange and keeps it. Cells are flat from the start, so one that was just taken reads as
flat until its first fill.
"""

from tickbench.components.positions import contract
from tickbench.components.positions.accounting import after_fill, is_acceptable, stays_within
from tickbench.components.positions.cells import (
    HEADER_WORDS,
    NO_CELL,
    PAIR,
    SYMBOL,
    after,
    cell_at,
    cell_words,
    cells_for,
    find,
    home_of,
    write_header,
    write_position,
)
from tickbench.kernels.atomics import cas_relaxed, load_relaxed
from tickbench.kernels.atomics128 import cas_acq_rel_pair, load_acquire_pair, require_pairs
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import Block
from tickbench.registry import variant

require_pairs("positions/lockfree_map")

_REJECTED, _OVER_LIMIT, _FULL = contract.REJECTED, contract.OVER_LIMIT, contract.FULL
_LOW_BITS, _LOW_MASK = 32, 0xFFFF_FFFF  # of the cost, in the low word
_HIGH_BITS, _HIGH_MASK = 16, 0xFFFF  # and in the high one
_CELLS = HEADER_WORDS


@kernel("UniTuple(int64, 3)(int64, int64)")
def _unpacked(low, high):
    """Quantity, cost and paid of a pair."""
    return low >> _LOW_BITS, ((high & _HIGH_MASK) << _LOW_BITS) | (low & _LOW_MASK), high >> _HIGH_BITS


@kernel("int64(int64, int64, int64)")
def _find_or_claim(state, symbol, home):
    """As cells.find_or_take, for any number of threads: whoever exchanges the 0 of a free cell has it."""
    number = home
    while True:
        cell = cell_at(state, number)
        seen = load_relaxed(cell, SYMBOL)  # relaxed: as in cells.find
        if seen == 0:
            # relaxed: publishes only itself, the position beside it is flat for everybody already
            seen = cas_relaxed(cell, SYMBOL, 0, symbol)
            if seen == 0:
                return cell
        if seen == symbol:
            return cell
        number = after(state, number)
        if number == home:
            return NO_CELL


@kernel(contract.FILL)
def _fill(state, symbol, signed_lots, price_ticks):
    if not is_acceptable(symbol, signed_lots, price_ticks):
        return _REJECTED
    cell = _find_or_claim(state, symbol, home_of(state, symbol))
    if cell == NO_CELL:
        return _FULL
    # relaxed, and perhaps of two fills: then the exchange fails and gives both words of one moment
    low, high = load_relaxed(cell, PAIR), load_relaxed(cell, PAIR + 1)
    while True:
        quantity, cost, paid = _unpacked(low, high)
        if not stays_within(quantity, cost, paid, signed_lots, price_ticks):
            # A refusal, too, must rest on a pair that was there: it is exchanged for itself.
            exchanged, low, high = cas_acq_rel_pair(cell, PAIR, low, high, low, high)
            if exchanged:
                return _OVER_LIMIT
            continue
        quantity, cost, paid = after_fill(quantity, cost, paid, signed_lots, price_ticks)
        next_low = (quantity << _LOW_BITS) | (cost & _LOW_MASK)
        next_high = (paid << _HIGH_BITS) | (cost >> _LOW_BITS)
        # publishes the position to load_acquire_pair in _read and to the next fill's exchange
        exchanged, low, high = cas_acq_rel_pair(cell, PAIR, low, high, next_low, next_high)
        if exchanged:
            return quantity


@kernel(contract.READ)
def _read(state, symbol, out):
    cell = find(state, symbol, home_of(state, symbol)) if symbol != 0 else NO_CELL
    if cell == NO_CELL:
        write_position(out, 0, 0, 0)
        return 0 if symbol != 0 else _REJECTED
    low, high = load_acquire_pair(cell, PAIR)  # pairs with cas_acq_rel_pair in _fill
    quantity, cost, paid = _unpacked(low, high)
    return write_position(out, quantity, cost, paid)


@variant(
    "positions",
    runtime="native",
    example_of="open-addressing map, positions exchanged whole by 16-byte compare-and-swap",
    capabilities=("concurrent",),
)
def lockfree_map(config: contract.MapConfig) -> contract.NativePositions:
    """Make a map without symbols."""
    cells = cells_for(config.symbol_capacity)
    block = Block(_CELLS + cell_words(cells))
    write_header(block.array, cells, cells, _CELLS)
    block.touch()
    return contract.NativePositions(block, _fill, _read)
