"""What an order book provides: price levels of two sides, the best of each, a sequence number and update events.

A book holds level-2 data: a quantity for each price of each side, in integer lots and ticks. An update sets the quantity of
one level; 0 deletes it (deleting a level that is not there is normal and counts as an update). Every accepted update takes
the next sequence number in the same step as the change becomes visible, and publishes one event that carries it; replaying the
events in the order of their numbers gives the same book.

Python variants are objects with the methods of `OrderBook`. Compiled variants hand their kernels to `NativeBook`, which has
the same methods; drivers call the kernels directly. A concurrent caller passes its thread number, 0 … config.threads - 1,
so that variants can keep words per thread.

Capabilities that a variant may claim:
    concurrent_readers   any number of threads may read while one writes
    concurrent_writers   any number of threads may update
    events               publishes update events
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import numpy as np

from tickbench.components.order_book.events import CURSOR_WORDS, EVENT_WORDS, poll_event
from tickbench.errors import InputError
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import WORD_BYTES, Block

BID, ASK = 0, 1
NO_PRICE_TICKS = -1  # the price of the best level of an empty side; its quantity is 0

# results of an update that was not accepted
REJECTED = -1  # side, price or quantity out of range
FULL = -2  # no memory left for the level: the capacity of the config is used up
# result of a read that met too many writes: try again later
BUSY = -3

MAX_QUANTITY_LOTS = (1 << 37) - 1  # what a level word holds beside its stamp, in every variant

# numba signatures of a compiled variant's kernels; `book` is the address of its block, `out` of the caller's words
UPDATE = "int64(int64, int64, int64, int64, int64)"  # (book, thread, side, price, quantity) -> sequence or error
BEST = "int64(int64, int64, int64)"  # (book, thread, out: bid price, bid quantity, ask price, ask quantity) -> 0
TOP = "int64(int64, int64, int64, int64, int64)"  # (book, thread, side, n, out: n pairs, best first) -> pairs or BUSY
LEVEL_COUNT = "int64(int64, int64, int64)"  # (book, thread, side) -> levels
SEQUENCE = "int64(int64, int64)"  # (book, thread) -> sequence number of the newest update


@dataclass(frozen=True)
class BookConfig:
    """Capacities, fixed when a book is made: prices below `price_capacity_ticks`, levels a side, events kept, threads."""

    price_capacity_ticks: int = 1 << 25
    level_capacity: int = 1 << 16
    event_capacity: int = 1 << 13
    threads: int = 16

    def __post_init__(self) -> None:
        for name in ("price_capacity_ticks", "event_capacity"):
            value = getattr(self, name)
            if value < 64 or value & (value - 1):
                raise InputError(f"order book config: {name} must be a power of two from 64 up, got {value}")
        if not (1 <= self.threads <= 256 and self.level_capacity >= 1):
            raise InputError(
                f"order book config: threads must be 1 to 256 and level_capacity at least 1, got {self.threads} and "
                f"{self.level_capacity}"
            )

    @classmethod
    def for_prices(cls, highest_ticks: int, **capacities: int) -> "BookConfig":
        """A config with room for prices up to twice the highest that is known."""
        power = max(16, math.ceil(math.log2(2 * (highest_ticks + 1))))
        return cls(price_capacity_ticks=1 << power, **capacities)


class Best(NamedTuple):
    """Best level of both sides, read at one moment; NO_PRICE_TICKS and 0 for an empty side."""

    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int


class Event(NamedTuple):
    """One update: its sequence number, side, price and new quantity (VOID_QUANTITY_LOTS: nothing changed)."""

    sequence: int
    side: int
    price_ticks: int
    quantity_lots: int


@dataclass
class EventCursor:
    """Where a consumer of events stands, and how many it has lost."""

    words: Any = field(default_factory=lambda: np.zeros(CURSOR_WORDS, dtype=np.int64))

    @property
    def sequence(self) -> int:
        """The last sequence number delivered or lost."""
        return int(self.words[0])

    @property
    def lost(self) -> int:
        """Events overwritten or dropped before this consumer came."""
        return int(self.words[1])


class OrderBook(Protocol):
    """The methods of a book as Python calls them; `thread` is the caller's number where threads share a book."""

    def update(self, side: int, price_ticks: int, quantity_lots: int, thread: int = 0) -> int:
        """Set a level; returns the sequence number of the update, REJECTED or FULL."""
        ...

    def best(self, thread: int = 0) -> Best:
        """Best bid and ask with their quantities."""
        ...

    def top(self, side: int, n: int, thread: int = 0) -> list[tuple[int, int]] | None:
        """The best `n` levels of a side as (price, quantity), best first; None if writers kept it from reading."""
        ...

    def level_count(self, side: int, thread: int = 0) -> int:
        """Levels on a side."""
        ...

    def sequence(self, thread: int = 0) -> int:
        """Sequence number of the newest update, 0 at first."""
        ...

    def poll_event(self, cursor: EventCursor) -> Event | None:
        """The next event of a consumer, None where there is none yet."""
        ...


class PythonEvents:
    """The event queue of Python variants: a ring of tuples with the same policy; writers exclude each other."""

    def __init__(self, capacity: int) -> None:
        self._slots: list[Event | None] = [None] * capacity
        self._capacity = capacity

    def publish(self, event: Event) -> None:
        """Put an event at its place; the one a lap older is gone."""
        self._slots[event.sequence % self._capacity] = event

    def poll(self, cursor: EventCursor) -> Event | None:
        """As `OrderBook.poll_event`."""
        while True:
            wanted = cursor.sequence + 1
            event = self._slots[wanted % self._capacity]
            if event is None or event.sequence < wanted:
                return None
            if event.sequence == wanted:
                cursor.words[0] = wanted
                return event
            oldest_left = event.sequence - self._capacity
            cursor.words[1] += oldest_left - cursor.sequence
            cursor.words[0] = oldest_left


@kernel(f"int64(pointer[{UPDATE}], int64, int64, int64, int64, int64)")
def _call_5(function, book, a, b, c, d):
    return function(book, a, b, c, d)


@kernel(f"int64(pointer[{BEST}], int64, int64, int64)")
def _call_3(function, book, a, b):
    return function(book, a, b)


@kernel(f"int64(pointer[{SEQUENCE}], int64, int64)")
def _call_2(function, book, a):
    return function(book, a)


@dataclass
class NativeBook:
    """A compiled book: its block and its kernels (or `NativeFunction`s), with the signatures above.

    `events` is the word index of its event ring in the block, None for a book without events. `owner` is anything that
    must live as long as the book, such as a loaded library.
    """

    block: Block
    update_kernel: Callable[..., int]
    best_kernel: Callable[..., int]
    top_kernel: Callable[..., int]
    level_count_kernel: Callable[..., int]
    sequence_kernel: Callable[..., int]
    events: int | None = None
    owner: Any = None

    @property
    def address(self) -> int:
        """Address of the block, the first argument of each kernel."""
        return self.block.address

    def update(self, side: int, price_ticks: int, quantity_lots: int, thread: int = 0) -> int:
        """As `OrderBook.update`."""
        return int(_call_5(self.update_kernel, self.address, thread, side, price_ticks, quantity_lots))

    def best(self, thread: int = 0) -> Best:
        """As `OrderBook.best`."""
        out = np.empty(4, dtype=np.int64)
        _call_3(self.best_kernel, self.address, thread, out.ctypes.data)
        return Best(*out.tolist())

    def top(self, side: int, n: int, thread: int = 0) -> list[tuple[int, int]] | None:
        """As `OrderBook.top`."""
        out = np.empty((n, 2), dtype=np.int64)
        count = _call_5(self.top_kernel, self.address, thread, side, n, out.ctypes.data)
        return None if count == BUSY else [(price, quantity) for price, quantity in out[:count].tolist()]

    def level_count(self, side: int, thread: int = 0) -> int:
        """As `OrderBook.level_count`."""
        return int(_call_3(self.level_count_kernel, self.address, thread, side))

    def sequence(self, thread: int = 0) -> int:
        """As `OrderBook.sequence`."""
        return int(_call_2(self.sequence_kernel, self.address, thread))

    def poll_event(self, cursor: EventCursor) -> Event | None:
        """As `OrderBook.poll_event`; None for a book without events."""
        if self.events is None:
            return None
        out = np.empty(EVENT_WORDS, dtype=np.int64)
        ring = self.address + WORD_BYTES * self.events
        found = poll_event(ring, cursor.words.ctypes.data, out.ctypes.data)
        return Event(*out.tolist()) if found else None
