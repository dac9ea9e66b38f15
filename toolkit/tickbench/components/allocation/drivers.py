"""The loops around an allocator's kernels.

A request, as an engine has it: trades of 40 bytes with a text of 0 to 88 bytes behind each, allocated one by one, filled,
read again in another order, and released together. Sizes are drawn once (`trade_bytes`), the order of release likewise
(`release_order`): the same size in last-in-first-out order is the best case of malloc, and nobody's real one.

    word 0   value of the trade
    word 1   bytes of the object
    2 to 4   value + 1, + 2, + 3
    last     value again (the same as word 4 where there is no text): written so that an overlap shows
"""

import numpy as np
from numpy.typing import NDArray

from tickbench.components.allocation.contract import (
    ALLOCATE,
    AT,
    CLEAR,
    CYCLE,
    FILL,
    GET,
    HANDLE,
    OBJECT_BYTES,
    PUSH,
    PUT,
    RELEASE,
)
from tickbench.kernels.atomics import cas_relaxed, fetch_add_seq_cst, load_acquire, load_plain, store_plain
from tickbench.kernels.jit import kernel
from tickbench.kernels.system import yield_core

TRADE_BYTES = 40
SIZES = 1024  # goes round
_ALIGN = 8
_SIZES_MASK = SIZES - 1
_MOST_LOOKS = 1 << 21  # for an object, of some 0.5 µs each: a second
_LAST = OBJECT_BYTES // 8 - 1  # word of an object


def trade_bytes(seed: int) -> NDArray[np.int64]:
    """Bytes of SIZES trades: 40 plus a text of 0 to 88, in steps of 8; 64 on average."""
    text = np.random.default_rng(seed).choice([0, 8, 16, 24, 40, 88], SIZES, p=[0.25, 0.2, 0.15, 0.1, 0.2, 0.1])
    return (TRADE_BYTES + text).astype(np.int64)


def release_order(seed: int, n: int) -> NDArray[np.int64]:
    """Where in the list of release the k-th allocated trade stands: a permutation of 0 … n - 1."""
    return np.random.default_rng(seed + 1).permutation(n).astype(np.int64)


@kernel(f"int64(pointer[{ALLOCATE}], pointer[{RELEASE}], int64, int64, int64, int64, int64, int64, int64)")
def drive_requests(allocate, release, state, sizes, order, addresses, n, first, rounds):
    """Requests of n trades, `rounds` times; returns the sum of first and last words read, or -1 if memory ran out."""
    total = 0
    for r in range(first, first + rounds):
        for k in range(n):
            value = r * n + k
            size = load_plain(sizes, value & _SIZES_MASK)
            address = allocate(state, size, _ALIGN)
            if address == 0:
                return -1
            store_plain(address, 0, value)
            store_plain(address, 1, size)
            store_plain(address, 2, value + 1)
            store_plain(address, 3, value + 2)
            store_plain(address, 4, value + 3)
            store_plain(address + size, -1, value)
            store_plain(addresses, load_plain(order, k), address)
        for k in range(n):
            address = load_plain(addresses, k)
            total += load_plain(address, 0) + load_plain(address + load_plain(address, 1), -1)
        release(state, addresses, n)
    return total


@kernel(f"int64(pointer[{GET}], int64, int64, int64)")
def take_window(get, state, live, window):
    """Fill `live` with `window` objects that hold -window … -1, as `cycle` expects; returns how many there were."""
    for k in range(window):
        address = get(state)
        if address == 0:
            return k
        store_plain(address, 0, k - window)
        store_plain(live, k, address)
    return window


@kernel(f"int64(pointer[{PUT}], int64, int64, int64)")
def return_window(put, state, live, window):
    """Put the objects of `live` back; returns how many were refused."""
    refused = 0
    for k in range(window):
        refused += put(state, load_plain(live, k)) != 0
    return refused


@kernel(f"int64(pointer[{CYCLE}], int64, int64, int64, int64, int64)")
def drive_cycle(cycle, state, live, window, first, steps):
    """Call a pool's own loop."""
    return cycle(state, live, window, first, steps)


@kernel(f"int64(pointer[{FILL}], int64, int64, int64, int64, int64)")
def drive_fill(fill, state, values, items, first, rounds):
    """Call a vector's own loop."""
    return fill(state, values, items, first, rounds)


# One call each, for the oracle.
@kernel(f"int64(pointer[{ALLOCATE}], int64, int64, int64)")
def call_allocate(allocate, state, size, align):
    """One allocation."""
    return allocate(state, size, align)


@kernel(f"int64(pointer[{RELEASE}], int64, int64, int64)")
def call_release(release, state, addresses, n):
    """One release."""
    return release(state, addresses, n)


@kernel(f"int64(pointer[{GET}], int64)")
def call_one(function, state):
    """One get, or clear."""
    return function(state)


@kernel(f"int64(pointer[{PUT}], int64, int64)")
def call_two(function, state, operand):
    """One put, push, at, handle or resolve."""
    return function(state, operand)


assert CLEAR == GET
assert PUSH == AT == HANDLE == PUT


@kernel(f"int64(pointer[{GET}], pointer[{PUT}], int64, int64, int64, int64, int64, int64)")
def hammer(get, put, state, me, hold, steps, control, threads):
    """Take `hold` objects, mark each as owned by `me` (from 1), unmark and put them back; `steps` times.

    Returns how often an object was owned by somebody else already, lost its mark, or was refused. Marks are in the last word
    of an object, 0 when nobody owns it; relaxed is enough, as a second owner shows whenever its exchange comes. `control`
    is the address of a word at which the threads meet first. A get that finds nothing gives the core away and tries again,
    for a second.
    """
    held = np.zeros(hold, dtype=np.int64)
    address_of = np.int64(held.ctypes.data)
    wrong = 0
    fetch_add_seq_cst(control, 0, 1)
    while load_acquire(control, 0) < threads:  # acquire: pairs with the fetch_add of the thread that comes last
        yield_core()
    for _ in range(steps):
        for k in range(hold):
            address, looks = get(state), 0
            while address == 0:
                if looks == _MOST_LOOKS:
                    return wrong + 1  # objects are lost: their owners would have come round
                looks += 1
                yield_core()
                address = get(state)
            wrong += cas_relaxed(address, _LAST, 0, me) != 0
            store_plain(address_of, k, address)
        for k in range(hold):
            address = load_plain(address_of, k)
            wrong += cas_relaxed(address, _LAST, me, 0) != me
            wrong += put(state, address) != 0
    return wrong
