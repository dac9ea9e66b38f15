"""The compiled loops that issue operations to a compiled book, through function pointers: one set for all variants.

Each takes the book's kernels first, then `book`, the address of its block, and the arrays of a script. Times are read in ticks
of `source`. Where every operation is timed, one clock reading ends an operation and starts the next, so that each time
contains one reading and one record; the `null` variant shows how much that is.
"""

import numpy as np

from tickbench.components.order_book.contract import BEST, LEVEL_COUNT, NO_PRICE_TICKS, TOP, UPDATE
from tickbench.kernels.atomics import fetch_add_release, load_acquire, store_release
from tickbench.kernels.clock import now_ticks, ticks_to_ns
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_WORDS
from tickbench.kernels.open_loop import finish, wait_for_turn
from tickbench.kernels.recorder import record
from tickbench.kernels.system import yield_core
from tickbench.kernels.waiting import NOW, WAIT_UNTIL

_SCRIPT = "int8[::1], int64[::1], int64[::1]"  # side, price_ticks, quantity_lots
_EVENTS = f"{_SCRIPT}, int64[::1], int64"  # and event_start, number of events to replay
_CLOCK = "int64, float64"  # source, ns_per_tick
_HISTOGRAM = "int64, int64"  # address of its block, index

# Words of the control block of contending threads, a line pair each: every thread adds to the first once, every
# writer adds to PASS_ENDED once a pass, the first writer that runs out of time sets STOP.
ARRIVED, PASS_ENDED, STOP, WRITERS_DONE = (ISOLATION_WORDS * k for k in range(4))
CONTROL_WORDS = 4 * ISOLATION_WORDS
# What a writer reports.
UPDATES, PASSES, HELD_UPDATES = range(3)
# What a reader reports.
READS, TORN_READS, CROSSED_READS, READ_TICKS = range(4)
OUT_WORDS = ISOLATION_WORDS


@kernel(f"int64(pointer[{UPDATE}], pointer[{BEST}], int64, {_EVENTS}, int64, int64)")
def warm_up(update, best, book, side, price_ticks, quantity_lots, event_start, events, source, limit_ticks):
    """Replay events untimed until `limit_ticks` have gone by; returns how many were replayed, at least 1."""
    out = np.empty(4, dtype=np.int64)
    end = now_ticks(source) + limit_ticks
    for k in range(events):
        for i in range(event_start[k], event_start[k + 1]):
            update(book, 0, side[i], price_ticks[i], quantity_lots[i])
        best(book, 0, np.int64(out.ctypes.data))
        if now_ticks(source) > end:
            return k + 1
    return events


@kernel(f"int64(pointer[{UPDATE}], pointer[{BEST}], int64, {_EVENTS})")
def replay_untimed(update, best, book, side, price_ticks, quantity_lots, event_start, events):
    """Replay the events that `event_start` begins with; returns how many."""
    out = np.empty(4, dtype=np.int64)
    for k in range(events):
        for i in range(event_start[k], event_start[k + 1]):
            update(book, 0, side[i], price_ticks[i], quantity_lots[i])
        best(book, 0, np.int64(out.ctypes.data))
    return events


@kernel(f"int64(pointer[{UPDATE}], pointer[{TOP}], pointer[{LEVEL_COUNT}], int64, int64[::1])")
def clear(update, top, level_count, book, out):
    """Delete every level by updates, the worst first; returns how many are left (0 unless the book is wrong).

    `out` has room for all levels of a side, two words each. From the worst, because a book that searches for its next best
    level would otherwise do so at every step.
    """
    left = 0
    for side in range(2):
        count = top(book, 0, side, level_count(book, 0, side), np.int64(out.ctypes.data))
        for row in range(count - 1, -1, -1):
            update(book, 0, side, out[2 * row], 0)
        left += level_count(book, 0, side)
    return left


@kernel(f"int64(pointer[{UPDATE}], pointer[{BEST}], int64, {_EVENTS}, int64, {_CLOCK}, {_HISTOGRAM})")
def replay_batches(
    update,
    best,
    book,
    side,
    price_ticks,
    quantity_lots,
    event_start,
    events,
    batch,
    source,
    ns_per_tick,
    words,
    index,
):
    """Replay events, the clock read once a batch; records each batch's mean time an update. Returns the ticks taken.

    The best is read after each event, inside the batch. What is left over after whole batches joins the last one.
    """
    out = np.empty(4, dtype=np.int64)
    updates = event_start[events]
    boundary = batch if updates >= 2 * batch else updates
    closed = 0
    first = now_ticks(source)
    start = first
    for k in range(events):
        for i in range(event_start[k], event_start[k + 1]):
            update(book, 0, side[i], price_ticks[i], quantity_lots[i])
            if i + 1 == boundary:
                now = now_ticks(source)
                record(words, index, ticks_to_ns(now - start, ns_per_tick / (boundary - closed)))
                start = now
                closed = boundary
                boundary = closed + batch if updates - closed >= 2 * batch else updates
        best(book, 0, np.int64(out.ctypes.data))
    return now_ticks(source) - first


@kernel(f"int64(pointer[{UPDATE}], pointer[{BEST}], int64, {_EVENTS}, {_CLOCK}, {_HISTOGRAM}, {_HISTOGRAM})")
def replay_timed(
    update, best, book, side, price_ticks, quantity_lots, event_start, events, source, ns_per_tick,
    words, index, read_words, read_index,
):  # fmt: skip  # two histograms, a line each
    """Replay events with each update and each read of the best timed on its own. Returns the ticks taken."""
    out = np.empty(4, dtype=np.int64)
    first = now_ticks(source)
    start = first
    for k in range(events):
        for i in range(event_start[k], event_start[k + 1]):
            update(book, 0, side[i], price_ticks[i], quantity_lots[i])
            now = now_ticks(source)
            record(words, index, ticks_to_ns(now - start, ns_per_tick))
            start = now
        best(book, 0, np.int64(out.ctypes.data))
        now = now_ticks(source)
        record(read_words, read_index, ticks_to_ns(now - start, ns_per_tick))
        start = now
    return start - first


@kernel("void(int64[::1], int64, int64)")
def _wait_for_all(control, at, threads):
    """Count this thread in, and wait until all are; yields, as there may be more threads than cores."""
    fetch_add_release(control, at, 1)  # publishes this thread's work before to the acquire of those who wait
    while load_acquire(control, at) < threads and load_acquire(control, STOP) == 0:
        yield_core()


@kernel(
    f"void(pointer[{UPDATE}], int64, int64, {_SCRIPT}, int8[::1], int64[::1], int64[::1], int64, int64, {_CLOCK}, int64,"
    f" {_HISTOGRAM}, int64[:, ::1], int64[::1])"
)
def write_share(
    update, book, thread, side, price_ticks, quantity_lots, held_side, held_price_ticks,
    control, writers, threads, source, ns_per_tick, duration_ticks, words, index, windows, out,
):  # fmt: skip  # grouped as in the signature
    """Apply one writer's share over and over, each update timed, until the time is up in the middle of a pass.

    `held_…` are the levels that the book holds after the whole share: deleted between passes, untimed. Row p of `windows` is
    the start and the end of pass p; `out` the writer's report: HELD_UPDATES is how many updates of the share the book
    holds in the end, on top of none.
    """
    _wait_for_all(control, ARRIVED, threads)
    passes, total, held = 0, 0, 0
    deadline = now_ticks(source) + duration_ticks
    while load_acquire(control, STOP) == 0:  # pairs with the release below
        start = now_ticks(source)
        windows[passes, 0] = start
        held = 0
        while held < len(side) and start < deadline:
            update(book, thread, side[held], price_ticks[held], quantity_lots[held])
            now = now_ticks(source)
            record(words, index, ticks_to_ns(now - start, ns_per_tick))
            start = now
            held += 1
        windows[passes, 1] = start
        passes += 1
        total += held
        if start >= deadline or passes == len(windows):
            break
        for i in range(len(held_side)):
            update(book, thread, held_side[i], held_price_ticks[i], 0)
        held = 0
        _wait_for_all(control, PASS_ENDED, writers * passes)
    out[UPDATES], out[PASSES], out[HELD_UPDATES] = total, passes, held
    store_release(control, STOP, 1)  # tells writers that wait for this one: pairs with the acquires above
    fetch_add_release(control, WRITERS_DONE, 1)  # publishes the end of writing to load_acquire in read_best


@kernel(f"void(pointer[{BEST}], int64, int64, int64[::1], int64, int64, {_CLOCK}, {_HISTOGRAM}, int64[::1])")
def read_best(best, book, thread, control, writers, threads, source, ns_per_tick, words, index, out):
    """Poll the best until the writers are done, each read timed; count reads that contradict themselves, or are crossed."""
    level = np.empty(4, dtype=np.int64)
    _wait_for_all(control, ARRIVED, threads)
    reads, torn, crossed = 0, 0, 0
    first = now_ticks(source)
    start = first
    while load_acquire(control, WRITERS_DONE) < writers:  # pairs with the release at the end of write_share
        best(book, thread, np.int64(level.ctypes.data))
        now = now_ticks(source)
        record(words, index, ticks_to_ns(now - start, ns_per_tick))
        start = now
        reads += 1
        no_bid, no_ask = level[0] == NO_PRICE_TICKS, level[2] == NO_PRICE_TICKS
        torn += (no_bid != (level[1] <= 0)) | (no_ask != (level[3] <= 0))
        crossed += (not no_bid) & (not no_ask) & (level[0] >= level[2])
    out[READS], out[TORN_READS], out[CROSSED_READS], out[READ_TICKS] = reads, torn, crossed, start - first


@kernel(
    f"int64(pointer[{UPDATE}], pointer[{BEST}], pointer[{NOW}], pointer[{WAIT_UNTIL}], int64, int64, {_EVENTS},"
    " int64[::1], int64[::1], float64)"
)
def replay_open_loop(
    update, best, now, wait_until, clock, book, side, price_ticks, quantity_lots, event_start, events,
    state, plan_ticks, ns_per_tick,
):  # fmt: skip  # grouped as in the signature
    """Replay event k, with a read of the best, at plan entry k; returns how many events were started."""
    out = np.empty(4, dtype=np.int64)
    for k in range(events):
        started = wait_for_turn(wait_until, clock, state, plan_ticks, k)
        for i in range(event_start[k], event_start[k + 1]):
            update(book, 0, side[i], price_ticks[i], quantity_lots[i])
        best(book, 0, np.int64(out.ctypes.data))
        if not finish(state, plan_ticks, ns_per_tick, k, started, now(clock)):
            return k + 1
    return events
