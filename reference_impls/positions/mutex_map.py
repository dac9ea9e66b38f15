"""The plan's "current": a compiled hash map under one mutex.

    line pair 0   header of the table                 read by every call
    line pair 1   the pthread mutex                   written twice by every call of every thread
    then          cells, one line each: symbol | - | quantity | cost | paid

What a concurrent reader may see: every call holds the mutex, so a read is between two fills. Calls for different symbols
exclude each other, readers too, and all wait for a preempted holder.
"""

from tickbench.components.positions import contract
from tickbench.components.positions.accounting import is_acceptable
from tickbench.components.positions.cells import HEADER_WORDS, cell_words, cells_for, home_of, write_header, write_position
from tickbench.components.positions.guarded import fill_guarded, read_guarded
from tickbench.kernels.jit import kernel
from tickbench.kernels.locks import pthread_mutex_init, pthread_mutex_lock, pthread_mutex_unlock
from tickbench.kernels.memory import ISOLATION_WORDS, Block
from tickbench.registry import variant

_REJECTED = contract.REJECTED
_LOCK = HEADER_WORDS
_CELLS = _LOCK + ISOLATION_WORDS


@kernel(contract.FILL)
def _fill(state, symbol, signed_lots, price_ticks):
    if not is_acceptable(symbol, signed_lots, price_ticks):
        return _REJECTED
    home = home_of(state, symbol)
    pthread_mutex_lock(state, _LOCK)
    answer = fill_guarded(state, symbol, home, signed_lots, price_ticks)
    pthread_mutex_unlock(state, _LOCK)
    return answer


@kernel(contract.READ)
def _read(state, symbol, out):
    if symbol == 0:
        write_position(out, 0, 0, 0)
        return _REJECTED
    home = home_of(state, symbol)
    pthread_mutex_lock(state, _LOCK)
    quantity = read_guarded(state, symbol, home, out)
    pthread_mutex_unlock(state, _LOCK)
    return quantity


@variant(
    "positions",
    runtime="native",
    example_of="open-addressing map under one pthread mutex: the plan's current map",
    capabilities=("concurrent",),
    reference=True,
)
def mutex_map(config: contract.MapConfig) -> contract.NativePositions:
    """Make a map without symbols."""
    cells = cells_for(config.symbol_capacity)
    block = Block(_CELLS + cell_words(cells))
    write_header(block.array, cells, cells, _CELLS)
    pthread_mutex_init(block.address, _LOCK, 0)
    block.touch()
    return contract.NativePositions(block, _fill, _read)
