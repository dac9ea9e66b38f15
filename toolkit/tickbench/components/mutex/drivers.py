"""The compiled loops around a lock, through function pointers: one set for all variants.

A critical section checks that two fields are equal and changes them one after the other, with work in between, so that any
second thread inside is seen. Work is counted in steps of a dependent shift, exclusive or and multiplication, 5 cycles each.
"""

from tickbench.components.mutex.contract import FIRST, LOCK, LOCK_AT, OWNER, SECOND, VALUE
from tickbench.components.shared.crowd import TIMING, meet, write_report
from tickbench.kernels.atomics import load_relaxed, store_relaxed
from tickbench.kernels.clock import now_ticks, ticks_to_ns
from tickbench.kernels.jit import kernel
from tickbench.kernels.recorder import record

_POINTERS = f"pointer[{LOCK}], pointer[{LOCK}]"
# Multiplier of Knuth's MMIX generator (TAOCP 2, 3.3.4, table 1, line 26). The exclusive or keeps the compiler from joining the
# steps: LLVM makes one multiplication of several steps of x * a + c.
_FACTOR, _SHIFT = 6364136223846793005, 29


@kernel("int64(int64, int64)")
def work(value, steps):
    """A chain of `steps` multiplications that starts from `value`."""
    for _ in range(steps):
        value = (value ^ (value >> _SHIFT)) * _FACTOR + 1
    return value


# What is protected is read and written relaxed, not plain: with a broken lock several threads are inside, and the check must
# see what is there. On x86-64 both are the same instruction.
@kernel("int64(int64, int64)")
def enter_exclusively(words, steps):
    """The critical section; 1 if somebody else was seen inside."""
    value = load_relaxed(words, FIRST)
    wrong = value != load_relaxed(words, SECOND)
    store_relaxed(words, FIRST, value + 1)
    store_relaxed(words, VALUE, work(load_relaxed(words, VALUE), steps))
    store_relaxed(words, SECOND, value + 1)
    return 1 if wrong else 0


@kernel("int64(int64, int64)")
def look(words, steps):
    """A reader's section; 1 if a half-made change was seen."""
    first = load_relaxed(words, FIRST)
    value = work(load_relaxed(words, VALUE), steps)
    second = load_relaxed(words, SECOND)
    # The work must end before SECOND is read, and its value must matter: it is never 0 and 1 at once.
    return 1 if first != second or (value == 0 and first < 0) else 0


@kernel(f"int64({_POINTERS}, int64, int64)")
def lock_and_unlock(lock, unlock, words, n):
    """Take the lock and give it back n times, with one increment inside, alone."""
    for _ in range(n):
        lock(words, LOCK_AT)
        store_relaxed(words, FIRST, load_relaxed(words, FIRST) + 1)
        unlock(words, LOCK_AT)
    return n


@kernel(f"int64({_POINTERS}, int64, int64, {TIMING})")
def alone(
    lock, unlock, words, n,
    control, threads, warm_ticks, limit_ticks, source, ns_per_tick, histogram, index, report,
):  # fmt: skip
    """Batches of `lock_and_unlock`, as in `contend`."""
    begin = meet(control, threads, source)
    if begin < 0:
        return 0
    warm_end, end = begin + warm_ticks, begin + warm_ticks + limit_ticks
    warm = timed = 0
    first = start = now_ticks(source)
    while start < end:
        lock_and_unlock(lock, unlock, words, n)
        now = now_ticks(source)
        if start < warm_end:
            warm += n
            first = now
        else:
            timed += n
            record(histogram, index, ticks_to_ns(now - start, ns_per_tick))
        start = now
    write_report(report, warm + timed, timed, first, start, 0, 0)
    return timed


@kernel(f"int64({_POINTERS}, int64, int64, int64, int64)")
def enter_many(lock, unlock, words, n, inside, outside):
    """n critical sections of `inside` steps, each followed by `outside` steps; how many saw somebody else inside."""
    wrong, value = 0, words
    for _ in range(n):
        lock(words, LOCK_AT)
        wrong += enter_exclusively(words, inside)
        unlock(words, LOCK_AT)
        value = work(value, outside)
    return wrong + (value == 0)  # a chain that starts from an address ends in 0 once in 2^64 times


@kernel(f"int64({_POINTERS}, int64, int64, int64, int64, {TIMING})")
def contend(
    lock, unlock, words, n, inside, outside,
    control, threads, warm_ticks, limit_ticks, source, ns_per_tick, histogram, index, report,
):  # fmt: skip
    """Batches of n sections from the common beginning to the common end; each batch of the second part is recorded."""
    begin = meet(control, threads, source)
    if begin < 0:
        return 0
    warm_end, end = begin + warm_ticks, begin + warm_ticks + limit_ticks
    warm = timed = wrong = 0
    start = now_ticks(source)
    while start < warm_end:
        wrong += enter_many(lock, unlock, words, n, inside, outside)
        warm += n
        start = now_ticks(source)
    first = start
    while start < end:
        wrong += enter_many(lock, unlock, words, n, inside, outside)
        now = now_ticks(source)
        record(histogram, index, ticks_to_ns(now - start, ns_per_tick))
        timed += n
        start = now
    write_report(report, warm + timed, timed, first, start, wrong, 0)
    return timed


@kernel(f"int64({_POINTERS}, int64, int64, int64, {TIMING})")
def time_acquires(
    lock, unlock, words, inside, outside,
    control, threads, warm_ticks, limit_ticks, source, ns_per_tick, histogram, index, report,
):  # fmt: skip
    """As `contend`, with the wait for each lock recorded: from before the call to after it, one clock reading included.

    Also notes how often the lock came from another thread: the owner is known by the address of its report.
    """
    begin = meet(control, threads, source)
    if begin < 0:
        return 0
    warm_end, end = begin + warm_ticks, begin + warm_ticks + limit_ticks
    warm = timed = wrong = handed_over = 0
    value, first, now = words, begin, now_ticks(source)
    while now < end:
        asked = now_ticks(source)
        lock(words, LOCK_AT)
        now = now_ticks(source)
        wrong += enter_exclusively(words, inside)
        from_another = load_relaxed(words, OWNER) != report  # relaxed, as all that the lock protects: see above
        store_relaxed(words, OWNER, report)
        unlock(words, LOCK_AT)
        if asked < warm_end:
            warm += 1
            first = now
        else:
            timed += 1
            handed_over += from_another
            record(histogram, index, ticks_to_ns(now - asked, ns_per_tick))
        value = work(value, outside)
    write_report(report, warm + timed, timed, first, now, wrong + (value == 0), handed_over)
    return timed


@kernel(f"int64({_POINTERS}, {_POINTERS}, int64, int64, int64, int64)")
def read_mostly_many(lock, unlock, lock_shared, unlock_shared, words, n, steps, reads_per_write):
    """n sections, after every `reads_per_write` reads one write; how many saw somebody else inside."""
    wrong, reads = 0, 0
    for _ in range(n):
        if reads == reads_per_write:
            lock(words, LOCK_AT)
            wrong += enter_exclusively(words, steps)
            unlock(words, LOCK_AT)
            reads = 0
        else:
            lock_shared(words, LOCK_AT)
            wrong += look(words, steps)
            unlock_shared(words, LOCK_AT)
            reads += 1
    return wrong


@kernel(f"int64({_POINTERS}, {_POINTERS}, int64, int64, int64, int64, {TIMING})")
def read_mostly(
    lock, unlock, lock_shared, unlock_shared, words, n, steps, reads_per_write,
    control, threads, warm_ticks, limit_ticks, source, ns_per_tick, histogram, index, report,
):  # fmt: skip
    """As `contend`, with most sections those of a reader; n is a multiple of reads_per_write + 1."""
    begin = meet(control, threads, source)
    if begin < 0:
        return 0
    warm_end, end = begin + warm_ticks, begin + warm_ticks + limit_ticks
    warm = timed = wrong = 0
    first = start = now_ticks(source)
    while start < end:
        wrong += read_mostly_many(lock, unlock, lock_shared, unlock_shared, words, n, steps, reads_per_write)
        now = now_ticks(source)
        if start < warm_end:
            warm += n
            first = now
        else:
            timed += n
            record(histogram, index, ticks_to_ns(now - start, ns_per_tick))
        start = now
    write_report(report, warm + timed, timed, first, start, wrong, 0)
    return timed
