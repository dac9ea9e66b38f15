"""Bounded rings of 64-byte slots, used in place: claim -> write -> publish; peek -> read -> release. Nothing is copied.

    spsc_{claim,publish,peek,release}            one producer, one consumer; also between processes
    mpmc_{claim,publish,abandon,peek,release}    any number of both: a stamp in each slot

A claim answers the address of a free slot, or RING_FULL; a peek the address of the oldest message, or RING_EMPTY. Neither
waits: how to wait is the caller's matter. What a peek answered belongs to the consumer until it is released, and to the
producer from then on: who reads it later reads what the producer writes there. Indices count up for ever, wrap at 2^64 and
are compared by their difference; the capacity is a power of two, so that a slot is `index & (capacity - 1)` over the wrap,
too.

The ring for one producer and one consumer: what both sides touch, and what is each side's own.

                  shared words                        own words (a block of SPSC_OWN_WORDS for each side)
    producer ──▶ [ tail          ] ◀── polled ──      producer: next | remote = newest head seen | capacity …
    ── polled ─▶ [ head          ] ◀── consumer       consumer: next | remote = newest tail seen | capacity …
    producer ──▶ [ slot, slot, … ] ◀── consumer       each on line pairs of its own, which nobody else reads

Each side looks at the other's index only when the one it remembers says full or empty, and never reads the line that the
other polls: what is its own it reads from its own words. All that it trusts (capacity, own position) is in its own words
as well: an index in shared memory that cannot be is answered with RING_CORRUPT, never followed.

The ring for many is D. Vyukov's bounded queue (1024cores.net) with two bits of state in the stamp. It is not lock-free: a
producer that loses its core between claim and publish holds up the consumers when they reach its slot, and a consumer
between peek and release the producers a lap later. A producer that gives up must say so (`mpmc_abandon`).

    tail  ◀── compare-and-swap by every producer       head  ◀── compare-and-swap by every consumer
    slot = [ stamp | … ][ 8 words of message ]          two lines; stamp = 4 * ticket + FREE, FILLED or VOID
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tickbench.errors import InputError
from tickbench.kernels.atomics import (
    cas_relaxed,
    load_acquire,
    load_plain,
    load_relaxed,
    store_plain,
    store_release,
)
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_WORDS, LINE_WORDS

RING_FULL = RING_EMPTY = 0  # no address is 0
RING_CORRUPT = -2  # the other side's index is more than a ring away from ours

SLOT_WORDS = LINE_WORDS
MOST_SLOTS = 1 << 24  # 1 GiB of slots: more is a slip

TAIL, HEAD, _SPSC_SLOTS = 0, ISOLATION_WORDS, 2 * ISOLATION_WORDS  # the shared words
_NEXT, _REMOTE, _CAPACITY, _RELEASED, _RELEASE_EVERY = range(5)  # a side's own words
SPSC_OWN_WORDS = ISOLATION_WORDS

_MPMC_TAIL, _MPMC_HEAD, _MPMC_CAPACITY, _MPMC_SLOTS = (i * ISOLATION_WORDS for i in range(4))
_MPMC_SLOT_WORDS = 2 * LINE_WORDS
# How many slots ahead a side asks for the line that it will need, where the slot is its own already: the transfer of one line
# takes as long as some 8 messages.
_AHEAD = 8
_FREE, _FILLED, _VOID = 0, 1, 2  # of slot and ticket: to be claimed, to be read, to be passed over
_STATES = 4


def _prefetch(name: str, write: int) -> Any:
    """An intrinsic that asks for the line at an address before it is needed, for reading or for writing."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer, i32 = ir.IntType(8).as_pointer(), ir.IntType(32)
        prefetch = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), [pointer, i32, i32, i32]), "llvm.prefetch.p0"
        )
        near, data = ir.Constant(i32, 3), ir.Constant(i32, 1)
        builder.call(prefetch, [builder.inttoptr(arguments[0], pointer), ir.Constant(i32, write), near, data])
        return context.get_dummy_value()

    def typed(_context: Any, address: Any) -> Any:
        return types.void(types.int64), generate

    typed.__name__ = typed.__qualname__ = name
    return intrinsic(typed)


prefetch_to_read, prefetch_to_write = _prefetch("prefetch_to_read", 0), _prefetch("prefetch_to_write", 1)


def check_capacity(capacity: int) -> int:
    """The capacity itself; raises InputError unless it is a power of two from 1 to MOST_SLOTS."""
    if capacity < 1 or capacity > MOST_SLOTS or capacity & (capacity - 1):
        raise InputError(f"ring: the capacity must be a power of two from 1 to {MOST_SLOTS}, got {capacity}")
    return capacity


def spsc_words(capacity: int) -> int:
    """Shared words of a ring for one producer and one consumer; zeroed, it is empty and starts at index 0."""
    return _SPSC_SLOTS + check_capacity(capacity) * SLOT_WORDS


def mpmc_words(capacity: int) -> int:
    """Words of a ring for many; `mpmc_initialise` makes it."""
    return _MPMC_SLOTS + check_capacity(capacity) * _MPMC_SLOT_WORDS


@kernel("int64(int64, int64)")
def _distance_code(distance, capacity):
    return 0 if 0 <= distance <= capacity else RING_CORRUPT


@kernel("int64(int64, int64)")
def spsc_start_at(ring, index):
    """Make both indices of a ring that nobody uses yet start at `index`."""
    store_release(ring, TAIL, index)  # published before the other side is started
    store_release(ring, HEAD, index)  # as above
    return 0


@kernel("int64(int64, int64, int64)")
def spsc_take_producer(own, ring, capacity):
    """Fill the producer's own words, from where the last producer stopped: what it had not published is not there."""
    store_plain(own, _NEXT, load_acquire(ring, TAIL))  # acquire: a producer before us, in a process that has ended
    store_plain(own, _REMOTE, load_acquire(ring, HEAD))  # acquire: as in spsc_claim
    store_plain(own, _CAPACITY, capacity)
    return _distance_code(load_plain(own, _NEXT) - load_plain(own, _REMOTE), capacity)


@kernel("int64(int64, int64, int64, int64)")
def spsc_take_consumer(own, ring, capacity, release_every):
    """Fill the consumer's own words, from the last release on: what was peeked and not released comes again.

    Slots are given back `release_every` at a time, at most half a ring; whatever is held is given back when the ring is empty.
    """
    head = load_acquire(ring, HEAD)  # acquire: a consumer before us, in a process that has ended
    store_plain(own, _NEXT, head)
    store_plain(own, _RELEASED, head)
    store_plain(own, _REMOTE, head)  # so the first peek looks for itself
    store_plain(own, _CAPACITY, capacity)
    store_plain(own, _RELEASE_EVERY, max(1, min(release_every, capacity // 2)))
    return _distance_code(load_acquire(ring, TAIL) - head, capacity)  # acquire: as in spsc_peek


@kernel("int64(int64)")
def spsc_position(own):
    """Index of the next message of this side: how many were published, or released, counted from the start index."""
    return load_plain(own, _NEXT)


@kernel("int64(int64, int64)")
def spsc_claim(own, ring):
    """Address of the next free slot, RING_FULL or RING_CORRUPT. Claiming again without publishing answers the same slot."""
    index, capacity = load_plain(own, _NEXT), load_plain(own, _CAPACITY)
    if index - load_plain(own, _REMOTE) == capacity:
        # acquire: pairs with the release of HEAD: the consumer's reads of the slot are done before we write it
        head = load_acquire(ring, HEAD)
        store_plain(own, _REMOTE, head)
        if index - head == capacity:
            return RING_FULL
        if _distance_code(index - head, capacity) != 0:
            store_plain(own, _REMOTE, index - capacity)  # look again next time
            return RING_CORRUPT
    if index + _AHEAD - load_plain(own, _REMOTE) < capacity:
        prefetch_to_write(ring + 8 * (_SPSC_SLOTS + ((index + _AHEAD) & (capacity - 1)) * SLOT_WORDS))
    return ring + 8 * (_SPSC_SLOTS + (index & (capacity - 1)) * SLOT_WORDS)


@kernel("int64(int64, int64)")
def spsc_publish(own, ring):
    """Give the claimed slot to the consumer; returns 1."""
    index = load_plain(own, _NEXT) + 1
    store_plain(own, _NEXT, index)
    store_release(ring, TAIL, index)  # publishes the slot's words to load_acquire of TAIL in spsc_peek
    return 1


@kernel("int64(int64, int64, int64)")
def _give_back(own, ring, index):
    store_plain(own, _RELEASED, index)
    store_release(ring, HEAD, index)  # our reads of all slots before are done when spsc_claim acquires it
    return 1


@kernel("int64(int64, int64)")
def spsc_peek(own, ring):
    """Address of the oldest message, RING_EMPTY or RING_CORRUPT. Peeking again without releasing answers the same slot."""
    index, capacity = load_plain(own, _NEXT), load_plain(own, _CAPACITY)
    if index == load_plain(own, _REMOTE):
        # acquire: pairs with the release of TAIL in spsc_publish
        tail = load_acquire(ring, TAIL)
        if tail == index:
            if load_plain(own, _RELEASED) != index:
                _give_back(own, ring, index)
            return RING_EMPTY
        if _distance_code(tail - index, capacity) != 0:
            return RING_CORRUPT
        store_plain(own, _REMOTE, tail)
    if load_plain(own, _REMOTE) - index > _AHEAD:
        prefetch_to_read(ring + 8 * (_SPSC_SLOTS + ((index + _AHEAD) & (capacity - 1)) * SLOT_WORDS))
    return ring + 8 * (_SPSC_SLOTS + (index & (capacity - 1)) * SLOT_WORDS)


@kernel("int64(int64, int64)")
def spsc_release(own, ring):
    """Give the peeked slot back to the producer, at once or with the next ones (`release_every`); returns 1."""
    index = load_plain(own, _NEXT) + 1
    store_plain(own, _NEXT, index)
    if index - load_plain(own, _RELEASED) >= load_plain(own, _RELEASE_EVERY):
        _give_back(own, ring, index)
    return 1


@kernel("int64(int64, int64, int64)")
def _mpmc_slot(ring, ticket, capacity):
    return ring + 8 * (_MPMC_SLOTS + (ticket & (capacity - 1)) * _MPMC_SLOT_WORDS)


@kernel("int64(int64, int64, int64)")
def _mpmc_free(slot, state, capacity):
    """Make the slot free for the ticket of the next lap."""
    stamp = load_relaxed(slot, 0)  # relaxed: nobody else writes the stamp of a slot that a consumer took
    # our reads of the message are done when load_acquire in mpmc_claim sees the new lap
    store_release(slot, 0, stamp - state + _STATES * capacity + _FREE)
    return 1


@kernel("int64(int64, int64, int64)")
def mpmc_initialise(ring, capacity, start):
    """Make an empty ring whose indices start at `start`, in words that nobody uses yet."""
    store_plain(ring, _MPMC_CAPACITY, capacity)
    for index in range(capacity):
        ticket = start + index
        store_plain(_mpmc_slot(ring, ticket, capacity), 0, _STATES * ticket + _FREE)
    store_release(ring, _MPMC_TAIL, start)  # published before threads are started
    store_release(ring, _MPMC_HEAD, start)  # as above
    return 0


@kernel("int64(int64)")
def mpmc_claim(ring):
    """Address of the message words of a free slot that is now this producer's, or RING_FULL."""
    capacity = load_plain(ring, _MPMC_CAPACITY)
    ticket = load_relaxed(ring, _MPMC_TAIL)  # relaxed: the compare-exchange decides
    while True:
        slot = _mpmc_slot(ring, ticket, capacity)
        # acquire: pairs with the release in mpmc_release: the reads of the last lap are done before we write
        ahead = load_acquire(slot, 0) - (_STATES * ticket + _FREE)
        if ahead < 0:
            return RING_FULL  # the slot still belongs to the last lap
        if ahead == 0:
            # relaxed: a ticket publishes nothing; the slot's stamp does
            seen = cas_relaxed(ring, _MPMC_TAIL, ticket, ticket + 1)
            if seen == ticket:
                return slot + 8 * LINE_WORDS
            ticket = seen
        else:
            ticket = load_relaxed(ring, _MPMC_TAIL)  # relaxed: as above


@kernel("int64(int64)")
def mpmc_publish(message):
    """Give a claimed slot to the consumers; returns 1."""
    slot = message - 8 * LINE_WORDS
    stamp = load_relaxed(slot, 0)  # relaxed: nobody else writes the stamp of a claimed slot
    store_release(slot, 0, stamp - _FREE + _FILLED)  # publishes the message to load_acquire in mpmc_peek
    return 1


@kernel("int64(int64)")
def mpmc_abandon(message):
    """Give a claimed slot up: consumers pass over it; returns 1. Without it they would wait for it for ever."""
    slot = message - 8 * LINE_WORDS
    stamp = load_relaxed(slot, 0)  # relaxed: as in mpmc_publish
    store_release(slot, 0, stamp - _FREE + _VOID)  # to load_acquire in mpmc_peek
    return 1


@kernel("int64(int64)")
def mpmc_peek(ring):
    """Address of the message words of the oldest message that is now this consumer's, or RING_EMPTY."""
    capacity = load_plain(ring, _MPMC_CAPACITY)
    ticket = load_relaxed(ring, _MPMC_HEAD)  # relaxed: the compare-exchange decides
    while True:
        slot = _mpmc_slot(ring, ticket, capacity)
        # acquire: pairs with the release in mpmc_publish
        ahead = load_acquire(slot, 0) - _STATES * ticket
        if ahead <= _FREE:
            return RING_EMPTY  # not published yet
        if ahead <= _VOID:
            seen = cas_relaxed(ring, _MPMC_HEAD, ticket, ticket + 1)  # relaxed: as in mpmc_claim
            if seen != ticket:
                ticket = seen
                continue
            if ahead == _FILLED:
                return slot + 8 * LINE_WORDS
            _mpmc_free(slot, ahead, capacity)
        ticket = load_relaxed(ring, _MPMC_HEAD)  # relaxed: as above


@kernel("int64(int64, int64)")
def mpmc_release(ring, message):
    """Give a slot back to the producers of the next lap; returns 1."""
    return _mpmc_free(message - 8 * LINE_WORDS, _FILLED, load_plain(ring, _MPMC_CAPACITY))
