"""Locks under more real threads than cores: exclusion, invariants, no lost wake-up, no starved writer."""

import threading
import time

import pytest
from numba import njit

from patience import STUCK_S
from tickbench.kernels import locks
from tickbench.kernels.atomics import fetch_add_relaxed, load_plain, load_relaxed, store_plain, store_relaxed
from tickbench.kernels.memory import ISOLATION_WORDS, LINE_BYTES, WORD_BYTES, Block
from tickbench.kernels.system import sleep_ns, yield_core

THREADS = 6
LOCK, FIRST, SECOND, WRONG, STOP, PROGRESS = (i * ISOLATION_WORDS for i in range(6))
WORDS = 6 * ISOLATION_WORDS


KEPT = []


def lock_block() -> Block:
    """A zeroed block whose memory stays: a thread that hangs in a failed test must not crash the others."""
    block = Block(WORDS)
    KEPT.append(block.array)
    return block


def no_init(words, index, shared):
    return 0


LOCKS = {
    "pthread": (locks.pthread_mutex_init, locks.pthread_mutex_lock, locks.pthread_mutex_unlock),
    "adaptive": (no_init, locks.adaptive_lock, locks.adaptive_unlock),
    "rw": (no_init, locks.rw_lock_write, locks.rw_unlock_write),
    "ticket": (no_init, locks.ticket_lock, locks.ticket_unlock),
}


def run(threads: list[threading.Thread], *, meanwhile=lambda: None) -> None:
    """Start all, and fail if one of them does not come back."""
    for thread in threads:
        thread.daemon = True  # a thread that hangs must not keep the test run alive
        thread.start()
    meanwhile()
    deadline = time.monotonic() + STUCK_S
    for thread in threads:
        thread.join(timeout=max(0.0, deadline - time.monotonic()))
    hanging = sum(thread.is_alive() for thread in threads)
    assert hanging == 0, f"{hanging} threads never came back: a wake-up was lost"


def wait_for(condition) -> None:
    deadline = time.monotonic() + STUCK_S
    while not condition():
        assert time.monotonic() < deadline, "the threads never got there"
        time.sleep(0.001)


def thread(kernel, *arguments: int) -> threading.Thread:
    return threading.Thread(target=kernel, args=arguments)


def sections(lock, unlock):
    """A kernel that enters `times` times, checks two equal fields and changes them one after the other."""

    @njit("int64(int64, int64, int64)", nogil=True)
    def enter(words, times, hold_ns):
        for i in range(times):
            lock(words, LOCK)
            value = load_plain(words, FIRST)
            if load_plain(words, SECOND) != value:
                fetch_add_relaxed(words, WRONG, 1)
            store_plain(words, FIRST, value + 1)
            if hold_ns and i % 64 == 0:
                sleep_ns(hold_ns)  # as a holder that was preempted: everybody else runs out of patience
            store_plain(words, SECOND, value + 1)
            unlock(words, LOCK)
        return 0

    return enter


@pytest.mark.parametrize("hold_ns", [0, 20_000], ids=["short", "preempted"])
@pytest.mark.parametrize("name", LOCKS)
def test_one_at_a_time(name, hold_ns):
    init, lock, unlock = LOCKS[name]
    times = 2_000 if hold_ns else 20_000
    enter = sections(lock, unlock)
    with lock_block() as block:
        assert init(block.address, LOCK, 0) == 0
        run([thread(enter, block.address, times, hold_ns) for _ in range(THREADS)])
        assert block.array[FIRST] == block.array[SECOND] == THREADS * times
        assert block.array[WRONG] == 0


def test_without_a_lock_the_same_check_fails():
    nothing = njit("int64(int64, int64)")(lambda words, index: 0)
    enter = sections(nothing, nothing)
    with lock_block() as block:
        run([thread(enter, block.address, 2_000, 20_000) for _ in range(THREADS)])
        assert block.array[FIRST] < THREADS * 2_000 or block.array[WRONG] > 0


@pytest.mark.parametrize("name", LOCKS)
def test_a_free_lock_is_left_as_it_was_found(name):
    init, lock, unlock = LOCKS[name]
    with lock_block() as block:
        init(block.address, LOCK, 0)
        for _ in range(3):
            lock(block.address, LOCK)
            unlock(block.address, LOCK)
        if name in {"adaptive", "rw"}:
            assert not block.array.any()
        if name == "ticket":
            assert block.array[LOCK] == block.array[LOCK + 1] == 3


def test_sizes_hold_the_state():
    assert locks.PTHREAD_MUTEX_WORDS * WORD_BYTES == LINE_BYTES
    words = max(locks.ADAPTIVE_LOCK_WORDS, locks.RW_LOCK_WORDS, locks.TICKET_LOCK_WORDS)
    assert words <= ISOLATION_WORDS


def test_a_process_shared_mutex_stays_within_its_words():
    with lock_block() as block:
        assert locks.pthread_mutex_init(block.address, 0, 1) == 0
        assert locks.pthread_mutex_lock(block.address, 0) == 0
        assert locks.pthread_mutex_unlock(block.address, 0) == 0
        assert not block.array[locks.PTHREAD_MUTEX_WORDS :].any()


@njit("int64(int64, int64)", nogil=True)
def write_pairs(words, times):
    for i in range(times):
        locks.rw_lock_write(words, LOCK)
        value = load_plain(words, FIRST) + 1
        store_plain(words, FIRST, value)
        if i % 256 == 0:
            yield_core()
        store_plain(words, SECOND, value)
        locks.rw_unlock_write(words, LOCK)
    return 0


@njit("int64(int64, int64)", nogil=True)
def read_pairs(words, times):
    """Read at least `times` times and until told to stop; count pairs that do not match."""
    done = 0
    while done < times or load_relaxed(words, STOP) == 0:
        locks.rw_lock_read(words, LOCK)
        if load_plain(words, FIRST) != load_plain(words, SECOND):
            fetch_add_relaxed(words, WRONG, 1)
        locks.rw_unlock_read(words, LOCK)
        done += 1
    return done


def test_readers_never_see_half_a_write():
    writers, readers, times = 3, 3, 10_000
    with lock_block() as block:
        block.array[STOP] = 1
        run(
            [thread(write_pairs, block.address, times) for _ in range(writers)]
            + [thread(read_pairs, block.address, times) for _ in range(readers)]
        )
        assert block.array[FIRST] == block.array[SECOND] == writers * times
        assert block.array[WRONG] == 0
        assert block.array[LOCK] == 0, "nobody is inside and nobody is marked asleep"


def test_readers_share():
    with lock_block() as block:
        for _ in range(3):
            locks.rw_lock_read(block.address, LOCK)
        assert block.array[LOCK] == 3
        for _ in range(3):
            locks.rw_unlock_read(block.address, LOCK)
        assert block.array[LOCK] == 0


@njit("int64(int64, int64)", nogil=True)
def overlap(words, hold_ns):
    """Hold the lock as a reader, over and over, so long that readers overlap nearly all the time."""
    while load_relaxed(words, STOP) == 0:
        locks.rw_lock_read(words, LOCK)
        sleep_ns(hold_ns)
        locks.rw_unlock_read(words, LOCK)
    return 0


@njit("int64(int64, int64)", nogil=True)
def write_then_stop(words, times):
    for _ in range(times):
        locks.rw_lock_write(words, LOCK)
        store_plain(words, PROGRESS, load_plain(words, PROGRESS) + 1)
        locks.rw_unlock_write(words, LOCK)
    store_relaxed(words, STOP, 1)
    return 0


def test_a_storm_of_readers_does_not_starve_a_writer():
    with lock_block() as block:
        # Six readers that hold for 0.2 ms each: without precedence for a writer the door is never free.
        run([thread(overlap, block.address, 200_000) for _ in range(THREADS)] + [thread(write_then_stop, block.address, 100)])
        assert block.array[PROGRESS] == 100


def test_a_sleeping_thread_is_woken():
    """Nobody spins as long as the lock is held here, so all of them sleep in the kernel."""
    enter = sections(locks.adaptive_lock, locks.adaptive_unlock)
    with lock_block() as block:
        locks.adaptive_lock(block.address, LOCK)

        def release() -> None:
            wait_for(lambda: block.array[LOCK] == 2)  # held, with sleepers
            assert block.array[FIRST] == 0
            locks.adaptive_unlock(block.address, LOCK)

        run([thread(enter, block.address, 1, 0) for _ in range(THREADS)], meanwhile=release)
        assert block.array[FIRST] == THREADS


def test_a_leaving_writer_wakes_all_readers():
    with lock_block() as block:
        block.array[STOP] = 1
        locks.rw_lock_write(block.address, LOCK)
        written = int(block.array[LOCK])

        def release() -> None:
            wait_for(lambda: block.array[LOCK] > written)  # the bit above says that readers sleep
            locks.rw_unlock_write(block.address, LOCK)

        run([thread(read_pairs, block.address, 1) for _ in range(THREADS)], meanwhile=release)
        assert block.array[LOCK] == 0
