"""What a workload asks of the loops that issue operations, whichever runtime the book under test has."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tickbench.components.order_book.script import Script
from tickbench.kernels.hdr import Histogram
from tickbench.kernels.open_loop import OpenLoop

MOST_PASSES = 1 << 14  # a writer's passes in one timed run; at 1 µs, the least that a pass can take, it would need 16 ms


@dataclass(frozen=True)
class WriterReport:
    """What one writer did: updates applied, how many of its share the book holds now, and [passes, 2] start and end ns."""

    updates: int
    held_updates: int
    windows_ns: NDArray[np.int64]


@dataclass(frozen=True)
class ReaderReport:
    """What one reader saw: reads, those with a price without a quantity or the reverse, those with bid >= ask."""

    reads: int
    torn_reads: int
    crossed_reads: int
    elapsed_ns: int


@dataclass(frozen=True)
class HeldLevels:
    """Levels to delete, in this order: side int8 [n], price_ticks int64 [n]."""

    side: NDArray[np.int8]
    price_ticks: NDArray[np.int64]


class Rendezvous(Protocol):
    """Where contending threads meet; `abort` releases all of them after one has failed."""

    def abort(self) -> None:
        """Let every thread that waits, or would, go on and end."""
        ...


class Driver(Protocol):
    """The loops over one book. Times are in ns; histograms belong to the calling thread while it runs.

    `ns_per_tick` is the rate of the ticks in which an `OpenLoop` of this driver counts.
    """

    ns_per_tick: float

    def warm_up(self, script: Script, limit_ns: int) -> int:
        """Replay untimed until the limit; returns the number of events replayed, at least 1."""
        ...

    def advance(self, script: Script, first: int, events: int) -> None:
        """Replay `events` events from event `first` on, untimed."""
        ...

    def clear(self) -> int:
        """Delete all levels through updates; returns how many are left."""
        ...

    def replay_batches(self, script: Script, events: int, batch: int, service: Histogram) -> int:
        """Replay, timed once a batch; `service` gets each batch's mean time an update. Returns the ns taken."""
        ...

    def replay_timed(self, script: Script, events: int, service: Histogram, read: Histogram, first: int = 0) -> int:
        """Replay `events` events from event `first` on, with every operation timed. Returns the ns taken."""
        ...

    def meet(self, writers: int, readers: int) -> Any:
        """A rendezvous for this many threads."""
        ...

    def write_share(
        self, meeting: Any, thread: int, share: Script, held: HeldLevels, duration_ns: int, service: Histogram
    ) -> WriterReport:
        """Apply a writer's share over and over until the time is up; between passes the held levels are deleted."""
        ...

    def read_best(self, meeting: Any, thread: int, read: Histogram) -> ReaderReport:
        """Read the best until the writers are done."""
        ...

    def replay_open_loop(self, script: Script, plan_ns: NDArray[np.int64], give_up_ns: int, loop: OpenLoop) -> int:
        """Start event k when entry k of the plan is due; stop after `give_up_ns`. Returns how many were started."""
        ...
