"""What a writer calls from its kernels. `slot` is the address of a slot (int64); it has one writer, a thread, at any time.

    begin(slot)               start of an operation, now; returns the reading of the clock
    stage(slot, n)            the operation is in stage n of the page's stages
    correlate(slot, id)       what the operation is about, such as an order number
    end(slot)                 end of it, now: records the time since `begin`; returns it in ns, -1 if none was begun
    cancel(slot)              end of it without a record
    record(slot, value_ns)    count a value that was timed elsewhere; 1, or 0 if it is negative or over the range
    now(slot)                 reading of the slot's clock
    lap(slot, since)          count the time since a reading; returns the reading of now, for the next lap
    add(slot, n)              a counter; put(slot, value) a gauge

No lock, no lock-prefixed instruction, no allocation, no reset: a handful of loads and stores of the writer's own lines.
"""

import numpy as np

from tickbench.kernels import recorder
from tickbench.kernels.atomics import (
    fence_release,
    load_acquire,
    load_plain,
    load_relaxed,
    store_plain,
    store_relaxed,
    store_release,
)
from tickbench.kernels.clock import now_ticks, ticks_to_ns
from tickbench.kernels.jit import kernel
from tickbench.probe.layout import (
    CLOCK,
    CORRELATION,
    HISTOGRAM_AT,
    NS_PER_TICK,
    OPERATION,
    STAGE,
    START_TICKS,
)


@kernel("int64(int64)")
def now(slot):
    """The time in ticks of the slot's clock."""
    return now_ticks(load_plain(slot, CLOCK))  # plain: written once, before use


@kernel("int64(int64, int64)")
def elapsed_ns(slot, ticks):
    """A difference of two readings of the slot's clock in ns."""
    return ticks_to_ns(ticks, np.int64(load_plain(slot, NS_PER_TICK)).view(np.float64))


@kernel("int64(int64, int64)")
def record(slot, value_ns):
    """Count one value; returns 1, or 0 if it has no bucket and was counted as negative or over-range."""
    # forbids that this bucket is stored before the count of the last record: a reader sees one uncounted at most
    fence_release()
    return recorder.record(slot, HISTOGRAM_AT, value_ns)


@kernel("int64(int64)")
def begin(slot):
    """Start an operation; one that was begun and not ended is forgotten."""
    ticks = now(slot)
    # release: a reader that sees this start also sees the even number before it, so that it cannot take it for the last one's
    store_release(slot, START_TICKS, ticks)
    # release: publishes the start to a reader that finds the number odd with acquire
    store_release(slot, OPERATION, (load_relaxed(slot, OPERATION) + 1) | 1)
    return ticks


@kernel("int64(int64, int64)")
def stage(slot, number):
    """Tell which stage the operation is in."""
    # release: keeps the work of the last stage before it, as far as that touches memory
    store_release(slot, STAGE, number)
    return number


@kernel("int64(int64, int64)")
def correlate(slot, identity):
    """Tell what the operation is about."""
    store_relaxed(slot, CORRELATION, identity)  # relaxed: a reader wants the number only
    return identity


@kernel("int64(int64)")
def cancel(slot):
    """End the operation without a record; returns 1, or 0 if none was begun."""
    number = load_relaxed(slot, OPERATION)
    if number & 1 == 0:
        return 0
    store_release(slot, OPERATION, number + 1)  # release: the operation's work is done when it no longer shows as in flight
    return 1


@kernel("int64(int64)")
def end(slot):
    """End the operation and count its time; returns that in ns, or -1 if none was begun."""
    ticks = now(slot)
    number = load_relaxed(slot, OPERATION)
    if number & 1 == 0:
        return -1
    value_ns = elapsed_ns(slot, ticks - load_relaxed(slot, START_TICKS))
    record(slot, value_ns)
    store_release(slot, OPERATION, number + 1)  # release: whoever sees the operation ended finds its record
    return value_ns


@kernel("int64(int64, int64)")
def lap(slot, since):
    """Count the time since the reading `since`; returns the reading of now."""
    ticks = now(slot)
    record(slot, elapsed_ns(slot, ticks - since))
    return ticks


@kernel("int64(int64, int64)")
def add(slot, number):
    """Add to a counter; returns its value."""
    value = load_relaxed(slot, 0) + number
    store_release(slot, 0, value)  # release: what was counted is visible to who sees the count
    return value


@kernel("int64(int64, int64)")
def put(slot, value):
    """Set a gauge; also publishes a word of the page itself, such as its magic."""
    store_release(slot, 0, value)  # release: publishes everything written before
    return value


@kernel("int64(int64, int64, int64)")
def copy_words(source, target, words):
    """A reader's copy of `words` words, in ascending order; returns word 0 of the source once more, read last."""
    for i in range(words):
        # acquire: what a word publishes is found by the loads after it; each load is whole
        store_plain(target, i, load_acquire(source, i))
    return load_acquire(source, 0)
