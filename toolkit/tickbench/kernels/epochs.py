"""A pool of equal nodes for lock-free structures; epochs keep a removed node until nobody can be reading it.

A thread pins itself (writes the global epoch into its slot) while it follows links. A node that has been unlinked
goes into a bag of its thread for the current epoch. The epoch advances only when every pinned thread has seen it:
two advances after a node was retired, no thread that could have reached it is still pinned, and whoever makes the
second one hands the bags of that epoch to the free stack. The scheme is Fraser's (Practical lock-freedom, 2004,
section 5.2.3).

    line pair 0   threads, node bytes, end of the pool                  fixed when it is made
    line pair 1   epoch                                                 read by every pin, written by an advance
    line pair 2   free stack: node and a tag that changes every time    any thread
    line pair 3   first node that was never used                        any thread
    then          one slot a thread: epoch * 2 + 1 while pinned | nodes retired | three bags (newest, oldest node)
    then          nodes; word 0 chains free and retired ones

A node's name is its byte offset from the pool; 0 is no node. A thread that stalls while pinned stops reclamation, not
the other threads: they go on until the pool is used up.
"""

from tickbench.kernels.atomics import (
    cas_acq_rel,
    cas_acquire,
    cas_release,
    exchange_seq_cst,
    fence_seq_cst,
    fetch_add_relaxed,
    load_acquire,
    load_plain,
    load_relaxed,
    load_seq_cst,
    store_plain,
    store_relaxed,
    store_release,
)
from tickbench.kernels.jit import kernel, machine
from tickbench.kernels.memory import ISOLATION_WORDS, WORD_BYTES, round_up_words
from tickbench.kernels.system import yield_core

# A node's byte offset and a tag share a word: bits 6..35 are the offset (64 GiB), bits 36..63 count changes.
NODE = (1 << 36) - (1 << 6)
TAG_ONE = 1 << 36
TAG = -TAG_ONE
CHAIN = 0  # the word of a node that the pool uses while the node is free or retired

_THREADS, _NODE_BYTES, _END = 0, 1, 2
_EPOCH, _FREE, _FRESH, _SLOTS = (pair * ISOLATION_WORDS for pair in range(1, 5))
_PINNED, _RETIRED, _BAGS = 0, 1, 2
# About 50 ms where nobody else wants the core; a thread that has not run for so long is stopped, not preempted.
_PATIENCE_YIELDS = 1 << 17
# Retirements of a thread between two tries to advance: a try reads a line of every thread, up to 50 ns each.
_RETIRED_BATCH = 64
# x86: a locked instruction is a full fence (Intel SDM 3A, 8.2.3.9) and costs a fifth of mfence.
_LOCKED_IS_FENCE = "86" in machine()


def pool_words(threads: int, nodes: int, node_words: int) -> int:
    """Words of a pool of `nodes` nodes; `node_words` is a multiple of 8."""
    return _first_node(threads, node_words) + nodes * node_words


def _first_node(threads: int, node_words: int) -> int:
    return round_up_words(_SLOTS + threads * ISOLATION_WORDS, max(ISOLATION_WORDS, node_words))


def initialise_pool(pool: int, threads: int, nodes: int, node_words: int) -> None:
    """Make a pool in zeroed words at address `pool` (a multiple of 64), before any thread uses it."""
    first = WORD_BYTES * _first_node(threads, node_words)
    _set_geometry(pool, threads, node_words * WORD_BYTES, first, first + nodes * node_words * WORD_BYTES)


@kernel("int64(int64, int64, int64, int64, int64)")
def _set_geometry(pool, threads, node_bytes, first, end):
    """Write the fixed words; threads that use the pool are started later, so plain stores do."""
    store_plain(pool, _THREADS, threads)
    store_plain(pool, _NODE_BYTES, node_bytes)
    store_plain(pool, _END, end)
    store_plain(pool, _FRESH, first)
    return pool


@kernel("int64(int64, int64)")
def pin(pool, thread):
    """From here to `unpin` no node that this thread can reach is used anew; calls do not nest."""
    word = load_acquire(pool, _EPOCH) * 2 + 1  # pairs with the release in advance: our bag is empty
    slot = _SLOTS + thread * ISOLATION_WORDS
    if _LOCKED_IS_FENCE:
        exchange_seq_cst(pool, slot + _PINNED, word)  # forbids that a link is read before the pin is visible
    else:
        store_relaxed(pool, slot + _PINNED, word)  # relaxed: the fence orders it
        fence_seq_cst()  # forbids that a link is read before the pin is visible
    return 0


@kernel("int64(int64, int64)")
def unpin(pool, thread):
    """This thread holds no node any more."""
    # publishes that all reads are done, and the bags, to the load_acquire of the slots in advance
    store_release(pool, _SLOTS + thread * ISOLATION_WORDS + _PINNED, 0)
    return 0


@kernel("int64(int64)")
def allocate(pool):
    """A node for the caller, 0 where none is free; its words hold what the last owner left."""
    top = load_acquire(pool, _FREE)  # pairs with cas_release in _push: the chain word below
    while top & NODE:
        node = top & NODE
        below = load_relaxed(pool + node, CHAIN)  # relaxed: if the node is gone by now, the tag has changed
        seen = cas_acquire(pool, _FREE, top, (top & TAG) + TAG_ONE | below)  # pairs with cas_release in _push
        if seen == top:
            return node
        top = seen
    end = load_plain(pool, _END)
    if load_relaxed(pool, _FRESH) < end:  # relaxed: only keeps the counter from running away
        node = fetch_add_relaxed(pool, _FRESH, load_plain(pool, _NODE_BYTES))  # relaxed: nobody has used it
        if node < end:
            return node
    return 0


@kernel("int64(int64, int64, int64)")
def _push(pool, newest, oldest):
    """Put a chain of nodes, linked from `newest` to `oldest`, on the free stack."""
    top = load_relaxed(pool, _FREE)  # relaxed: the compare-exchange decides
    while True:
        store_relaxed(pool + oldest, CHAIN, top & NODE)  # relaxed: published by the compare-exchange
        # publishes the chain to load_acquire and cas_acquire in allocate
        seen = cas_release(pool, _FREE, top, (top & TAG) + TAG_ONE | newest)
        if seen == top:
            return newest
        top = seen


@kernel("int64(int64, int64)")
def give_back(pool, node):
    """Return a node that no other thread has seen since it was allocated."""
    return _push(pool, node, node)


@kernel("int64(int64, int64)")
def advance(pool, thread):
    """Advance the epoch if every pinned thread has seen it, and free what was retired in the last one; 1 if so.

    The caller is pinned, which keeps the epoch from advancing again before the bags are empty.
    """
    epoch = load_acquire(pool, _EPOCH)
    fence_seq_cst()  # forbids that the slots are read before the epoch: who is not seen here pins no older one
    threads = load_plain(pool, _THREADS)
    for other in range(threads):
        pinned = load_acquire(pool, _SLOTS + other * ISOLATION_WORDS + _PINNED)  # pairs with unpin
        if (pinned != 0 or other == thread) and pinned != epoch * 2 + 1:
            return 0
    if cas_acq_rel(pool, _EPOCH, epoch, epoch + 1) != epoch:  # publishes the end of the epoch to pin
        return 0
    for other in range(threads):
        bag = _SLOTS + other * ISOLATION_WORDS + _BAGS + 2 * ((epoch + 2) % 3)
        newest = load_plain(pool, bag)  # plain: its owner is at this epoch or later and fills other bags
        if newest != 0:
            store_plain(pool, bag, 0)
            _push(pool, newest, load_plain(pool, bag + 1))
    return 1


@kernel("int64(int64, int64, int64)")
def retire(pool, thread, node):
    """Hand in a node that has been unlinked from everywhere, to be free two epochs later; the caller is pinned."""
    if not _LOCKED_IS_FENCE:
        fence_seq_cst()  # forbids that the epoch is read before the node was unlinked; x86 keeps loads in order
    epoch = load_seq_cst(pool, _EPOCH)
    slot = _SLOTS + thread * ISOLATION_WORDS
    bag = slot + _BAGS + 2 * (epoch % 3)  # plain below: who empties this bag has seen us unpinned
    newest = load_plain(pool, bag)
    store_relaxed(pool + node, CHAIN, newest)  # relaxed: a late allocate may look at it, and drops what it saw
    if newest == 0:
        store_plain(pool, bag + 1, node)
    store_plain(pool, bag, node)
    retired = load_plain(pool, slot + _RETIRED) + 1
    store_plain(pool, slot + _RETIRED, retired)
    if retired % _RETIRED_BATCH == 0:
        advance(pool, thread)
    return epoch


@kernel("int64(int64, int64)")
def allocate_retired(pool, thread):
    """A node when `allocate` found none: wait until retired ones are free again. 0 if that does not help.

    The caller is not pinned. Other threads get the core, as one that was preempted while pinned may be what
    keeps the nodes from being free.
    """
    advances = 0
    for _ in range(_PATIENCE_YIELDS):
        pin(pool, thread)
        moved = advance(pool, thread)
        unpin(pool, thread)
        node = allocate(pool)
        advances += moved
        if node != 0 or advances == 3:  # after two advances all that had been retired before the call is free
            return node
        if not moved:
            yield_core()
    return 0
