"""What one writes second: a sorted container a side, so that the best price is never searched for.

`sortedcontainers.SortedDict` keeps a dict and a list of short sorted lists; an insert or a delete is a
bisection and a move inside one short list, the best level is the last (bids) or first (asks) of them. Updates
cost more than those of a plain dict, but the same whichever level goes: the tail is that of the lock and the
interpreter, not of a search.

    _levels[side]   SortedDict: price in ticks -> quantity in lots
    _sequence       number of the newest update
    _events         ring of the newest events

What a concurrent reader may see: every method but `poll_event` holds the lock, so a reader sees the book
between two updates, both sides of one moment, never a price with another level's quantity.
"""

from itertools import islice
from threading import Lock
from typing import Any

from sortedcontainers import SortedDict

from tickbench.components.order_book import contract
from tickbench.components.order_book.contract import ASK, BID, FULL, NO_PRICE_TICKS, REJECTED
from tickbench.registry import variant

_BEST_INDEX = (-1, 0)  # of bids the highest price is the best, of asks the lowest


class SortedBook:
    """A book of two SortedDicts under one lock."""

    def __init__(self, config: contract.BookConfig) -> None:
        self._config = config
        self._lock = Lock()
        self._levels: tuple[Any, Any] = (SortedDict(), SortedDict())
        self._sequence = 0
        self._events = contract.PythonEvents(config.event_capacity)

    def update(self, side: int, price_ticks: int, quantity_lots: int, thread: int = 0) -> int:
        """As `OrderBook.update`."""
        if not (
            BID <= side <= ASK
            and 0 <= price_ticks < self._config.price_capacity_ticks
            and 0 <= quantity_lots <= contract.MAX_QUANTITY_LOTS
        ):
            return REJECTED
        with self._lock:
            levels = self._levels[side]
            if quantity_lots == 0:
                levels.pop(price_ticks, None)  # the level need not be there
            elif price_ticks not in levels and len(levels) >= self._config.level_capacity:
                return FULL
            else:
                levels[price_ticks] = quantity_lots
            self._sequence += 1
            self._events.publish(contract.Event(self._sequence, side, price_ticks, quantity_lots))
            return self._sequence

    def best(self, thread: int = 0) -> contract.Best:
        """As `OrderBook.best`."""
        with self._lock:
            return contract.Best(*self._best_of(BID), *self._best_of(ASK))

    def _best_of(self, side: int) -> tuple[int, int]:
        levels = self._levels[side]
        return levels.peekitem(_BEST_INDEX[side]) if levels else (NO_PRICE_TICKS, 0)

    def top(self, side: int, n: int, thread: int = 0) -> list[tuple[int, int]] | None:
        """As `OrderBook.top`; never None."""
        with self._lock:
            levels = self._levels[side]
            prices = reversed(levels) if side == BID else iter(levels)
            return [(price, levels[price]) for price in islice(prices, n)]

    def level_count(self, side: int, thread: int = 0) -> int:
        """As `OrderBook.level_count`."""
        with self._lock:
            return len(self._levels[side])

    def sequence(self, thread: int = 0) -> int:
        """As `OrderBook.sequence`."""
        with self._lock:
            return self._sequence

    def poll_event(self, cursor: contract.EventCursor) -> contract.Event | None:
        """As `OrderBook.poll_event`; takes no lock, an event is one reference."""
        return self._events.poll(cursor)


@variant(
    "order_book",
    runtime="python",
    example_of="sorted container under a lock (sortedcontainers.SortedDict)",
    capabilities=("concurrent_readers", "concurrent_writers", "events"),
)
def sorted_dict(config: contract.BookConfig) -> SortedBook:
    """Make an empty book."""
    return SortedBook(config)
