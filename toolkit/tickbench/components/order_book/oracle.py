"""The oracle of the order book: a variant is right if it agrees with the exchange, with a plain model and with its own events.

Checked while a feed is replayed: after each event the best of both sides against what the exchange published (price and
quantity; where the feed says nothing, against a model of dicts and heaps), and each update event against the update that
caused it. Checked at the end: every level of both sides, the level counts, the top levels and the sequence number.
"""

import heapq
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tickbench.components.component import MarketFeed, Verification
from tickbench.components.order_book.contract import (
    ASK,
    BEST,
    BID,
    NO_PRICE_TICKS,
    UPDATE,
    BookConfig,
    EventCursor,
    NativeBook,
    OrderBook,
)
from tickbench.components.order_book.events import CURSOR_WORDS, EVENT_WORDS, poll_event
from tickbench.components.shared.digest import digest_of
from tickbench.kernels.atomics import load_plain
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import WORD_BYTES
from tickbench.registry import Variant

Levels = dict[int, int]  # price in ticks -> quantity in lots

_SIDES = {BID: "bid", ASK: "ask"}


def final_levels(
    feed: MarketFeed, until_event: int | None = None, mask: NDArray[np.bool_] | None = None
) -> tuple[Levels, Levels]:
    """Levels (bids, asks) that a correct book holds after the first `until_event` events (all by default).

    `mask`, shape (updates,), keeps only some of the updates, for instance one writer's share.
    """
    end = len(feed.side) if until_event is None else int(feed.event_start[until_event])
    chosen = slice(0, end) if mask is None else np.flatnonzero(mask[:end])
    key = (feed.price_ticks[chosen] * 2 + feed.side[chosen])[::-1]
    quantity = feed.quantity_lots[chosen][::-1]
    keys, newest = np.unique(key, return_index=True)  # the first in reversed order is the last that was applied
    left = quantity[newest] > 0
    found = list(zip(keys[left].tolist(), quantity[newest][left].tolist(), strict=True))
    bids = {key >> 1: lots for key, lots in found if not key & 1}
    return bids, {key >> 1: lots for key, lots in found if key & 1}


def model_best(feed: MarketFeed) -> NDArray[np.int64]:
    """Best after each event, shape (events, 4), by dicts and heaps with lazy deletion: slow and obviously right."""
    levels: tuple[Levels, Levels] = ({}, {})
    heaps: tuple[list[int], list[int]] = ([], [])
    result = np.empty((len(feed.event_start) - 1, 4), dtype=np.int64)
    updates = zip(feed.side.tolist(), feed.price_ticks.tolist(), feed.quantity_lots.tolist(), strict=True)
    for event, count in enumerate(np.diff(feed.event_start).tolist()):
        for _ in range(count):
            side, price, quantity = next(updates)
            if quantity:
                if price not in levels[side]:
                    heapq.heappush(heaps[side], -price if side == BID else price)
                levels[side][price] = quantity
            else:
                levels[side].pop(price, None)
        for side in (BID, ASK):
            while heaps[side] and abs(heaps[side][0]) not in levels[side]:
                heapq.heappop(heaps[side])
            price = abs(heaps[side][0]) if heaps[side] else NO_PRICE_TICKS
            result[event, 2 * side : 2 * side + 2] = price, levels[side].get(price, 0)
    return result


def expected_best(feed: MarketFeed) -> NDArray[np.int64]:
    """What the exchange said after each event (-1 where it did not); the model's answers where it never did."""
    return feed.best if bool((feed.best[:, 0] >= 0).any()) else model_best(feed)


def book_difference(book: OrderBook, bids: Levels, asks: Levels) -> str | None:
    """The first difference between a quiet book and the levels it should hold, in words; None if there is none."""
    for side, levels in ((BID, bids), (ASK, asks)):
        wanted = sorted(levels.items(), reverse=side == BID)
        count = book.level_count(side)
        if count != len(wanted):
            return f"{_SIDES[side]} levels: {len(wanted)} expected, level_count says {count}"
        held = book.top(side, count + 1)
        if held != wanted:
            if held is None:
                return f"{_SIDES[side]} levels: top() answers BUSY although nobody writes"
            row = next((k for k, (a, b) in enumerate(zip(wanted, held, strict=False)) if a != b), len(held))
            expected, seen = (one[row] if row < len(one) else "nothing" for one in (wanted, held))
            return f"{_SIDES[side]} level {row} from the best: {expected} expected, {seen} held"
        best = book.best()[2 * side : 2 * side + 2]
        if best != (wanted[0] if wanted else (NO_PRICE_TICKS, 0)):
            return f"best {_SIDES[side]}: {wanted[0] if wanted else 'none'} expected, {best} seen"
    return None


def book_config(feed: MarketFeed, **capacities: int) -> BookConfig:
    """A config with room for all prices of a feed."""
    return BookConfig.for_prices(int(feed.price_ticks.max(initial=0)), **capacities)


def verify(variant: Variant, feed: MarketFeed | None) -> Verification:
    """Replay the whole feed through a fresh book of the variant and compare as told above."""
    if variant.null:
        return Verification(True, 0, "the null variant has no answer to check")
    assert feed is not None
    book = variant.build(book_config(feed))
    has_events = "events" in variant.capabilities
    replay = _replay_native if isinstance(book, NativeBook) else _replay_python
    best, wrong_event = replay(book, feed, has_events)
    wanted = expected_best(feed)
    known = wanted[:, [0, 2]] >= 0
    wrong = ((best[:, [0, 2]] != wanted[:, [0, 2]]) | (best[:, [1, 3]] != wanted[:, [1, 3]])) & known
    checks = int(known.any(axis=1).sum())
    if wrong.any():
        event = int(np.flatnonzero(wrong.any(axis=1))[0])
        return Verification(
            False,
            checks,
            f"best after event {event}: bid and ask (ticks, lots) {wanted[event].tolist()} expected, "
            f"{best[event].tolist()} seen; {int(wrong.any(axis=1).sum())} of {checks} events differ",
        )
    if wrong_event is not None:
        return Verification(False, checks, wrong_event)
    bids, asks = final_levels(feed)
    difference = book_difference(book, bids, asks)
    if difference is None and book.sequence() != len(feed.side):
        difference = f"sequence number: {len(feed.side)} expected, {book.sequence()} seen"
    if difference is not None:
        return Verification(False, checks, f"after the last event: {difference}")
    return Verification(
        True,
        checks,
        f"best agrees after {checks} of {checks} events; {len(bids)} bid and {len(asks)} ask levels at the end",
        _digest(feed, wanted, bids, asks),
    )


def _digest(feed: MarketFeed, best: NDArray[np.int64], bids: Levels, asks: Levels) -> str:
    """Of the updates, the best after each event, and the levels at the end."""
    levels = [sorted(side.items()) for side in (bids, asks)]
    return digest_of([feed.side, feed.price_ticks, feed.quantity_lots, feed.event_start, best, *levels])


@kernel(
    f"int64(pointer[{UPDATE}], pointer[{BEST}], int64, int64, int64, readonly(int8), readonly(int64), readonly(int64),"
    " readonly(int64), int64[:, ::1])"
)
def _replay_checked(update, read_best, book, ring, scratch, side, price_ticks, quantity_lots, event_start, best):
    """Replay a feed; best after each event into `best`. Returns the index of the first update whose event is wrong, -1 if none.

    `ring` is the address of the event ring, 0 for a book without; `scratch` of CURSOR_WORDS + EVENT_WORDS zeroed words.
    """
    cursor, event = scratch, scratch + 8 * CURSOR_WORDS
    wrong = -1
    for k in range(len(event_start) - 1):
        for i in range(event_start[k], event_start[k + 1]):
            sequence = update(book, 0, side[i], price_ticks[i], quantity_lots[i])
            if wrong < 0 and sequence != i + 1:
                wrong = i
            if ring != 0 and wrong < 0:
                found = poll_event(ring, cursor, event)
                same = load_plain(event, 0) == i + 1 and load_plain(event, 1) == side[i]
                same = same and load_plain(event, 2) == price_ticks[i] and load_plain(event, 3) == quantity_lots[i]
                if not (found and same):
                    wrong = i
        read_best(book, 0, np.int64(best[k].ctypes.data))
    return wrong


def _replay_native(book: NativeBook, feed: MarketFeed, has_events: bool) -> tuple[NDArray[np.int64], str | None]:
    best = np.empty((len(feed.event_start) - 1, 4), dtype=np.int64)
    scratch = np.zeros(CURSOR_WORDS + EVENT_WORDS, dtype=np.int64)
    ring = book.address + WORD_BYTES * book.events if has_events and book.events is not None else 0
    wrong = _replay_checked(
        book.update_kernel,
        book.best_kernel,
        book.address,
        ring,
        scratch.ctypes.data,
        feed.side,
        feed.price_ticks,
        feed.quantity_lots,
        feed.event_start,
        best,
    )
    return best, None if wrong < 0 else _wrong_event(feed, int(wrong))


def _replay_python(book: Any, feed: MarketFeed, has_events: bool) -> tuple[NDArray[np.int64], str | None]:
    best = np.empty((len(feed.event_start) - 1, 4), dtype=np.int64)
    cursor, wrong, done = EventCursor(), -1, 0
    updates = zip(feed.side.tolist(), feed.price_ticks.tolist(), feed.quantity_lots.tolist(), strict=True)
    for k, count in enumerate(np.diff(feed.event_start).tolist()):
        for _ in range(count):
            side, price, quantity = next(updates)
            done += 1
            sequence = book.update(side, price, quantity)
            expected = (done, side, price, quantity)
            if wrong < 0 and (sequence != done or (has_events and book.poll_event(cursor) != expected)):
                wrong = done - 1
        best[k] = book.best()
    return best, None if wrong < 0 else _wrong_event(feed, wrong)


def _wrong_event(feed: MarketFeed, update: int) -> str:
    return (
        f"update {update} ({_SIDES[int(feed.side[update])]}, {feed.price_ticks[update]} ticks, "
        f"{feed.quantity_lots[update]} lots): its sequence number or its event is not that of update {update + 1}"
    )
