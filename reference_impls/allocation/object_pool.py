"""A pool of objects that threads share: a lock-free stack of indices, with a tag against ABA.

                        line pair 0   heap calls (always 0) | objects     nobody writes
    thread A --> CAS -> line pair 1   head: tag | number      <- CAS <--  thread B     each get and each put
    thread A ---------> object i      link | 56 bytes                     its owner alone, and whoever reads a stale link
                        object j      link | 56 bytes      <------------  thread B

Layout of the objects and checks are those of single_owner_pool; only the head differs. A get reads the head, then the link of
the object it names, and exchanges the head for the link. Between the two others may take that object, take the next, and put
the first one back: the head names the same object again but the link that was read is stale (ABA). The plan's ArrayQueue
has a sequence number a slot against it; here each get adds 1 to a tag in the head's upper 40 bits, which comes round only after
2^40 gets during one (at 6 ns each: two hours).
A put by two threads of the same object at the same moment is beyond the check: one of them does not own it.
"""

from tickbench.components.allocation import contract
from tickbench.kernels.atomics import (
    cas_acquire,
    cas_release,
    load_acquire,
    load_plain,
    load_relaxed,
    store_plain,
    store_relaxed,
)
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_BYTES, ISOLATION_WORDS, LINE_BYTES, LINE_WORDS, Block
from tickbench.registry import variant

_REFUSED, _EMPTY = contract.REFUSED, contract.EMPTY
_OBJECTS = 1
_HEAD = ISOLATION_WORDS
_OWNED = -1
_LINE = LINE_BYTES
_LINE_SHIFT = LINE_BYTES.bit_length() - 1
_LINK_BYTES = 8
_FIRST_LINE = 2 * ISOLATION_BYTES - LINE_BYTES  # object 1 starts one line behind it
_NUMBER_BITS = 24
_NUMBER = (1 << _NUMBER_BITS) - 1
_TAG_STEP = 1 << _NUMBER_BITS


@kernel(contract.GET)
def _get(state):
    while True:
        # acquire: pairs with cas_release in _put, which published the link (gets in between keep the release sequence)
        head = load_acquire(state, _HEAD)
        number = head & _NUMBER
        if number == 0:
            return 0
        line = state + _FIRST_LINE + _LINE * number
        link = load_relaxed(line, 0)  # relaxed: may be stale or OWNED by now; then the tag differs and the exchange fails
        # acquire: the owner's use comes after it, and after what the last owner published by its _put
        if cas_acquire(state, _HEAD, head, ((head & ~_NUMBER) + _TAG_STEP) | (link & _NUMBER)) == head:
            store_relaxed(line, 0, _OWNED)  # relaxed: only for the check in _put by the same owner
            return line + _LINK_BYTES


@kernel(contract.PUT)
def _put(state, address):
    offset = address - _LINK_BYTES - state - _FIRST_LINE
    number = offset >> _LINE_SHIFT
    if offset & (_LINE - 1) != 0 or number < 1 or number > load_plain(state, _OBJECTS):
        return _REFUSED
    line = state + _FIRST_LINE + offset
    if load_relaxed(line, 0) != _OWNED:  # relaxed: the caller owns the object, or is refused
        return _REFUSED
    head = load_relaxed(state, _HEAD)  # relaxed: only a guess, the exchange decides
    while True:
        store_relaxed(line, 0, head & _NUMBER)  # relaxed: published by the exchange
        # release: publishes the link and the owner's last writes to load_acquire and cas_acquire in _get
        seen = cas_release(state, _HEAD, head, (head & ~_NUMBER) | number)
        if seen == head:
            return 0
        head = seen


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
    example_of="a lock-free free list with tags",
    capabilities=("pool", "shared_pool", "bounded"),
)
def object_pool(config: contract.AllocatorConfig) -> contract.NativeAllocator:
    """All objects free, in order."""
    block = Block(2 * ISOLATION_WORDS + LINE_WORDS * config.objects)
    words = block.array
    links = words[2 * ISOLATION_WORDS :: LINE_WORDS]
    links[:] = range(2, config.objects + 2)
    links[-1] = 0
    words[_HEAD], words[_OBJECTS] = 1, config.objects
    return contract.NativeAllocator(block, get=_get, put=_put, cycle=_cycle)
