"""Drives a compiled book: hands its kernels and a script's arrays to the loops in `drivers`."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tickbench.components.order_book import drivers
from tickbench.components.order_book.contract import BID, NativeBook
from tickbench.components.order_book.driver import MOST_PASSES, HeldLevels, ReaderReport, WriterReport
from tickbench.components.order_book.script import Script
from tickbench.kernels.clock import Clock, now_ticks
from tickbench.kernels.hdr import Histogram
from tickbench.kernels.memory import Block
from tickbench.kernels.open_loop import OpenLoop
from tickbench.kernels.waiting import measure_sleep_overshoot_ns, now_real, real_context, wait_until_real

# An open loop's plan starts this long after its driver was called, so that entry 0 is not late.
_LEAD_NS = 2_000_000

_Arrays = tuple[NDArray[np.int8], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


@dataclass(frozen=True)
class NativeMeeting:
    """The control words on which contending threads meet."""

    writers: int
    readers: int
    control: NDArray[np.int64] = field(default_factory=lambda: Block(drivers.CONTROL_WORDS).array)

    @property
    def threads(self) -> int:
        """Writers and readers."""
        return self.writers + self.readers

    def abort(self) -> None:
        """As `Rendezvous.abort`."""
        self.control[drivers.STOP] = 1
        self.control[drivers.WRITERS_DONE] = self.writers


class NativeDriver:
    """The loops over a compiled book; meets `Driver`."""

    def __init__(self, book: NativeBook, clock: Clock) -> None:
        self._book = book
        self._clock = clock
        self.ns_per_tick = clock.ns_per_tick

    def warm_up(self, script: Script, limit_ns: int) -> int:
        """As `Driver.warm_up`."""
        book, limit_ticks = self._book, self._clock.ticks(limit_ns)
        return int(
            drivers.warm_up(
                book.update_kernel,
                book.best_kernel,
                book.address,
                *_arrays(script),
                script.events,
                self._clock.source,
                limit_ticks,
            )
        )

    def advance(self, script: Script, first: int, events: int) -> None:
        """As `Driver.advance`."""
        book, (*levels, event_start) = self._book, _arrays(script)
        drivers.replay_untimed(book.update_kernel, book.best_kernel, book.address, *levels, event_start[first:], events)

    def clear(self) -> int:
        """As `Driver.clear`."""
        book = self._book
        levels = max(book.level_count(side) for side in (BID, 1 - BID))
        out = np.empty(2 * max(levels, 1), dtype=np.int64)
        return int(drivers.clear(book.update_kernel, book.top_kernel, book.level_count_kernel, book.address, out))

    def replay_batches(self, script: Script, events: int, batch: int, service: Histogram) -> int:
        """As `Driver.replay_batches`."""
        book, clock = self._book, self._clock
        ticks = drivers.replay_batches(
            book.update_kernel,
            book.best_kernel,
            book.address,
            *_arrays(script),
            events,
            batch,
            clock.source,
            clock.ns_per_tick,
            service.address,
            service.index,
        )
        return int(ticks * clock.ns_per_tick + 0.5)

    def replay_timed(self, script: Script, events: int, service: Histogram, read: Histogram, first: int = 0) -> int:
        """As `Driver.replay_timed`."""
        book, clock = self._book, self._clock
        *levels, event_start = _arrays(script)
        ticks = drivers.replay_timed(
            book.update_kernel,
            book.best_kernel,
            book.address,
            *levels,
            event_start[first:],
            events,
            clock.source,
            clock.ns_per_tick,
            service.address,
            service.index,
            read.address,
            read.index,
        )
        return int(ticks * clock.ns_per_tick + 0.5)

    def meet(self, writers: int, readers: int) -> NativeMeeting:
        """As `Driver.meet`."""
        return NativeMeeting(writers, readers)

    def write_share(
        self,
        meeting: NativeMeeting,
        thread: int,
        share: Script,
        held: HeldLevels,
        duration_ns: int,
        service: Histogram,
    ) -> WriterReport:
        """As `Driver.write_share`."""
        clock = self._clock
        windows = np.zeros((MOST_PASSES, 2), dtype=np.int64)
        out = Block(drivers.OUT_WORDS).array
        drivers.write_share(
            self._book.update_kernel,
            self._book.address,
            thread,
            *_arrays(share)[:3],
            held.side,
            held.price_ticks,
            meeting.control,
            meeting.writers,
            meeting.threads,
            clock.source,
            clock.ns_per_tick,
            clock.ticks(duration_ns),
            service.address,
            service.index,
            windows,
            out,
        )
        passes = int(out[drivers.PASSES])
        windows_ns = np.rint(windows[:passes] * clock.ns_per_tick).astype(np.int64)
        return WriterReport(int(out[drivers.UPDATES]), int(out[drivers.HELD_UPDATES]), windows_ns)

    def read_best(self, meeting: NativeMeeting, thread: int, read: Histogram) -> ReaderReport:
        """As `Driver.read_best`."""
        clock = self._clock
        out = Block(drivers.OUT_WORDS).array
        drivers.read_best(
            self._book.best_kernel,
            self._book.address,
            thread,
            meeting.control,
            meeting.writers,
            meeting.threads,
            clock.source,
            clock.ns_per_tick,
            read.address,
            read.index,
            out,
        )
        reads, torn, crossed, ticks = out[: drivers.READ_TICKS + 1].tolist()
        return ReaderReport(reads, torn, crossed, round(ticks * clock.ns_per_tick))

    def replay_open_loop(self, script: Script, plan_ns: NDArray[np.int64], give_up_ns: int, loop: OpenLoop) -> int:
        """As `Driver.replay_open_loop`."""
        book, clock = self._book, self._clock
        context = real_context(clock, measure_sleep_overshoot_ns())
        plan_ticks = np.rint(plan_ns / clock.ns_per_tick).astype(np.int64)
        start_ticks = int(now_ticks(clock.source)) + clock.ticks(_LEAD_NS)
        loop.begin(start_ticks, start_ticks + clock.ticks(give_up_ns))
        return int(
            drivers.replay_open_loop(
                book.update_kernel,
                book.best_kernel,
                now_real,
                wait_until_real,
                context.ctypes.data,
                book.address,
                *_arrays(script),
                len(plan_ticks),
                loop.state,
                plan_ticks,
                clock.ns_per_tick,
            )
        )


def _arrays(script: Script) -> _Arrays:
    return script.side, script.price_ticks, script.quantity_lots, script.event_start
