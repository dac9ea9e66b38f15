"""The optimisation plan's design made right: a concurrent skip list a side, changed by compare-and-swap.

The plan's own sketch replaces a level on every insert, and so loses its order count and what another thread was
adding; it never deletes a level; and it calls itself wait-free where it is lock-free at most. Here a level is
updated in place, in one word; a deleted level leaves the list, and its node is used again once no thread can be
reading it (`kernels.skiplist`, `kernels.epochs`).

Peers' figures say what to expect: their skip lists take 3 to 5 times as long per update as a B-tree under a mutex,
since a search follows some twenty links all over memory. So this is the middle rung of the comparison, not its headline.

    header            geometry; the sequence counter has a line pair of its own
    a part a thread   random state, level counts (owner -> level_count); the path of the last search (owner only)
    pool              epochs; nodes, one a level
    events

Sequence numbers: an update reads the state that it is about to change, takes the next number, then compares-and-swaps
from exactly that state. The state is the level's word, or for an absent level the link that leads past its price,
whose tag is changed by every insert, removal and delete of a missing level there. If the swap fails, the number is
published as void and the update starts again; so the changes of a price happen in the order of their numbers.
Stamps and tags tell a state from an earlier one of the same content. They wrap after 2^26 updates and 2^28 changes of
one link, which matters only to a thread that stops between its read and its swap for exactly so many.

What a concurrent reader may see: `best` is a pair of sides that stood at one moment, never torn; `top` is one side as
it stood at one moment, or BUSY after 64 attempts; `level_count` adds up counters one after the other: exact when no
update is in flight, else without some of the updates made during the call. `sequence` counts updates in flight, and
void ones. `update` and `best` are lock-free: an attempt fails only because another thread has changed that very place.
Memory is not: while a thread stalls inside an update, removed nodes are not used again. An update that finds no node
waits for about 50 ms and then returns FULL.

Longer than a variant should be: the reads that make it linearizable and the order of the numbers are what it is about.
"""

from tickbench.components.order_book import contract
from tickbench.components.order_book.events import (
    VOID_QUANTITY_LOTS,
    event_ring_words,
    initialise_events,
    publish_shared,
)
from tickbench.kernels import epochs, skiplist, skiplist_reads
from tickbench.kernels.atomics import (
    cas_acq_rel,
    fetch_add_relaxed,
    load_acquire,
    load_plain,
    load_relaxed,
    store_plain,
    store_relaxed,
)
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_WORDS, WORD_BYTES, Block
from tickbench.kernels.skiplist import STAMP, STAMP_BITS, VALUE
from tickbench.registry import variant

_CAPACITY, _THREADS, _POOL_BYTES, _EVENTS_BYTES, _HEADS = range(5)  # _HEADS: one word a side
_SEQUENCE = ISOLATION_WORDS
_PARTS = 2 * ISOLATION_WORDS
_RANDOM, _COUNTS, _PATH = 0, 1, ISOLATION_WORDS
_PART_WORDS = _PATH + skiplist.PATH_WORDS
_TOP_ATTEMPTS = 64
# Removed nodes that may wait while a thread is preempted inside an update: 15 ms at 4 million deletes a second.
_WAITING_NODES = 1 << 16
_SEED = 0x2545F4914F6CDD1D  # any odd number: it makes the threads' first random states differ


@kernel("int64(int64, int64)")
def _key(side, price):
    """Ascending keys are best first: the price of an ask, the complement of that of a bid; its own inverse."""
    return price if side == contract.ASK else ~price


@kernel("int64(int64, int64, int64, int64)")
def _side_in_range(book, thread, side, n):
    """Whether a thread, a side and a number that is not negative were given."""
    return 0 <= thread < load_plain(book, _THREADS) and (side == contract.BID or side == contract.ASK) and n >= 0


@kernel("int64(int64, int64, int64)")
def _count(part, side, change):
    """Count a level in or out, in the words of this thread."""
    levels = load_plain(part, _COUNTS + side) + change
    store_relaxed(part, _COUNTS + side, levels)  # relaxed: the sum is not promised to belong to one moment
    return levels


@kernel("int64(int64, int64, int64, int64, int64, int64)")
def _apply(book, pool, thread, side, price, lots):
    """Change a level under a pin: search, take a number, swap, until the swap succeeds; FULL where no node is left."""
    part = book + WORD_BYTES * (_PARTS + thread * _PART_WORDS)
    path = part + WORD_BYTES * _PATH
    head, key, spare, height = load_plain(book, _HEADS + side), _key(side, price), 0, 0
    while True:
        node = skiplist.find(pool, path, head, key)
        present = node != 0 and skiplist.key_of(pool, node) == key
        word = load_acquire(pool + node, VALUE) if present else 0  # pairs with the swap that wrote it
        if present and word >> STAMP_BITS == 0:
            skiplist.mark(pool, node)  # somebody is deleting it: the next search unlinks it
            continue
        if not present and lots != 0 and spare == 0:
            spare, height = epochs.allocate(pool), skiplist.random_height(part + WORD_BYTES * _RANDOM)
            if spare == 0:
                epochs.unpin(pool, thread)
                spare = epochs.allocate_retired(pool, thread)
                epochs.pin(pool, thread)
                if spare == 0:
                    return contract.FULL
                continue  # what was found before is not held any more
        # relaxed: who acquires a state that another wrote takes its number after that one's
        ticket = fetch_add_relaxed(book, _SEQUENCE, 1) + 1
        new_word = lots << STAMP_BITS | (ticket & STAMP)
        if present:
            # publishes the level to load_acquire of VALUE
            done = cas_acq_rel(pool + node, VALUE, word, new_word) == word
        elif lots == 0:
            done = skiplist.confirm_absent(pool, path) != 0
        else:
            done = skiplist.insert(pool, path, spare, key, height, new_word) != 0
        events = book + load_plain(book, _EVENTS_BYTES)
        publish_shared(events, ticket, side, price, lots if done else VOID_QUANTITY_LOTS)
        if done:
            break
    if present and lots == 0:
        _count(part, side, -1)
        skiplist.remove(pool, thread, path, head, node)
    elif not present and lots != 0:
        _count(part, side, 1)
        skiplist.build_tower(pool, thread, path, head, spare)
        spare = 0
    if spare != 0:
        epochs.give_back(pool, spare)
    return ticket


@kernel(contract.UPDATE)
def _update(book, thread, side, price, lots):
    """Validate, then apply under a pin."""
    in_range = 0 <= price < load_plain(book, _CAPACITY) and lots <= contract.MAX_QUANTITY_LOTS
    if not (in_range and _side_in_range(book, thread, side, lots)):
        return contract.REJECTED
    pool = book + load_plain(book, _POOL_BYTES)
    epochs.pin(pool, thread)
    ticket = _apply(book, pool, thread, side, price, lots)
    epochs.unpin(pool, thread)
    return ticket


@kernel("int64(int64, int64, int64, int64, int64)")
def _put_level(out, side, link, key, value):
    """Write price and quantity, or those of no level where the link leads nowhere, to two words at address `out`."""
    store_plain(out, 0, _key(side, key) if link & epochs.NODE else contract.NO_PRICE_TICKS)
    store_plain(out, 1, value >> STAMP_BITS)
    return out


@kernel(contract.BEST)
def _best(book, thread, out):
    """Read both sides, then look at the bid again: had it changed, the pair might never have stood."""
    pool = book + load_plain(book, _POOL_BYTES)
    bids, asks = load_plain(book, _HEADS + contract.BID), load_plain(book, _HEADS + contract.ASK)
    while True:
        bid_link, bid_key, bid_value = skiplist_reads.first(pool, bids)
        ask_link, ask_key, ask_value = skiplist_reads.first(pool, asks)
        if bid_link & epochs.NODE and bid_value >> STAMP_BITS == 0:
            skiplist_reads.help_first(pool, thread, bids)
        elif ask_link & epochs.NODE and ask_value >> STAMP_BITS == 0:
            skiplist_reads.help_first(pool, thread, asks)
        elif skiplist_reads.still_first(pool, bids, bid_link, bid_value):
            break
    _put_level(out, contract.BID, bid_link, bid_key, bid_value)
    _put_level(out + 2 * WORD_BYTES, contract.ASK, ask_link, ask_key, ask_value)
    return 0


@kernel(contract.TOP)
def _top(book, thread, side, n, out):
    """Take snapshots until one was not disturbed, 64 at most."""
    if not _side_in_range(book, thread, side, n):
        return contract.REJECTED
    pool, head = book + load_plain(book, _POOL_BYTES), load_plain(book, _HEADS + side)
    for _ in range(_TOP_ATTEMPTS):
        levels = skiplist_reads.snapshot(pool, thread, head, n, out)
        if levels >= 0:
            for level in range(levels):
                store_plain(out, 2 * level, _key(side, load_plain(out, 2 * level)))
            return levels
    return contract.BUSY


@kernel(contract.LEVEL_COUNT)
def _level_count(book, thread, side):
    """Add up the threads' counters; not below 0, though a level may be seen to go that was not seen to come."""
    if not _side_in_range(book, thread, side, 0):
        return contract.REJECTED
    levels = 0
    for other in range(load_plain(book, _THREADS)):
        part = book + WORD_BYTES * (_PARTS + other * _PART_WORDS)
        levels += load_relaxed(part, _COUNTS + side)  # relaxed: the sum is not promised to be of one moment
    return max(levels, 0)


@kernel(contract.SEQUENCE)
def _sequence(book, thread):
    """The newest number that was taken."""
    return load_acquire(book, _SEQUENCE)  # acquire: what is read of the book next is not older


@kernel("int64(int64, int64, int64, int64, int64, int64)")
def _initialise(book, capacity, threads, pool_bytes, events_bytes, seed):
    """Write header, random states and two empty lists. Plain stores do: other threads are started later."""
    store_plain(book, _CAPACITY, capacity)
    store_plain(book, _THREADS, threads)
    store_plain(book, _POOL_BYTES, pool_bytes)
    store_plain(book, _EVENTS_BYTES, events_bytes)
    for thread in range(threads):
        store_plain(book, _PARTS + thread * _PART_WORDS + _RANDOM, seed * (2 * thread + 1))
    for side in range(2):
        head = epochs.allocate(book + pool_bytes)
        store_plain(book, _HEADS + side, skiplist.make_head(book + pool_bytes, head))
    return book


@variant(
    "order_book",
    runtime="native",
    example_of="the plan's skip list made right: levels changed in place, nodes reclaimed by epochs",
    capabilities=("concurrent_readers", "concurrent_writers", "events"),
)
def lockfree_skiplist(config):
    """Build an empty book; `level_capacity` levels fit on each side, and more when nothing waits to be freed."""
    nodes = 2 + 2 * config.level_capacity + _WAITING_NODES
    pool = _PARTS + config.threads * _PART_WORDS
    ring = pool + epochs.pool_words(config.threads, nodes, skiplist.NODE_WORDS)
    block = Block(ring + event_ring_words(config.event_capacity))
    pool_bytes, ring_bytes = WORD_BYTES * pool, WORD_BYTES * ring
    epochs.initialise_pool(block.address + pool_bytes, config.threads, nodes, skiplist.NODE_WORDS)
    initialise_events(block.address + ring_bytes, config.event_capacity)
    _initialise(block.address, config.price_capacity_ticks, config.threads, pool_bytes, ring_bytes, _SEED)
    return contract.NativeBook(block, _update, _best, _top, _level_count, _sequence, ring)
