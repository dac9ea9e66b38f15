"""Kernels and threads for stress tests of order books: writers, readers, an event consumer, recorded histories."""

import threading
from dataclasses import dataclass

import numpy as np

from patience import STUCK_S
from stress.linearizability import Operation
from tickbench.components.order_book.contract import BEST, TOP, UPDATE, Best, NativeBook
from tickbench.components.order_book.events import CURSOR_WORDS, EVENT_WORDS, VOID_QUANTITY_LOTS, poll_event
from tickbench.kernels.atomics import fetch_add_seq_cst, load_acquire, load_plain
from tickbench.kernels.jit import kernel
from tickbench.kernels.system import yield_core

# Control words shared by the threads of a test.
ARRIVED, WRITERS_DONE, CLOCK = 0, 16, 32


@kernel("void(int64[::1], int64)")
def start_together(control, threads):
    """Wait until all threads are here; yields, as there may be more threads than cores."""
    fetch_add_seq_cst(control, ARRIVED, 1)
    while load_acquire(control, ARRIVED) < threads:
        yield_core()


@kernel(f"int64(pointer[{UPDATE}], int64, int64, int8[::1], int64[::1], int64[::1], int64[::1], int64)")
def write_script(update, book, thread, side, price_ticks, quantity_lots, control, threads):
    """Apply a script of updates; returns how many were not accepted."""
    start_together(control, threads)
    failed = 0
    for i in range(len(side)):
        if update(book, thread, side[i], price_ticks[i], quantity_lots[i]) <= 0:
            failed += 1
    fetch_add_seq_cst(control, WRITERS_DONE, 1)
    return failed


# What a reader counts.
READS, CROSSED, TORN, LOST_LEVEL = range(4)


@kernel(f"void(pointer[{BEST}], int64, int64, int64, int64, int64, int64[::1], int64[::1], int64, int64)")
def read_and_check(best, book, thread, sentinel_bid, sentinel_ask, modulus, found, control, threads, writers):
    """Read the best until the writers are done and count what may never be seen.

    Writers keep the sentinel levels in place for ever, keep bids below asks, and write quantities with
    quantity % modulus == price % modulus, so that a quantity of another price or update shows.
    """
    out = np.empty(4, dtype=np.int64)
    start_together(control, threads)
    finished = False
    while not finished:  # at least once, however late this thread is started
        finished = load_acquire(control, WRITERS_DONE) == writers
        best(book, thread, np.int64(out.ctypes.data))
        found[READS] += 1
        found[CROSSED] += out[0] >= out[2]
        found[TORN] += out[1] <= 0 or out[3] <= 0
        found[TORN] += out[1] % modulus != out[0] % modulus or out[3] % modulus != out[2] % modulus
        found[LOST_LEVEL] += out[0] < sentinel_bid or out[2] > sentinel_ask


@kernel("int64(int64, int64[::1], int64[:, ::1], int64[::1], int64, int64)")
def consume_events(ring, scratch, events, control, threads, writers):
    """Take events until the writers are done and the ring is empty; returns how many came, into rows of `events`."""
    start_together(control, threads)
    cursor = np.int64(scratch.ctypes.data)
    event = cursor + 8 * CURSOR_WORDS
    count = 0
    while True:
        finished = load_acquire(control, WRITERS_DONE) == writers
        if poll_event(ring, cursor, event):
            for word in range(EVENT_WORDS):
                events[count, word] = load_plain(event, word)
            count += 1
        elif finished:
            return count
        else:
            yield_core()


@dataclass
class StressOutcome:
    """What the threads of one stress run saw."""

    rejected_updates: int
    readers: np.ndarray  # (readers, 4) counts
    events: np.ndarray  # (events, 4)
    lost_events: int


def run_threads(targets) -> None:
    """Run the callables as threads to their end; a thread that does not end, or raises, fails the test."""
    failures = []

    def guarded(target):
        try:
            target()
        except BaseException as error:  # handed to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=guarded, args=(target,), daemon=True) for target in targets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(STUCK_S)
    assert not failures, failures
    assert not any(thread.is_alive() for thread in threads), "a thread is stuck"


def stress(book: NativeBook, scripts, readers: int, sentinels, modulus: int) -> StressOutcome:
    """Run writers with their scripts, readers and one event consumer; `scripts` are (side, price, quantity) arrays."""
    writers, threads = len(scripts), len(scripts) + readers + 1
    control = np.zeros(32, dtype=np.int64)
    seen = [np.zeros(4, dtype=np.int64) for _ in range(readers)]
    events = np.zeros((sum(len(script[0]) for script in scripts) * 4 + 64, EVENT_WORDS), dtype=np.int64)
    scratch = np.zeros(CURSOR_WORDS + EVENT_WORDS, dtype=np.int64)
    rejected, taken = [], []
    ring = book.address + 8 * book.events
    scratch[0] = book.sequence()  # what was written before the threads is not theirs

    def writer(thread, script):
        rejected.append(write_script(book.update_kernel, book.address, thread, *script, control, threads))

    def reader(k):
        read_and_check(
            book.best_kernel,
            book.address,
            writers + k,
            *sentinels,
            modulus,
            seen[k],
            control,
            threads,
            writers,
        )

    targets = [lambda t=t, s=s: writer(t, s) for t, s in enumerate(scripts)]
    targets += [lambda k=k: reader(k) for k in range(readers)]
    targets.append(lambda: taken.append(consume_events(ring, scratch, events, control, threads, writers)))
    run_threads(targets)
    return StressOutcome(sum(rejected), np.array(seen), events[: taken[0]], int(scratch[1]))


def after(levels, side, price_ticks, quantity_lots):
    """Levels (bids, asks) after applying updates in their order; those that changed nothing (VOID) are left out."""
    keep = quantity_lots != VOID_QUANTITY_LOTS
    key, quantity = (price_ticks * 2 + side)[keep][::-1], quantity_lots[keep][::-1]
    keys, newest = np.unique(key, return_index=True)  # the first in reversed order is the last that was applied
    result = (dict(levels[0]), dict(levels[1]))
    for code, lots in zip(keys.tolist(), quantity[newest].tolist(), strict=True):
        result[code & 1].pop(code >> 1, None)
        if lots:
            result[code & 1][code >> 1] = lots
    return result


# What a round of a recorded history leaves: its events and the levels of both sides at the end.
MOST_LEVELS = 8


@kernel(
    f"void(pointer[{UPDATE}], pointer[{BEST}], pointer[{TOP}], int64, int64, int64, int64[:, :, ::1], int64[:, ::1],"
    " int64[:, :, ::1], int64[:, :, ::1], int64[:, :, :, ::1], int64[::1], int64)"
)
def record_history(update, best, top, book, ring, thread, script, prices, record, events, finals, control, threads):
    """Run the rounds of a script and record when each operation started and ended, on a logical clock they share.

    script [rounds, operations, 3]: side (-1 reads the best), price, quantity; prices [n, 2]: every (side, price) used.
    record [rounds, operations, 6]: started, ended, then the four numbers of a best.
    Between two rounds thread 0 notes events [rounds, n, 4] and finals [rounds, 2, MOST_LEVELS, 2], and empties the book.
    """
    out = np.empty(4, dtype=np.int64)
    scratch = np.zeros(CURSOR_WORDS + EVENT_WORDS, dtype=np.int64)
    cursor = np.int64(scratch.ctypes.data)
    event = cursor + 8 * CURSOR_WORDS
    for k in range(script.shape[0]):
        fetch_add_seq_cst(control, ARRIVED, 1)
        while load_acquire(control, ARRIVED) < threads * (k + 1):
            yield_core()
        for i in range(script.shape[1]):
            record[k, i, 0] = fetch_add_seq_cst(control, CLOCK, 1)
            if script[k, i, 0] < 0:
                best(book, thread, np.int64(out.ctypes.data))
                for word in range(4):
                    record[k, i, 2 + word] = out[word]
            else:
                update(book, thread, script[k, i, 0], script[k, i, 1], script[k, i, 2])
            record[k, i, 1] = fetch_add_seq_cst(control, CLOCK, 1)
        fetch_add_seq_cst(control, WRITERS_DONE, 1)
        while load_acquire(control, WRITERS_DONE) < threads * (k + 1):
            yield_core()
        if thread == 0:
            row = 0
            while poll_event(ring, cursor, event):
                for word in range(EVENT_WORDS):
                    events[k, row, word] = load_plain(event, word)
                row += 1
            for side in range(2):
                top(book, thread, side, MOST_LEVELS, np.int64(finals[k, side].ctypes.data))
            for i in range(len(prices)):
                update(book, thread, prices[i, 0], prices[i, 1], 0)
            while poll_event(ring, cursor, event):
                pass


@dataclass
class Round:
    """One recorded round: its operations, the events in their order, the levels that were left."""

    operations: list[Operation]
    events: np.ndarray
    bids: dict[int, int]
    asks: dict[int, int]


def record_rounds(book: NativeBook, scripts, prices) -> list[Round]:
    """Run the scripts, one a thread, shape (threads, rounds, operations, 3), each round from an empty book."""
    threads, rounds, operations, _ = scripts.shape
    control = np.zeros(48, dtype=np.int64)
    record = np.zeros((threads, rounds, operations, 6), dtype=np.int64)
    events = np.zeros((rounds, 8 * threads * operations, EVENT_WORDS), dtype=np.int64)
    finals = np.zeros((rounds, 2, MOST_LEVELS, 2), dtype=np.int64)
    kernels = book.update_kernel, book.best_kernel, book.top_kernel
    ring = book.address + 8 * book.events

    def run(t):
        record_history(*kernels, book.address, ring, t, scripts[t], prices, record[t], events, finals, control, threads)

    run_threads([lambda t=t: run(t) for t in range(threads)])
    return [
        Round(
            [_operation(scripts[t, k, i], record[t, k, i].tolist()) for t in range(threads) for i in range(operations)],
            events[k][events[k, :, 0] > 0],
            *({price: lots for price, lots in side.tolist() if lots} for side in finals[k]),
        )
        for k in range(rounds)
    ]


def _operation(step, record) -> Operation:
    if step[0] < 0:
        return Operation(*record[:2], None, Best(*record[2:]))
    return Operation(*record[:2], tuple(step.tolist()), None)
