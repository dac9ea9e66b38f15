"""Later snapshots as plain updates: levels that the book holds and the snapshot lacks are deleted by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tickbench.feeds.model import ASK, BID

if TYPE_CHECKING:
    from tickbench.feeds.model import Int8Array, Int64Array


def with_deletes(
    snapshots: Sequence[int],
    side: Int8Array,
    price_ticks: Int64Array,
    quantity_lots: Int64Array,
    event_start: Int64Array,
) -> tuple[Int8Array, Int64Array, Int64Array, Int64Array]:
    """Put deletes at the head of each snapshot event (rising indices, all > 0); returns the new arrays.

    Arrays as in Feed: side, price_ticks, quantity_lots [n], event_start [m + 1].
    """
    for event in snapshots:
        start, end = event_start[event], event_start[event + 1]
        gone = []
        for which in (BID, ASK):
            held = held_prices(side[:start], price_ticks[:start], quantity_lots[:start], which)
            gone.append(np.setdiff1d(held, price_ticks[start:end][side[start:end] == which]))
        deleted = np.concatenate(gone)
        side = np.insert(side, start, np.repeat(np.array([BID, ASK], np.int8), [len(part) for part in gone]))
        price_ticks = np.insert(price_ticks, start, deleted)
        quantity_lots = np.insert(quantity_lots, start, np.zeros_like(deleted))
        event_start = event_start.copy()
        event_start[event + 1 :] += len(deleted)
    return side, price_ticks, quantity_lots, event_start


def held_prices(side: Int8Array, price_ticks: Int64Array, quantity_lots: Int64Array, which: int) -> Int64Array:
    """Rising prices in ticks of the levels on one side that these updates leave in an empty book."""
    mine = np.flatnonzero(side == which)[::-1]
    prices, last_update = np.unique(price_ticks[mine], return_index=True)
    return prices[quantity_lots[mine][last_update] > 0]
