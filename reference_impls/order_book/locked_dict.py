"""What one writes first: a Python dict a side, one lock, the best price remembered.

Prices and quantities are Python ints in a dict; the best price of a side is kept and only looked for again,
with `max` or `min` over all levels, when it was deleted. That search is the cost that shows in the tail:
O(levels) under the lock.

    _levels[side]   dict: price in ticks -> quantity in lots
    _best[side]     price of the best level, NO_PRICE_TICKS on an empty side
    _sequence       number of the newest update
    _events         ring of the newest events

What a concurrent reader may see: every method but `poll_event` holds the lock, so a reader sees the book
between two updates, both sides of one moment, never a price with another level's quantity. The interpreter
may switch threads while the lock is held: then everybody waits for that thread's next turn (5 ms,
`sys.getswitchinterval`).
"""

import heapq
from threading import Lock

from tickbench.components.order_book import contract
from tickbench.components.order_book.contract import ASK, BID, FULL, NO_PRICE_TICKS, REJECTED
from tickbench.registry import variant


class LockedDict:
    """A book of two dicts under one lock."""

    def __init__(self, config: contract.BookConfig) -> None:
        self._config = config
        self._lock = Lock()
        self._levels: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._best = [NO_PRICE_TICKS, NO_PRICE_TICKS]
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
                self._delete(side, price_ticks)
            elif price_ticks not in levels and len(levels) >= self._config.level_capacity:
                return FULL
            else:
                levels[price_ticks] = quantity_lots
                best = self._best[side]
                better = price_ticks > best if side == BID else price_ticks < best
                if best == NO_PRICE_TICKS or better:
                    self._best[side] = price_ticks
            self._sequence += 1
            self._events.publish(contract.Event(self._sequence, side, price_ticks, quantity_lots))
            return self._sequence

    def _delete(self, side: int, price_ticks: int) -> None:
        levels = self._levels[side]
        levels.pop(price_ticks, None)  # the level need not be there
        if price_ticks == self._best[side]:
            search = max if side == BID else min
            self._best[side] = search(levels, default=NO_PRICE_TICKS)

    def best(self, thread: int = 0) -> contract.Best:
        """As `OrderBook.best`."""
        with self._lock:
            bid, ask = self._best
            return contract.Best(bid, self._levels[BID].get(bid, 0), ask, self._levels[ASK].get(ask, 0))

    def top(self, side: int, n: int, thread: int = 0) -> list[tuple[int, int]] | None:
        """As `OrderBook.top`; never None."""
        choose = heapq.nlargest if side == BID else heapq.nsmallest
        with self._lock:
            return choose(n, self._levels[side].items())

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
    example_of="Python dict and threading.Lock: what one writes first",
    capabilities=("concurrent_readers", "concurrent_writers", "events"),
)
def locked_dict(config: contract.BookConfig) -> LockedDict:
    """Make an empty book."""
    return LockedDict(config)
