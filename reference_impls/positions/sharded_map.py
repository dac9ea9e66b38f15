"""The DashMap idea: the table in shards, each with a lock of its own, so that only calls for the same shard exclude each other.

    line pair 0       header of the table             read by every call
    line pairs 1 … S  a pthread mutex a shard         written twice by the calls of that shard
    then              cells, one line each, a slice of the table for each shard: symbol | - | quantity | cost | paid

The same table, cells and kind of lock as `mutex_map`; the top bits of the hash choose the shard. As many shards as DashMap
makes: four for each core, rounded up to a power of two. A shard has SLICE_CELLS cells at least, so that an uneven hash does
not fill one: beyond 64 symbols FULL comes early only if four times a shard's share falls into one.

What a concurrent reader may see: a read of one symbol is between two fills of it. Nothing holds for two symbols together. A
preempted holder stops the symbols of its shard, one in S.
"""

import os

from tickbench.components.positions import contract
from tickbench.components.positions.accounting import is_acceptable
from tickbench.components.positions.cells import (
    EXTRA,
    HEADER_WORDS,
    cell_words,
    cells_for,
    home_of,
    write_header,
    write_position,
)
from tickbench.components.positions.guarded import fill_guarded, read_guarded
from tickbench.kernels.atomics import load_plain
from tickbench.kernels.jit import kernel
from tickbench.kernels.locks import pthread_mutex_init, pthread_mutex_lock, pthread_mutex_unlock
from tickbench.kernels.memory import ISOLATION_WORDS, Block
from tickbench.registry import variant

_REJECTED = contract.REJECTED
_LOCKS = HEADER_WORDS
_SHARDS_A_CORE = 4  # dashmap, src/lib.rs, default_shard_amount
_SLICE_CELLS = 64


@kernel("int64(int64, int64)")
def _lock_of(state, home):
    """First word of the lock of the shard in which cell `home` lies; EXTRA holds log2 of a slice's cells."""
    return _LOCKS + ISOLATION_WORDS * (home >> load_plain(state, EXTRA))


@kernel(contract.FILL)
def _fill(state, symbol, signed_lots, price_ticks):
    if not is_acceptable(symbol, signed_lots, price_ticks):
        return _REJECTED
    home = home_of(state, symbol)
    lock = _lock_of(state, home)
    pthread_mutex_lock(state, lock)
    answer = fill_guarded(state, symbol, home, signed_lots, price_ticks)
    pthread_mutex_unlock(state, lock)
    return answer


@kernel(contract.READ)
def _read(state, symbol, out):
    if symbol == 0:
        write_position(out, 0, 0, 0)
        return _REJECTED
    home = home_of(state, symbol)
    lock = _lock_of(state, home)
    pthread_mutex_lock(state, lock)
    quantity = read_guarded(state, symbol, home, out)
    pthread_mutex_unlock(state, lock)
    return quantity


@variant(
    "positions",
    runtime="native",
    example_of="shards with their own lock: the DashMap of the plan",
    capabilities=("concurrent",),
)
def sharded_map(config: contract.MapConfig) -> contract.NativePositions:
    """Make a map without symbols."""
    shards = 1 << (_SHARDS_A_CORE * (os.cpu_count() or 1) - 1).bit_length()
    slice_cells = max(_SLICE_CELLS, cells_for(config.symbol_capacity) // shards)
    first = _LOCKS + shards * ISOLATION_WORDS
    block = Block(first + cell_words(shards * slice_cells))
    write_header(block.array, shards * slice_cells, slice_cells, first)
    block.array[EXTRA] = slice_cells.bit_length() - 1
    for shard in range(shards):
        pthread_mutex_init(block.address, _LOCKS + shard * ISOLATION_WORDS, 0)
    block.touch()
    return contract.NativePositions(block, _fill, _read)
