"""Drives a book written in Python: the same loops as in `drivers`, in Python, timed with time.perf_counter_ns.

Durations go to an array first and from there to the histogram, a chunk at a time and outside what is timed: recording one by
one would cost as much as an update.
"""

import threading
from array import array
from itertools import pairwise
from time import perf_counter_ns, sleep
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tickbench.components.order_book.contract import ASK, BID, NO_PRICE_TICKS, OrderBook
from tickbench.components.order_book.driver import HeldLevels, ReaderReport, WriterReport
from tickbench.components.order_book.script import Script
from tickbench.kernels.hdr import Histogram, record_many
from tickbench.kernels.open_loop import OpenLoop, finish_many
from tickbench.kernels.waiting import measure_sleep_overshoot_ns

_CHUNK = 1 << 14  # durations kept before they are recorded: 128 KiB, a tenth of a millisecond to record
_LEAD_NS = 2_000_000  # an open loop's plan starts this long after its driver was called
_NS_PER_S = 1_000_000_000

_Event = list[tuple[int, int, int]]


class _Durations:
    """A chunk of durations on its way to a histogram; drivers fill `values` themselves, a call would cost too much."""

    def __init__(self, histogram: Histogram) -> None:
        self.values = array("q", bytes(8 * _CHUNK))
        self._address, _ = self.values.buffer_info()
        self._histogram = histogram

    def flush(self, count: int) -> int:
        """Record the first `count`; returns 0, the new fill level."""
        record_many(self._histogram.address, self._histogram.index, self._address, count)
        return 0


class PythonMeeting:
    """Where contending Python threads meet: a barrier for the start, one for each end of a pass."""

    def __init__(self, writers: int, readers: int) -> None:
        self.start = threading.Barrier(writers + readers)
        self.pass_ended = threading.Barrier(writers)
        self.writers_left = writers
        self._lock = threading.Lock()

    def writer_done(self) -> None:
        """Count a writer out."""
        self.pass_ended.abort()  # those who wait for it there are done too
        with self._lock:
            self.writers_left -= 1

    def abort(self) -> None:
        """As `Rendezvous.abort`."""
        self.writers_left = 0
        self.start.abort()
        self.pass_ended.abort()


class PythonDriver:
    """The loops over a Python book; meets `Driver`."""

    ns_per_tick = 1.0  # perf_counter_ns counts ns

    def __init__(self, book: OrderBook) -> None:
        self._book = book
        self._events_of: tuple[Script | None, list[_Event]] = (None, [])

    def warm_up(self, script: Script, limit_ns: int) -> int:
        """As `Driver.warm_up`."""
        update, best = self._book.update, self._book.best
        end = perf_counter_ns() + limit_ns
        for done, event in enumerate(self._events(script), 1):
            for side, price_ticks, quantity_lots in event:
                update(side, price_ticks, quantity_lots)
            best()
            if perf_counter_ns() > end:
                return done
        return script.events

    def advance(self, script: Script, first: int, events: int) -> None:
        """As `Driver.advance`."""
        update, best = self._book.update, self._book.best
        for event in self._events(script)[first : first + events]:
            for side, price_ticks, quantity_lots in event:
                update(side, price_ticks, quantity_lots)
            best()

    def clear(self) -> int:
        """As `Driver.clear`: from the worst level, or a book that searches for its next best would do so each time."""
        for side in (BID, ASK):
            levels = self._book.top(side, self._book.level_count(side)) or []
            for price_ticks, _ in reversed(levels):
                self._book.update(side, price_ticks, 0)
        return sum(self._book.level_count(side) for side in (BID, ASK))

    def replay_batches(self, script: Script, events: int, batch: int, service: Histogram) -> int:
        """As `Driver.replay_batches`."""
        update, best = self._book.update, self._book.best
        updates, done = script.updates_in(events), 0
        boundaries = iter([*range(batch, updates - batch + 1, batch), updates])
        boundary, stamps = next(boundaries), []
        feed = self._events(script)[:events]
        first = perf_counter_ns()
        for event in feed:
            for side, price_ticks, quantity_lots in event:
                update(side, price_ticks, quantity_lots)
                done += 1
                if done == boundary:
                    stamps.append((done, perf_counter_ns()))
                    boundary = next(boundaries, 0)
            best()
        elapsed = perf_counter_ns() - first
        counts = np.diff([count for count, _ in stamps], prepend=0)
        means = np.diff([time for _, time in stamps], prepend=first) / counts
        service.record(np.rint(means).astype(np.int64))
        return elapsed

    def replay_timed(self, script: Script, events: int, service: Histogram, read: Histogram, first: int = 0) -> int:
        """As `Driver.replay_timed`."""
        update, best = self._book.update, self._book.best
        updates, reads = _Durations(service), _Durations(read)
        update_ns, read_ns = updates.values, reads.values
        n, k, flushing = 0, 0, 0
        feed = self._events(script)[first : first + events]
        begin = start = perf_counter_ns()
        for event in feed:
            for side, price_ticks, quantity_lots in event:
                update(side, price_ticks, quantity_lots)
                now = perf_counter_ns()
                update_ns[n] = now - start
                n += 1
                start = now
                if n == _CHUNK:
                    n = updates.flush(n)
                    start = perf_counter_ns()
                    flushing += start - now
            best()
            now = perf_counter_ns()
            read_ns[k] = now - start
            k += 1
            start = now
            if k == _CHUNK:
                k = reads.flush(k)
                start = perf_counter_ns()
                flushing += start - now
        updates.flush(n)
        reads.flush(k)
        return start - begin - flushing

    def meet(self, writers: int, readers: int) -> PythonMeeting:
        """As `Driver.meet`."""
        return PythonMeeting(writers, readers)

    def write_share(
        self,
        meeting: PythonMeeting,
        thread: int,
        share: Script,
        held: HeldLevels,
        duration_ns: int,
        service: Histogram,
    ) -> WriterReport:
        """As `Driver.write_share`."""
        update = self._book.update
        levels = list(zip(held.side.tolist(), held.price_ticks.tolist(), strict=True))
        updates = [one for event in _events_of(share) for one in event]
        durations = _Durations(service)
        total, applied, windows = 0, 0, []
        meeting.start.wait()
        deadline = perf_counter_ns() + duration_ns
        try:
            while not meeting.pass_ended.broken:
                first, last, applied = self._write_pass(updates, thread, deadline, durations)
                windows.append((first, last))
                total += applied
                if last >= deadline:
                    break
                for side, price_ticks in levels:
                    update(side, price_ticks, 0, thread)
                applied = 0
                meeting.pass_ended.wait()
        except threading.BrokenBarrierError:
            pass  # another writer is out of time; this one's levels are deleted
        meeting.writer_done()
        return WriterReport(total, applied, np.array(windows, dtype=np.int64).reshape(-1, 2))

    def _write_pass(self, updates: _Event, thread: int, deadline: int, durations: _Durations) -> tuple[int, int, int]:
        """Apply a share until the deadline; returns when it began and ended, and how many updates were applied."""
        update, update_ns = self._book.update, durations.values
        n, applied = 0, 0
        first = start = perf_counter_ns()
        for side, price_ticks, quantity_lots in updates:
            if start >= deadline:
                break
            update(side, price_ticks, quantity_lots, thread)
            now = perf_counter_ns()
            update_ns[n] = now - start
            n += 1
            applied += 1
            start = now
            if n == _CHUNK:
                n = durations.flush(n)
                start = perf_counter_ns()
        durations.flush(n)
        return first, start, applied

    def read_best(self, meeting: PythonMeeting, thread: int, read: Histogram) -> ReaderReport:
        """As `Driver.read_best`."""
        best, durations = self._book.best, _Durations(read)
        read_ns = durations.values
        n, reads, torn, crossed = 0, 0, 0, 0
        meeting.start.wait()
        first = start = perf_counter_ns()
        while meeting.writers_left:
            bid_ticks, bid_lots, ask_ticks, ask_lots = best(thread)
            now = perf_counter_ns()
            read_ns[n] = now - start
            n += 1
            reads += 1
            no_bid, no_ask = bid_ticks == NO_PRICE_TICKS, ask_ticks == NO_PRICE_TICKS
            torn += (no_bid != (bid_lots <= 0)) | (no_ask != (ask_lots <= 0))
            crossed += not (no_bid or no_ask) and bid_ticks >= ask_ticks
            start = now
            if n == _CHUNK:
                n = durations.flush(n)
                start = perf_counter_ns()
        durations.flush(n)
        return ReaderReport(reads, torn, crossed, start - first)

    def replay_open_loop(self, script: Script, plan_ns: NDArray[np.int64], give_up_ns: int, loop: OpenLoop) -> int:
        """As `Driver.replay_open_loop`; sleeps and spins like `waiting.wait_until_real`, in ns."""
        update, best = self._book.update, self._book.best
        far_ns = 2 * measure_sleep_overshoot_ns()
        started, done, sent = np.zeros(len(plan_ns), np.int64), np.zeros(len(plan_ns), np.int64), 0
        feed = self._events(script)[: len(plan_ns)]
        start = perf_counter_ns() + _LEAD_NS
        loop.begin(start, start + give_up_ns)
        for offset, event in zip(plan_ns.tolist(), feed, strict=True):
            target = start + offset
            while (left := target - perf_counter_ns()) > far_ns:
                sleep((left - far_ns) / _NS_PER_S)
            while (now := perf_counter_ns()) < target:
                pass
            for side, price_ticks, quantity_lots in event:
                update(side, price_ticks, quantity_lots)
            best()
            done[sent] = ended = perf_counter_ns()
            started[sent] = now
            sent += 1
            if ended > start + give_up_ns:
                break
        finish_many(loop.state, plan_ns, self.ns_per_tick, started, done, sent)
        return sent

    def _events(self, script: Script) -> list[_Event]:
        """The script as lists of tuples; made once."""
        if self._events_of[0] is not script:
            self._events_of = script, _events_of(script)
        return self._events_of[1]


def _events_of(script: Script) -> list[_Event]:
    rows: Any = zip(script.side.tolist(), script.price_ticks.tolist(), script.quantity_lots.tolist(), strict=True)
    updates = list(rows)
    starts = script.event_start.tolist()
    return [updates[start:end] for start, end in pairwise(starts)]
