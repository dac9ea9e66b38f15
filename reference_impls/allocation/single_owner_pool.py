"""A pool of objects that one thread owns: a free list, no atomic operation.

    line 0   heap calls (always 0) | head: the first free object, 0 if there is none | byte offset behind the last object
    then     one line an object: link | 56 bytes for the owner

Objects are named by the byte offset of their line. The link is the next free object, 0 at the end, or OWNED while the object is
handed out: so a second return is refused, and so is an address that is no object of this pool.
"""

import numpy as np

from tickbench.components.allocation import contract
from tickbench.kernels.atomics import load_plain, store_plain
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import LINE_BYTES, LINE_WORDS, Block
from tickbench.registry import variant

_REFUSED, _EMPTY = contract.REFUSED, contract.EMPTY
_HEAD, _END = 1, 2
_OWNED = -1
_LINE = LINE_BYTES  # also the header: the first object follows it
_LINK_BYTES = 8


@kernel(contract.GET)
def _get(state):
    offset = load_plain(state, _HEAD)
    if offset == 0:
        return 0
    line = state + offset
    store_plain(state, _HEAD, load_plain(line, 0))
    store_plain(line, 0, _OWNED)
    return line + _LINK_BYTES


@kernel(contract.PUT)
def _put(state, address):
    offset = address - _LINK_BYTES - state
    if offset & (_LINE - 1) != 0 or offset < _LINE or offset >= load_plain(state, _END):
        return _REFUSED
    line = state + offset
    if load_plain(line, 0) != _OWNED:
        return _REFUSED
    store_plain(line, 0, load_plain(state, _HEAD))
    store_plain(state, _HEAD, offset)
    return 0


@kernel(contract.CYCLE)
def _cycle(state, live, window, first, steps):
    total = 0
    for k in range(first, first + steps):
        taken = _get(state)
        if taken == 0:
            return _EMPTY
        store_plain(taken, 0, k)
        slot = k & (window - 1)
        old = load_plain(live, slot)
        total += load_plain(old, 0)
        if _put(state, old) != 0:
            return _EMPTY
        store_plain(live, slot, taken)
    return total


@variant(
    "allocation",
    runtime="native",
    example_of="a free list that one thread owns",
    capabilities=("pool", "bounded"),
)
def single_owner_pool(config: contract.AllocatorConfig) -> contract.NativeAllocator:
    """All objects free, in order."""
    block = Block(LINE_WORDS * (1 + config.objects))
    words = block.array
    links = words[LINE_WORDS::LINE_WORDS]
    links[:] = LINE_BYTES * np.arange(2, config.objects + 2)
    links[-1] = 0
    words[_HEAD], words[_END] = LINE_BYTES, LINE_BYTES * (config.objects + 1)
    return contract.NativeAllocator(block, get=_get, put=_put, cycle=_cycle)
