"""Locks for compiled code. State is words of a block: `words` its address, `index` the lock's first word.

    pthread_mutex_{init,lock,unlock}      the mutex of the C library, what a C or C++ engine has by default
    adaptive_{lock,unlock}                spins for a moment, then sleeps in the kernel (futex); one word
    rw_{lock,unlock}_{read,write}         many readers or one writer, likewise; readers do not starve writers
    ticket_{lock,unlock}                  first come, first served, spins; for threads never preempted

`*_WORDS` says how many words a lock takes; zeroed words are an unlocked lock, except for the pthread mutex,
which needs `pthread_mutex_init`. Keep a lock ISOLATION_WORDS away from words that others write. All work
between processes too, when the block is shared (no private futexes; the pthread mutex is made with
`shared=1`). None is recursive; only the holder unlocks. All kernels return 0 unless they say otherwise.

                 one cache line
    thread A --> [ state, readers and waiters ] <-- thread B    every lock and unlock is a read-modify-write
                    |                                           of this line; what it protects lies on others
                    +--> kernel wait queue, only when the spin was in vain
"""

from numba import types

from tickbench.kernels.atomics import (
    cas_acquire,
    cas_relaxed,
    exchange_acquire,
    exchange_release,
    fetch_add_relaxed,
    fetch_add_release,
    load_acquire,
    load_relaxed,
    pause,
    store_release,
)
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import LINE_WORDS
from tickbench.kernels.system import WAKE_ALL, futex_wait, futex_wake, yield_core

# sizeof(pthread_mutex_t) is 40 on x86-64 and riscv64, 48 on aarch64 (glibc,
# sysdeps/*/nptl/bits/pthreadtypes-arch.h), 40 in musl: one line holds each. Behind it, at word 6, 8 bytes for
# the attribute object (pthread_mutexattr_t is 4 or 8).
PTHREAD_MUTEX_WORDS = LINE_WORDS
_ATTRIBUTE_WORD = 6
ADAPTIVE_LOCK_WORDS = 1
RW_LOCK_WORDS = 2
TICKET_LOCK_WORDS = 2

_PROCESS_SHARED = 1  # PTHREAD_PROCESS_SHARED, glibc sysdeps/nptl/pthread.h and musl include/pthread.h

# Looks at a held lock before sleeping: the number of the Rust standard library
# (library/std/src/sys/sync/mutex/futex.rs), not tuned here. A pause took 8 ns where this was measured, 29
# elsewhere: so the spin lasts 1 to 3 µs, against tens of µs for a sleep and a wake-up.
SPIN_LOOKS = 100

# The adaptive lock's waiter pauses between its looks, each time twice as long, up to MOST_PAUSES: every look takes the lock's
# line away from the holder, who needs it to unlock, and to come back. Two threads and sections of 10 ns took 20 ns each so,
# 36 with a look after every pause, 17 with up to 64, which wait longer for longer sections (Zen 4, a pause of 20 ns).
# SPIN_PAUSES is its patience altogether, about that of SPIN_LOOKS.
MOST_PAUSES, SPIN_PAUSES = 32, 128

_init = types.ExternalFunction("pthread_mutex_init", types.int32(types.int64, types.int64))
_lock = types.ExternalFunction("pthread_mutex_lock", types.int32(types.int64))
_unlock = types.ExternalFunction("pthread_mutex_unlock", types.int32(types.int64))
_attribute_init = types.ExternalFunction("pthread_mutexattr_init", types.int32(types.int64))
_attribute_shared = types.ExternalFunction("pthread_mutexattr_setpshared", types.int32(types.int64, types.int32))
_attribute_destroy = types.ExternalFunction("pthread_mutexattr_destroy", types.int32(types.int64))


@kernel("int64(int64, int64, int64)")
def pthread_mutex_init(words, index, shared):
    """Make an unlocked mutex, for threads of several processes if `shared`; returns 0 or an errno."""
    address = words + 8 * index
    if shared == 0:
        return _init(address, 0)
    attribute = words + 8 * (index + _ATTRIBUTE_WORD)
    result = _attribute_init(attribute)
    if result == 0:
        result = _attribute_shared(attribute, _PROCESS_SHARED)
    if result == 0:
        result = _init(address, attribute)
    _attribute_destroy(attribute)
    return result


@kernel("int64(int64, int64)")
def pthread_mutex_lock(words, index):
    """Take the mutex, sleeping if need be; returns 0 or an errno."""
    return _lock(words + 8 * index)


@kernel("int64(int64, int64)")
def pthread_mutex_unlock(words, index):
    """Give the mutex back; returns 0 or an errno."""
    return _unlock(words + 8 * index)


# The adaptive mutex has three states (mutex3 of U. Drepper, "Futexes are tricky", 2011): a holder that finds
# _HELD when it leaves knows that nobody sleeps, and makes no system call.
_FREE, _HELD, _CONTENDED = 0, 1, 2


@kernel("int64(int64, int64)")
def _adaptive_wait(words, index):
    pauses, waited = 1, 0
    while waited < SPIN_PAUSES:
        for _ in range(pauses):
            pause()
        waited += pauses
        pauses = min(2 * pauses, MOST_PAUSES)
        state = load_relaxed(words, index)  # relaxed: only a hint, the compare-exchange decides
        if state == _FREE and cas_acquire(words, index, _FREE, _HELD) == _FREE:
            return 0
        if state == _CONTENDED:
            break  # others sleep already: a spinner would only overtake them
    # Whoever has slept takes the lock as contended: others may sleep still, and it must not forget them.
    while exchange_acquire(words, index, _CONTENDED) != _FREE:
        futex_wait(words, index, _CONTENDED)
    return 0


@kernel("int64(int64, int64)")
def adaptive_lock(words, index):
    """Take the lock: one compare-exchange if it is free, else a bounded spin, then sleep."""
    # acquire: pairs with the release exchange in adaptive_unlock, here and in _adaptive_wait
    if cas_acquire(words, index, _FREE, _HELD) == _FREE:
        return 0
    return _adaptive_wait(words, index)


@kernel("int64(int64, int64)")
def adaptive_unlock(words, index):
    """Give the lock back, and wake one sleeper if there may be any."""
    # release: publishes the critical section to the next cas_acquire or exchange_acquire
    if exchange_release(words, index, _FREE) == _CONTENDED:
        futex_wake(words, index, 1)
    return 0


# Word 0 of the reader-writer lock: readers inside (_WRITING = all ones: a writer), and whether readers or
# writers sleep. Word 1 counts wake-ups of writers: they sleep there, so that waking one of them wakes no
# reader. A new reader stays out while a writer sleeps, so writers get through a storm of readers; a leaving
# writer prefers the next writer. The scheme is that of the Rust standard library
# (library/std/src/sys/sync/rwlock/futex.rs).
_WRITING = (1 << 28) - 1
_READERS_SLEEP, _WRITERS_SLEEP = 1 << 28, 1 << 29
_MOST_READERS = _WRITING - 1
_NOTICE = 1


@kernel("boolean(int64)")
def _readable(state):
    return state < _MOST_READERS  # no writer inside and nobody asleep


@kernel("int64(int64, int64)")
def _spin_while_writing(words, index):
    """The state once no writer is inside, somebody sleeps, or patience ends."""
    state = load_relaxed(words, index)  # relaxed: callers decide by compare-exchange
    looks = 0
    while state == _WRITING and looks < SPIN_LOOKS:
        pause()
        looks += 1
        state = load_relaxed(words, index)  # relaxed: as above
    return state


@kernel("int64(int64, int64)")
def _wait_to_read(words, index):
    state = _spin_while_writing(words, index)
    while True:
        if _readable(state):
            seen = cas_acquire(words, index, state, state + 1)  # acquire: as in rw_lock_read
            if seen == state:
                return 0
            state = seen
            continue
        if state & _READERS_SLEEP == 0:
            seen = cas_relaxed(words, index, state, state | _READERS_SLEEP)  # relaxed: publishes only itself
            if seen != state:
                state = seen
                continue
        futex_wait(words, index, state | _READERS_SLEEP)
        state = _spin_while_writing(words, index)


@kernel("int64(int64, int64)")
def rw_lock_read(words, index):
    """Enter as a reader, beside other readers; waits while a writer is inside or asleep before the door."""
    state = load_relaxed(words, index)  # relaxed: the compare-exchange decides
    # acquire: pairs with the release in rw_unlock_write
    if _readable(state) and cas_acquire(words, index, state, state + 1) == state:
        return 0
    return _wait_to_read(words, index)


@kernel("int64(int64, int64)")
def _wake_writer(words, index):
    fetch_add_release(words, index + _NOTICE, 1)  # release: pairs with load_acquire in _wait_to_write
    return futex_wake(words, index + _NOTICE, 1)


@kernel("int64(int64, int64, int64)")
def _wake_next(words, index, state):
    """Wake whoever sleeps, at a moment when nobody was inside and the word was `state`."""
    # All exchanges here are relaxed: they change only who is marked asleep, the lock itself was given back
    # before.
    if state == _WRITERS_SLEEP:
        seen = cas_relaxed(words, index, state, 0)
        if seen == state:
            _wake_writer(words, index)
            return 0
        state = seen
    if state == _READERS_SLEEP | _WRITERS_SLEEP:
        if cas_relaxed(words, index, state, _READERS_SLEEP) != state:
            return 0  # somebody is inside again and will wake the others on leaving
        if _wake_writer(words, index):
            return 0
        state = _READERS_SLEEP  # that writer had not fallen asleep yet: the readers must not wait for it
    if state == _READERS_SLEEP and cas_relaxed(words, index, state, 0) == state:
        futex_wake(words, index, WAKE_ALL)
    return 0


@kernel("int64(int64, int64)")
def rw_unlock_read(words, index):
    """Leave as a reader; the last one out wakes a sleeping writer."""
    # release: this reader's loads are done before a writer's cas_acquire sees it gone
    state = fetch_add_release(words, index, -1) - 1
    if state & _WRITING == 0 and state & _WRITERS_SLEEP:
        _wake_next(words, index, state)
    return 0


@kernel("int64(int64, int64)")
def _spin_while_inside(words, index):
    """The state once nobody is inside, a writer sleeps, or patience ends."""
    state = load_relaxed(words, index)  # relaxed: callers decide by compare-exchange
    looks = 0
    while state & _WRITING != 0 and state & _WRITERS_SLEEP == 0 and looks < SPIN_LOOKS:
        pause()
        looks += 1
        state = load_relaxed(words, index)  # relaxed: as above
    return state


@kernel("int64(int64, int64)")
def _wait_to_write(words, index):
    state = _spin_while_inside(words, index)
    others = 0
    while True:
        if state & _WRITING == 0:
            seen = cas_acquire(words, index, state, state | _WRITING | others)  # acquire: as in rw_lock_write
            if seen == state:
                return 0
            state = seen
            continue
        if state & _WRITERS_SLEEP == 0:
            seen = cas_relaxed(words, index, state, state | _WRITERS_SLEEP)  # relaxed: publishes only itself
            if seen != state:
                state = seen
                continue
        # Whoever has slept can't know whether other writers sleep still, so it leaves the mark standing.
        others = _WRITERS_SLEEP
        # acquire: pairs with the release in _wake_writer; a wake-up after this reading changes the word, so
        # none is slept over
        notice = load_acquire(words, index + _NOTICE)
        state = load_relaxed(words, index)  # relaxed: a wrong guess ends in futex_wait's own check or in the next turn
        if state & _WRITING == 0 or state & _WRITERS_SLEEP == 0:
            continue
        futex_wait(words, index + _NOTICE, notice & 0xFFFF_FFFF)
        state = _spin_while_inside(words, index)


@kernel("int64(int64, int64)")
def rw_lock_write(words, index):
    """Enter as the only one."""
    # acquire: pairs with the releases in rw_unlock_read and rw_unlock_write
    if cas_acquire(words, index, 0, _WRITING) == 0:
        return 0
    return _wait_to_write(words, index)


@kernel("int64(int64, int64)")
def rw_unlock_write(words, index):
    """Leave as the writer; wakes a sleeping writer, or else all sleeping readers."""
    # release: publishes the critical section to the next reader's or writer's cas_acquire
    state = fetch_add_release(words, index, -_WRITING) - _WRITING
    if state & (_READERS_SLEEP | _WRITERS_SLEEP):
        _wake_next(words, index, state)
    return 0


@kernel("int64(int64, int64)")
def ticket_lock(words, index):
    """Draw a number and spin until it is called; gives the core away after each SPIN_LOOKS looks in vain."""
    ticket = fetch_add_relaxed(words, index, 1)  # relaxed: only the number matters, the load below acquires
    looks = 0
    while load_acquire(words, index + 1) != ticket:  # acquire: pairs with the release in ticket_unlock
        looks += 1
        if looks % SPIN_LOOKS == 0:
            yield_core()
        else:
            pause()
    return 0


@kernel("int64(int64, int64)")
def ticket_unlock(words, index):
    """Call the next number."""
    serving = load_relaxed(words, index + 1)  # relaxed: only the holder writes it
    store_release(words, index + 1, serving + 1)  # publishes the critical section to load_acquire in ticket_lock
    return 0
