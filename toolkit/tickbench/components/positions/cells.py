"""The table that the compiled maps share: where a symbol's cell is. They differ in how a cell is guarded, in nothing else.

    line pair 0        HASH_SHIFT, MASK, CELLS     written when the map is built, then only read
    from CELLS         the cells, one cache line each: no two symbols share a line
                       word 0 the symbol, 0 while the cell is free; words 2, 3 (and 4) the position

Open addressing with a multiplicative hash and linear probing, at most a quarter full at the announced number of symbols.
Nothing is ever deleted, so a probe meets no tombstones and a symbol keeps its cell for good.

A probe goes round within a slice of the table, MASK + 1 cells: the whole table, or the part that one shard guards.
"""

import numpy as np
from numpy.typing import NDArray

from tickbench.errors import InputError
from tickbench.kernels.atomics import load_plain, load_relaxed, store_plain
from tickbench.kernels.bits import shift_right_unsigned
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_WORDS, LINE_WORDS

HASH_SHIFT, MASK, CELLS, EXTRA = range(4)  # EXTRA is a variant's own
HEADER_WORDS = ISOLATION_WORDS
SYMBOL, QUANTITY, COST, PAID = 0, 2, 3, 4
PAIR = 2  # a position packed into 16 bytes stands where QUANTITY and COST are
NO_CELL = -1
MAX_SYMBOL_CAPACITY = 1 << 20
CELLS_A_SYMBOL = 4  # at 2, a probe goes beyond its first cell so often that wrong guesses of it cost 5 ns a call

_HASH_FACTOR = 0x9E3779B97F4A7C15 - (1 << 64)  # 2^64 / golden ratio (Knuth, TAOCP 3, 6.4), as a signed word
_CELL_BYTES_LOG2 = 6


def cells_for(symbol_capacity: int) -> int:
    """Cells of a table for so many symbols: a power of two. Raises InputError outside 1 … MAX_SYMBOL_CAPACITY."""
    if not 1 <= symbol_capacity <= MAX_SYMBOL_CAPACITY:
        raise InputError(f"positions: symbol_capacity is 1 to {MAX_SYMBOL_CAPACITY}, got {symbol_capacity}")
    return 1 << (CELLS_A_SYMBOL * symbol_capacity - 1).bit_length()


def write_header(words: NDArray[np.int64], cells: int, slice_cells: int, first_word: int) -> None:
    """Describe a table of `cells` cells in slices of `slice_cells`, whose first word is `first_word`."""
    words[HASH_SHIFT], words[MASK], words[CELLS] = 64 - (cells.bit_length() - 1), slice_cells - 1, first_word


def cell_words(cells: int) -> int:
    """Words that the cells take."""
    return cells * LINE_WORDS


@kernel("int64(int64, int64)")
def home_of(state, symbol):
    """Number of the cell where the probe for a symbol begins."""
    return shift_right_unsigned(symbol * _HASH_FACTOR, load_plain(state, HASH_SHIFT))


@kernel("int64(int64, int64)")
def cell_at(state, number):
    """Address of a cell."""
    return state + (load_plain(state, CELLS) << 3) + (number << _CELL_BYTES_LOG2)


@kernel("int64(int64, int64)")
def after(state, number):
    """Number of the next cell of a probe, which stays within its slice."""
    mask = load_plain(state, MASK)
    return (number & ~mask) | ((number + 1) & mask)


@kernel("int64(int64, int64, int64)")
def find(state, symbol, home):
    """Address of the symbol's cell, or NO_CELL. The probe begins at `home`.

    Relaxed loads: a symbol, once in a cell, stays there, and a free cell's position has been flat since before the threads.
    """
    number = home
    while True:
        cell = cell_at(state, number)
        seen = load_relaxed(cell, SYMBOL)
        if seen == symbol:
            return cell
        if seen == 0:
            return NO_CELL
        number = after(state, number)
        if number == home:
            return NO_CELL


@kernel("int64(int64, int64, int64)")
def find_or_take(state, symbol, home):
    """Address of the symbol's cell, taken now if there was none, or NO_CELL; the caller holds the lock of the slice."""
    number = home
    while True:
        cell = cell_at(state, number)
        seen = load_plain(cell, SYMBOL)
        if seen == symbol:
            return cell
        if seen == 0:
            store_plain(cell, SYMBOL, symbol)
            return cell
        number = after(state, number)
        if number == home:
            return NO_CELL


@kernel("int64(int64, int64, int64, int64)")
def write_position(out, quantity, cost, paid):
    """Put quantity, cost (with its sign) and realised into the caller's three words; returns the quantity."""
    signed_cost = cost if quantity >= 0 else -cost
    store_plain(out, 0, quantity)
    store_plain(out, 1, signed_cost)
    store_plain(out, 2, signed_cost - paid)
    return quantity
