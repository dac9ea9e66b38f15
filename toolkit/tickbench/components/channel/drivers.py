"""Producers and consumers of the throughput workload, any number of each, on one channel.

producer p ──▶ ┌───────────┐ ──▶ consumer c       a producer numbers its messages 0, 1, 2 …; a consumer checks each one
               │  channel  │                      in place before it releases it, and counts it in its own ledger
               └───────────┘
control block, a line pair each:
  ARRIVED   every thread adds once at the start
  STOP      the first consumer whose time is up writes it; all read it once in CHUNK messages or when they wait
  DONE      every producer adds once at its end; consumers read it when they wait
  ABORT     written from Python where a thread failed; read when waiting
ledgers       one line pair for each (consumer, producer), written by that consumer alone
"""

from tickbench.components.shared.exchange import CLAIM, IDLE, PEEK, PUBLISH, RELEASE, receive, send
from tickbench.components.shared.messages import PRODUCER, SEQUENCE, STOP_SEQUENCE, is_whole
from tickbench.kernels.atomics import (
    fetch_add_acq_rel,
    fetch_add_release,
    load_acquire,
    load_plain,
    load_relaxed,
    pause,
    store_plain,
    store_relaxed,
)
from tickbench.kernels.clock import now_ticks, ticks_to_ns
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_WORDS
from tickbench.kernels.recorder import record
from tickbench.kernels.system import yield_core

ARRIVED, STOP, DONE, ABORT, PRODUCERS, CONTROL_WORDS = (i * ISOLATION_WORDS for i in range(6))
CHUNK = 64  # messages between two looks at STOP

ABORTED = -8
DRAINED = -9  # all producers have ended: nothing more will come

# words of a ledger: what one consumer got from one producer
NEXT, COUNT, SUM, SQUARES = range(4)
LEDGER_WORDS = ISOLATION_WORDS

# words of a consumer's report
WRONG, MESSAGES, TIMED_MESSAGES, TIMED_TICKS = range(4)
REPORT_WORDS = 8


@kernel("int64(int64, int64)")
def meet(control, threads):
    """Wait until all threads are here; yields, as there may be more threads than cores. ABORTED if one failed."""
    fetch_add_acq_rel(control, ARRIVED, 1)
    looks = 0
    while load_acquire(control, ARRIVED) < threads:  # acquire: pairs with the others' adds; what they set up is there
        if load_relaxed(control, ABORT) != 0:  # relaxed: only the flag matters
            return ABORTED
        looks += 1
        if looks % 128 == 0:
            yield_core()
        else:
            pause()
    return 0


@kernel(IDLE)
def producer_idle(control):
    """What a producer does where the channel stays full."""
    yield_core()
    return ABORTED if load_relaxed(control, ABORT) != 0 else 0  # relaxed: only the flag matters


@kernel(IDLE)
def consumer_idle(control):
    """What a consumer does where the channel stays empty; DRAINED once all producers have ended: then one last look is due."""
    if load_relaxed(control, ABORT) != 0:  # relaxed: only the flag matters
        return ABORTED
    # acquire: pairs with the release add in `produce`, so that the last look finds what was sent before
    if load_acquire(control, DONE) == load_plain(control, PRODUCERS):
        return DRAINED
    yield_core()
    return 0


@kernel(f"int64(pointer[{CLAIM}], pointer[{PUBLISH}], pointer[{IDLE}], int64, int64, int64, int64, int64)")
def produce(claim, publish, idle, channel, thread, control, spin_looks, threads):
    """Send messages 0, 1, 2 … until STOP; returns how many, or a negative answer."""
    sequence = 0
    code = meet(control, threads)
    while code >= 0 and load_relaxed(control, STOP) == 0:  # relaxed: only the flag matters, a late look sends a chunk more
        for _ in range(CHUNK):
            code = send(claim, publish, idle, channel, thread, control, spin_looks, sequence)
            if code < 0:
                break
            sequence += 1
    fetch_add_release(control, DONE, 1)  # our messages are in the channel when consumer_idle acquires it
    return sequence if code >= 0 else code


@kernel("int64(int64, int64, int64)")
def account(slot, ledgers, producers):
    """Check a message in place and count it in the ledger of its producer; 1 if it is wrong, else 0."""
    sequence, producer = load_plain(slot, SEQUENCE), load_plain(slot, PRODUCER)
    if producer < 0 or producer >= producers or not is_whole(slot):
        return 1
    ledger = ledgers + 8 * producer * LEDGER_WORDS
    if sequence < load_plain(ledger, NEXT):
        return 1  # twice, or out of order
    store_plain(ledger, NEXT, sequence + 1)
    store_plain(ledger, COUNT, load_plain(ledger, COUNT) + 1)
    store_plain(ledger, SUM, load_plain(ledger, SUM) + sequence)
    store_plain(ledger, SQUARES, load_plain(ledger, SQUARES) + sequence * sequence)
    return 0


@kernel(f"int64(pointer[{PEEK}], pointer[{RELEASE}], int64, int64, int64, int64, int64)")
def drain(peek, release, channel, thread, ledgers, producers, report):
    """Take what is in the channel, without waiting; returns how many messages."""
    count = 0
    slot = peek(channel, thread)
    while slot > 0:
        if load_plain(slot, SEQUENCE) == STOP_SEQUENCE:
            break
        store_plain(report, WRONG, load_plain(report, WRONG) + account(slot, ledgers, producers))
        release(channel, thread, slot)
        count += 1
        slot = peek(channel, thread)
    store_plain(report, MESSAGES, load_plain(report, MESSAGES) + count)
    return count


@kernel(f"int64(pointer[{PEEK}], pointer[{RELEASE}], pointer[{IDLE}], int64, int64, int64, int64, int64, int64, int64, int64)")
def take_batch(peek, release, idle, channel, thread, control, spin_looks, ledgers, producers, batch, report):
    """Receive `batch` messages; returns 0, or the negative answer that ended it."""
    wrong, taken, slot = 0, 0, 0
    while taken < batch:
        slot = receive(peek, idle, channel, thread, control, spin_looks)
        if slot < 0:
            break
        wrong += account(slot, ledgers, producers)
        release(channel, thread, slot)
        taken += 1
    store_plain(report, WRONG, load_plain(report, WRONG) + wrong)
    store_plain(report, MESSAGES, load_plain(report, MESSAGES) + taken)
    return min(slot, 0)


@kernel(
    f"int64(pointer[{PEEK}], pointer[{RELEASE}], pointer[{IDLE}], int64, int64, int64, int64, int64, int64, int64, int64,"
    " int64, int64, int64, float64, int64, int64, int64)"
)
def consume(
    peek,
    release,
    idle,
    channel,
    thread,
    control,
    spin_looks,
    threads,
    ledgers,
    producers,
    batch,
    warm_ticks,
    limit_ticks,
    source,
    ns_per_tick,
    words,
    index,
    report,
):
    """Receive until the time is up, then everything that is left; each batch after `warm_ticks` is one value.

    Returns 0 or the negative answer that ended it; the counts are in the report.
    """
    code = meet(control, threads)
    first = start = now_ticks(source)
    while code >= 0 and load_relaxed(control, STOP) == 0:  # relaxed: only the flag matters
        code = take_batch(peek, release, idle, channel, thread, control, spin_looks, ledgers, producers, batch, report)
        end = now_ticks(source)
        if code >= 0 and start - first >= warm_ticks:
            record(words, index, ticks_to_ns(end - start, ns_per_tick))
            store_plain(report, TIMED_MESSAGES, load_plain(report, TIMED_MESSAGES) + batch)
            store_plain(report, TIMED_TICKS, load_plain(report, TIMED_TICKS) + end - start)
        start = end
        if end - first >= warm_ticks + limit_ticks:
            store_relaxed(control, STOP, 1)  # relaxed: only the flag matters
    while code >= 0:
        drain(peek, release, channel, thread, ledgers, producers, report)
        code = idle(control)
    if code == DRAINED:
        drain(peek, release, channel, thread, ledgers, producers, report)
        code = 0
    return code
