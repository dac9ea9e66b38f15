"""The plan's "default allocator": malloc for each object, free for each, and a vector that grows on the heap.

    line 0   heap calls | vector: length | capacity | address of its items (0: none)

A vector grows as Rust's Vec does: room for 4 first, then twice as much each time (library/alloc/src/raw_vec.rs). The
C library's allocator keeps a cache of seven free blocks a size for each thread (glibc tcache), so that a single size to and
fro measures that cache and nothing else: the workloads mix sizes and keep a window of objects alive.
"""

from numba import types

from tickbench.components.allocation import contract
from tickbench.kernels.atomics import fetch_add_relaxed, load_plain, load_relaxed, store_plain
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import LINE_WORDS, Block
from tickbench.registry import variant

_HEAP_CALLS, _OBJECT_BYTES, _EMPTY = contract.HEAP_CALLS, contract.OBJECT_BYTES, contract.EMPTY
_VALUES_MASK = contract.VALUES - 1
_REFUSED = contract.REFUSED
_LENGTH, _CAPACITY, _ITEMS = 1, 2, 3
_FIRST_ITEMS = 4
_MALLOC_ALIGN = 16  # glibc and musl on 64-bit machines

_malloc = types.ExternalFunction("malloc", types.int64(types.int64))
_realloc = types.ExternalFunction("realloc", types.int64(types.int64, types.int64))
_aligned_alloc = types.ExternalFunction("aligned_alloc", types.int64(types.int64, types.int64))
_free = types.ExternalFunction("free", types.void(types.int64))


@kernel(contract.ALLOCATE)
def _allocate(state, size, align):
    if size < 1:
        return 0
    store_plain(state, _HEAP_CALLS, load_plain(state, _HEAP_CALLS) + 1)
    if align > _MALLOC_ALIGN:
        return _aligned_alloc(align, (size + align - 1) & -align)
    return _malloc(size)


@kernel(contract.RELEASE)
def _release(state, addresses, n):
    for k in range(n):
        _free(load_plain(addresses, k))
    return 0


@kernel(contract.GET)
def _get(state):
    fetch_add_relaxed(state, _HEAP_CALLS, 1)  # relaxed: a count that is read when the threads are done
    return _malloc(_OBJECT_BYTES)


@kernel(contract.PUT)
def _put(state, address):
    _free(address)
    return 0


@kernel(contract.CYCLE)
def _cycle(state, live, window, first, steps):
    total = 0
    for k in range(first, first + steps):
        taken = _malloc(_OBJECT_BYTES)
        if taken == 0:
            return _EMPTY
        store_plain(taken, 0, k)
        slot = k & (window - 1)
        old = load_plain(live, slot)
        total += load_plain(old, 0)
        _free(old)
        store_plain(live, slot, taken)
    fetch_add_relaxed(state, _HEAP_CALLS, steps)  # relaxed: as in _get
    return total


@kernel("int64(int64, int64, int64)")
def _grow(state, items, capacity):
    """Items with room for `capacity`, at their new address; 0 if there is no memory."""
    store_plain(state, _HEAP_CALLS, load_plain(state, _HEAP_CALLS) + 1)
    return _realloc(items, 8 * capacity)


@kernel(contract.PUSH)
def _push(state, value):
    length, capacity = load_plain(state, _LENGTH), load_plain(state, _CAPACITY)
    if length == capacity:
        capacity = max(2 * length, _FIRST_ITEMS)
        items = _grow(state, load_plain(state, _ITEMS), capacity)
        if items == 0:
            return _REFUSED
        store_plain(state, _ITEMS, items)
        store_plain(state, _CAPACITY, capacity)
    store_plain(load_plain(state, _ITEMS), length, value)
    store_plain(state, _LENGTH, length + 1)
    return length + 1


@kernel(contract.AT)
def _at(state, index):
    return load_plain(load_plain(state, _ITEMS), index)


@kernel(contract.CLEAR)
def _clear(state):
    _free(load_plain(state, _ITEMS))
    store_plain(state, _LENGTH, 0)
    store_plain(state, _CAPACITY, 0)
    store_plain(state, _ITEMS, 0)
    return 0


@kernel(contract.FILL)
def _fill(state, values, items, first, rounds):
    """The vector is a local one: its length, capacity and address are in registers, as a compiled language keeps them."""
    total = 0
    for r in range(first, first + rounds):
        source = values + 8 * (r & _VALUES_MASK)
        length, capacity, where = 0, 0, 0
        for j in range(items):
            if length == capacity:
                capacity = max(2 * length, _FIRST_ITEMS)
                where = _grow(state, where, capacity)
                if where == 0:
                    return _REFUSED
            store_plain(where, length, load_plain(source, j))
            length += 1
        for j in range(length):
            total += load_relaxed(where, j)  # relaxed: no vector load, which could not take what was just stored one by one
        _free(where)
    return total


@variant(
    "allocation",
    runtime="native",
    example_of="malloc and free for each object: the plan's default allocator",
    capabilities=("request", "pool", "shared_pool", "small_vector"),
    reference=True,
)
def malloc_each(config: contract.AllocatorConfig) -> contract.NativeAllocator:
    """Nothing is reserved: the heap has it all."""
    return contract.NativeAllocator(Block(LINE_WORDS), _allocate, _release, _get, _put, _cycle, _push, _at, _clear, _fill)
