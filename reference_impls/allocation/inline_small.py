"""A vector whose first 8 items lie in place (the SmallVec idea): only a longer one touches the heap.

    line 0   heap calls | length | capacity | address of the items on the heap (0: they are in place)
    line 1   the 8 items in place

It grows like the vector of malloc_each, twice as much each time, from 8 on; the first growth copies the items out.
"""

from numba import types

from tickbench.components.allocation import contract
from tickbench.kernels.atomics import load_plain, load_relaxed, store_plain
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


@kernel("int64(int64, int64, int64)")
def _grow(state, items, capacity):
    """Items on the heap with room for `capacity`, at their new address; 0 if there is no memory."""
    store_plain(state, _HEAP_CALLS, load_plain(state, _HEAP_CALLS) + 1)
    if items != state + _IN_PLACE:
        return _realloc(items, 8 * capacity)
    heap = _realloc(0, 8 * capacity)
    if heap != 0:
        for k in range(_INLINE_ITEMS):
            store_plain(heap, k, load_plain(items, k))
    return heap


@kernel(contract.PUSH)
def _push(state, value):
    length, capacity = load_plain(state, _LENGTH), load_plain(state, _CAPACITY)
    if length == capacity:
        heap = _grow(state, _items(state), 2 * capacity)
        if heap == 0:
            return _REFUSED
        store_plain(state, _HEAP, heap)
        store_plain(state, _CAPACITY, 2 * capacity)
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
    """The vector is a local one: its length, capacity and address are in registers, as a compiled language keeps them."""
    total = 0
    for r in range(first, first + rounds):
        source = values + 8 * (r & _VALUES_MASK)
        length, capacity, where = 0, _INLINE_ITEMS, state + _IN_PLACE
        for j in range(items):
            if length == capacity:
                capacity *= 2
                where = _grow(state, where, capacity)
                if where == 0:
                    return _REFUSED
            store_plain(where, length, load_plain(source, j))
            length += 1
        for j in range(length):
            total += load_relaxed(where, j)  # relaxed: no vector load, which could not take what was just stored one by one
        if where != state + _IN_PLACE:
            _free(where)
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
