"""The queue of update events: bounded, lock-free, many producers, any number of independent consumers.

Policy when full: the oldest event is overwritten. Producers never wait for a consumer (a market-data writer must not); a
consumer that falls a whole ring behind is told how many events it lost and goes on with the oldest that is left.

    words 0..15   capacity (events, a power of two)
    slot k        4 words: stamp | price * 2 + side | quantity | newest sequence dropped here
                  stamp = 2 * sequence when complete, odd while a producer writes it

An event's slot is its sequence number modulo the capacity, so taking the book's sequence number is taking a place in the
queue. Each slot is a seqlock. A producer that finds its slot still held by a producer one lap behind (preempted between two
stores) does not wait: it drops its event and leaves a note, so that consumers count it as lost instead of waiting for it.
"""

from tickbench.kernels.atomics import (
    cas_acquire,
    cas_release,
    fence_acquire,
    fence_release,
    load_acquire,
    load_plain,
    load_relaxed,
    store_plain,
    store_relaxed,
    store_release,
)
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_WORDS

SLOT_WORDS = 4
VOID_QUANTITY_LOTS = -1  # the sequence number was taken by an update that had to start again: nothing changed under it

# words of a consumer's cursor
CURSOR_SEQUENCE = 0  # the last sequence number that was delivered or lost
CURSOR_LOST = 1  # how many were lost
CURSOR_WORDS = 2
EVENT_WORDS = 4  # sequence, side, price in ticks, quantity in lots


def event_ring_words(capacity: int) -> int:
    """Words of a ring for `capacity` events (a power of two)."""
    return ISOLATION_WORDS + capacity * SLOT_WORDS


@kernel("int64(int64, int64)")
def initialise_events(ring, capacity):
    """Make an empty ring in zeroed words at address `ring`."""
    store_release(ring, 0, capacity)  # published before any thread that uses the ring is started
    return ring


@kernel("int64(int64, int64, int64, int64, int64)")
def _write_payload(slot, sequence, side, price_ticks, quantity_lots):
    """Fill a slot whose stamp is odd already, and complete the stamp."""
    fence_release()  # forbids that the new payload is seen under the old stamp
    store_relaxed(slot, 1, price_ticks * 2 + side)  # relaxed: ordered by the fence before and the release after
    store_relaxed(slot, 2, quantity_lots)  # relaxed: as above
    store_release(slot, 0, 2 * sequence)  # publishes the payload to load_acquire in poll_event
    return sequence


@kernel("int64(int64, int64, int64, int64, int64)")
def publish_single(ring, sequence, side, price_ticks, quantity_lots):
    """Publish an event where producers exclude each other (one writer, or under a lock)."""
    slot = ring + 8 * (ISOLATION_WORDS + (sequence & (load_plain(ring, 0) - 1)) * SLOT_WORDS)
    store_relaxed(slot, 0, 2 * sequence + 1)  # relaxed: the fence below orders it
    return _write_payload(slot, sequence, side, price_ticks, quantity_lots)


@kernel("int64(int64, int64)")
def _note_dropped(slot, sequence):
    """Remember in the slot that `sequence` was dropped, unless a newer one already was; returns 0."""
    newest = load_relaxed(slot, 3)  # relaxed: the compare-exchange decides
    while newest < sequence:
        seen = cas_release(slot, 3, newest, sequence)  # pairs with load_acquire in poll_event
        if seen == newest:
            break
        newest = seen
    return 0


@kernel("int64(int64, int64, int64, int64, int64)")
def publish_shared(ring, sequence, side, price_ticks, quantity_lots):
    """Publish an event beside other producers; never waits. Returns 0 if the event was dropped, else `sequence`."""
    slot = ring + 8 * (ISOLATION_WORDS + (sequence & (load_plain(ring, 0) - 1)) * SLOT_WORDS)
    stamp = load_relaxed(slot, 0)  # relaxed: the compare-exchange below decides
    while True:
        if stamp >> 1 >= sequence:
            return 0  # a whole lap late: consumers see the newer stamp and count this one as lost
        if stamp & 1:
            return _note_dropped(slot, sequence)
        seen = cas_acquire(slot, 0, stamp, 2 * sequence + 1)
        if seen == stamp:
            break
        stamp = seen
    return _write_payload(slot, sequence, side, price_ticks, quantity_lots)


@kernel("int64(int64, int64)")
def _skip(cursor, sequence):
    """Count everything after the cursor, up to and including `sequence`, as lost."""
    lost = sequence - load_plain(cursor, CURSOR_SEQUENCE)
    store_plain(cursor, CURSOR_LOST, load_plain(cursor, CURSOR_LOST) + lost)
    store_plain(cursor, CURSOR_SEQUENCE, sequence)
    return lost


@kernel("int64(int64, int64, int64)")
def poll_event(ring, cursor, out):
    """Take the next event of this consumer into `out` (EVENT_WORDS words); 1 if there was one, else 0.

    `cursor` is the address of CURSOR_WORDS words that belong to the consumer, zero at first. Events come in the order
    of their sequence numbers, each once; those overwritten or dropped before this call are added to CURSOR_LOST.
    """
    capacity = load_plain(ring, 0)
    while True:
        sequence = load_plain(cursor, CURSOR_SEQUENCE) + 1
        slot = ring + 8 * (ISOLATION_WORDS + (sequence & (capacity - 1)) * SLOT_WORDS)
        stamp = load_acquire(slot, 0)  # pairs with the release of the stamp in publish_*
        if stamp == 2 * sequence:
            packed = load_relaxed(slot, 1)  # relaxed: the second look at the stamp tells whether they belong together
            quantity_lots = load_relaxed(slot, 2)  # relaxed: as above
            fence_acquire()  # forbids that the payload is read after the stamp is looked at again
            if load_relaxed(slot, 0) == stamp:  # relaxed: ordered by the fence
                store_plain(out, 0, sequence)
                store_plain(out, 1, packed & 1)
                store_plain(out, 2, packed >> 1)
                store_plain(out, 3, quantity_lots)
                store_plain(cursor, CURSOR_SEQUENCE, sequence)
                return 1
        elif stamp >> 1 > sequence:
            _skip(cursor, (stamp >> 1) - capacity)  # lapped: the oldest event left is one lap behind this one
        elif stamp >> 1 < sequence and load_acquire(slot, 3) >= sequence:  # pairs with cas_release in _note_dropped
            _skip(cursor, sequence)
        else:
            return 0  # not published yet
