"""A vector whose first 8 items lie in place (the SmallVec idea): only a longer one touches the heap.

    line 0   heap calls | length | capacity | address of the items on the heap (0: they are in place)
    line 1   the 8 items in place

It grows like the vector of malloc_each, twice as much each time, from 8 on; the first growth copies the items out.
"""

from numba import types

from tickbench.components.allocation import contract
from tickbench.kernels.atomics import load_plain, store_plain
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import LINE_BYTES, LINE_WORDS, Block
from tickbench.registry import variant

_HEAP_CALLS, _REFUSED, _INLINE_ITEMS = contract.HEAP_CALLS, contract.REFUSED, contract.INLINE_ITEMS
_VALUES_MASK = contract.VALUES - 1
_LENGTH, _CAPACITY, _HEAP = 1, 2, 3
_IN_PLACE = LINE_BYTES

_realloc = types.ExternalFunction("realloc", types.int64(types.int64, types.int64))
_free = types.ExternalFunction("free", types.void(types.int64))


@kernel("int64(int64)")
def _items(state):
    """Where the items are."""
    heap = load_plain(state, _HEAP)
    return state + _IN_PLACE if heap == 0 else heap


@kernel("int64(int64, int64)")
def _grow(state, length):
    """Room for twice as many items, on the heap from now on; 0 if there is no memory."""
    heap = load_plain(state, _HEAP)
    store_plain(state, _HEAP_CALLS, load_plain(state, _HEAP_CALLS) + 1)
    items = _realloc(heap, 8 * 2 * length)
    if items == 0:
        return 0
    if heap == 0:
        for k in range(_INLINE_ITEMS):
            store_plain(items, k, load_plain(state + _IN_PLACE, k))
    store_plain(state, _HEAP, items)
    store_plain(state, _CAPACITY, 2 * length)
    return 1


@kernel(contract.PUSH)
def _push(state, value):
    length = load_plain(state, _LENGTH)
    if length == load_plain(state, _CAPACITY) and _grow(state, length) == 0:
        return _REFUSED
    store_plain(_items(state), length, value)
    store_plain(state, _LENGTH, length + 1)
    return length + 1


@kernel(contract.AT)
def _at(state, index):
    return load_plain(_items(state), index)


@kernel(contract.CLEAR)
def _clear(state):
    if load_plain(state, _HEAP) != 0:
        _free(load_plain(state, _HEAP))
        store_plain(state, _HEAP, 0)
        store_plain(state, _CAPACITY, _INLINE_ITEMS)
    store_plain(state, _LENGTH, 0)
    return 0


@kernel(contract.FILL)
def _fill(state, values, items, first, rounds):
    total = 0
    for r in range(first, first + rounds):
        for j in range(items):
            _push(state, load_plain(values, (r + j) & _VALUES_MASK))
        for j in range(load_plain(state, _LENGTH)):
            total += _at(state, j)
        _clear(state)
    return total


@variant(
    "allocation",
    runtime="native",
    example_of="a vector with its first 8 items in place",
    capabilities=("small_vector",),
)
def inline_small(config: contract.AllocatorConfig) -> contract.NativeAllocator:
    """An empty vector."""
    block = Block(2 * LINE_WORDS)
    block.array[_CAPACITY] = _INLINE_ITEMS
    return contract.NativeAllocator(block, push=_push, at=_at, clear=_clear, fill=_fill)
