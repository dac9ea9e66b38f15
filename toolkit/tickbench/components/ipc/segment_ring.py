"""Messages through a segment: the operations of an end, for spinning and for sleeping sides.

    client ── claim, publish ──▶ [ ring ] ── peek, release ──▶ server      and a second ring back
    own block of each end, in private memory: addresses | descriptor of the other process | what rings trust (own words)

A side that waits asks now and then whether the other process still runs (pidfd, which no reused process number fools). One
that sleeps first sets its WAITS and looks once more; the other side rings its BELL when it sees WAITS after it has changed a
ring. Either sees the other's word, as a full fence stands between store and load on both sides (Dekker's pattern).
"""

import os
import time

from numba import types

from tickbench.components.ipc import contract
from tickbench.components.ipc.segment import BELL, HEARTBEAT, WAITS, Process, Segment
from tickbench.components.shared.exchange import SPIN_LOOKS
from tickbench.errors import InputError
from tickbench.kernels.atomics import (
    fence_seq_cst,
    fetch_add_release,
    load_acquire,
    load_plain,
    load_relaxed,
    store_plain,
    store_relaxed,
    store_seq_cst,
)
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_WORDS, Block
from tickbench.kernels.rings import (
    spsc_claim,
    spsc_peek,
    spsc_publish,
    spsc_release,
    spsc_take_consumer,
    spsc_take_producer,
)
from tickbench.kernels.system import futex_wait_for, futex_wake, yield_core

_OUT, _IN, _OURS, _THEIRS, _POLL, _ARMED, _SECONDS, _NANOSECONDS, _BEATS = range(9)
_PRODUCER, _CONSUMER = 8 * ISOLATION_WORDS, 16 * ISOLATION_WORDS  # bytes from the start of the own block
_CLOSED = contract.CLOSED
_POLLIN = 1  # include/uapi/asm-generic/poll.h
_NAP_NS = 10_000_000  # longest sleep before the other process is looked after
_MEET_S = 30.0
_NO_BELL = -1

_poll = types.ExternalFunction("poll", types.int32(types.int64, types.int64, types.int32))


@kernel(contract.CLAIM)
def ring_claim(end, thread):
    """A free slot of the ring to the other side."""
    return spsc_claim(end + _PRODUCER, load_plain(end, _OUT))


@kernel(contract.PUBLISH)
def ring_publish(end, thread, slot):
    """Give the slot to the other side, which spins."""
    return spsc_publish(end + _PRODUCER, load_plain(end, _OUT))


@kernel(contract.PEEK)
def ring_peek(end, thread):
    """The oldest message from the other side, in place."""
    return spsc_peek(end + _CONSUMER, load_plain(end, _IN))


@kernel(contract.RELEASE)
def ring_release(end, thread, slot):
    """Give the slot back to the other side, which spins."""
    return spsc_release(end + _CONSUMER, load_plain(end, _IN))


@kernel("int64(int64)")
def _ring_bell(end):
    """Wake the other side if it sleeps or is about to."""
    theirs = load_plain(end, _THEIRS)
    fence_seq_cst()  # forbids that WAITS is read before the ring's index is stored; pairs with store_seq_cst in ring_sleep
    if load_relaxed(theirs, WAITS) != 0:  # relaxed: ordered by the fence
        store_relaxed(theirs, WAITS, 0)  # relaxed: at worst the bell rings twice
        fetch_add_release(theirs, BELL, 1)  # release: the sleeper's look after load_acquire finds the ring changed
        futex_wake(theirs, BELL, 1)
    return 1


@kernel(contract.PUBLISH)
def ring_publish_and_wake(end, thread, slot):
    """Give the slot to the other side, and wake it if it sleeps."""
    spsc_publish(end + _PRODUCER, load_plain(end, _OUT))
    return _ring_bell(end)


@kernel(contract.RELEASE)
def ring_release_and_wake(end, thread, slot):
    """Give the slot back to the other side, and wake it if it sleeps."""
    spsc_release(end + _CONSUMER, load_plain(end, _IN))
    return _ring_bell(end)


@kernel("int64(int64)")
def _look_after(end):
    """Beat, and see whether the other process runs: 0, or CLOSED."""
    beats = load_plain(end, _BEATS) + 1
    store_plain(end, _BEATS, beats)
    store_relaxed(load_plain(end, _OURS), HEARTBEAT, beats)  # relaxed: a sign of life, publishes nothing
    store_plain(end, _POLL, (load_plain(end, _POLL) & 0xFFFF_FFFF) | (_POLLIN << 32))
    return _CLOSED if _poll(end + 8 * _POLL, 1, 0) > 0 else 0


@kernel(contract.IDLE)
def ring_idle(end):
    """Between two turns of spinning: CLOSED where the other process is gone, else let other threads run."""
    yield_core()
    return _look_after(end)


@kernel(contract.IDLE)
def ring_sleep(end):
    """The first call announces the sleep, the second sleeps until the bell rings; CLOSED where the other process is gone."""
    ours = load_plain(end, _OURS)
    if load_plain(end, _ARMED) == _NO_BELL:
        # acquire: pairs with the add in _ring_bell; a bell after this changes the word, so none is slept over
        store_plain(end, _ARMED, load_acquire(ours, BELL) & 0xFFFF_FFFF)
        store_seq_cst(ours, WAITS, 1)  # forbids that the next look is done before it; pairs with the fence in _ring_bell
        fence_seq_cst()  # as above, for a look that is a plain acquire load
        return 0
    futex_wait_for(ours, BELL, load_plain(end, _ARMED), end + 8 * _SECONDS)
    store_relaxed(ours, WAITS, 0)  # relaxed: a bell that rings for nothing does no harm
    store_plain(end, _ARMED, _NO_BELL)
    return _look_after(end)


def ring_endpoint(segment: Segment, *, blocking: bool) -> contract.Endpoint:
    """An end of the segment; raises InputError where the indices of a ring contradict each other."""
    block = Block(3 * ISOLATION_WORDS)
    out, into = segment.rings
    words = block.array
    words[_OUT], words[_IN] = out, into
    words[_OURS], words[_THEIRS] = segment.side_address(segment.side), segment.side_address(segment.other)
    words[_POLL], words[_ARMED], words[_NANOSECONDS] = -1 & 0xFFFF_FFFF, _NO_BELL, _NAP_NS  # poll(2) passes over -1
    codes = (
        spsc_take_producer(block.address + _PRODUCER, out, segment.capacity),
        spsc_take_consumer(block.address + _CONSUMER, into, segment.capacity, 1),
    )
    if min(codes) < 0:
        raise InputError(f"shared memory {segment.path}: head and tail of a ring are further apart than its capacity: damaged")
    peer = _Peer(segment, block)
    return contract.Endpoint(
        block,
        ring_claim,
        ring_publish_and_wake if blocking else ring_publish,
        ring_peek,
        ring_release_and_wake if blocking else ring_release,
        ring_sleep if blocking else ring_idle,
        1 if blocking else SPIN_LOOKS,
        address=str(segment.path),
        owner=segment,
        meet=peer.meet,
        close=peer.close,
        explain=peer.explain,
    )


class _Peer:
    """The process at the other end."""

    def __init__(self, segment: Segment, block: Block) -> None:
        self._segment, self._block = segment, block
        self._process: Process | None = None
        self._fd = -1

    def meet(self) -> None:
        """Wait until a living process holds the other side, and keep a descriptor of it (pidfd_open(2))."""
        self._forget()
        deadline_s = time.monotonic() + _MEET_S
        while time.monotonic() < deadline_s:
            process = self._segment.holder(self._segment.other)
            if process is not None and process.is_alive():
                self._fd = os.pidfd_open(process.pid)
                if process.is_alive():  # so the descriptor is of this process, not of one that got its number since
                    self._process = process
                    self._block.array[_POLL] = self._fd
                    return
                self._forget()
            time.sleep(0.001)
        raise InputError(f"shared memory {self._segment.path}: no {self._segment.other} came within {_MEET_S:g} s")

    def explain(self, code: int) -> str:
        """A negative answer in words, with the name of the other process."""
        if code == contract.CORRUPT:
            return f"the {self._segment.other}'s index is more than a ring away from ours: its memory is damaged"
        return f"the {self._segment.other}, {self._process}, is gone: its side can be taken by another process"

    def _forget(self) -> None:
        self._block.array[_POLL] = -1 & 0xFFFF_FFFF
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def close(self) -> None:
        """Remove the segment's name and forget the other process."""
        self._forget()
        self._segment.remove()
