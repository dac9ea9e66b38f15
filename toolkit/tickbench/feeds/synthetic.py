"""A deterministic feed with the traits of a real capture (profile.py), made along with its exact book."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from tickbench.errors import UsageError
from tickbench.feeds import profile
from tickbench.feeds.model import ASK, BID, Feed, FeedReport
from tickbench.feeds.plain_book import PlainBook
from tickbench.feeds.profile import draw

if TYPE_CHECKING:
    from tickbench.feeds.model import Int64Array

GENERATOR_VERSION = 1  # raise it when the same seed gives other arrays: it is part of the feed's identity
DEFAULT_SEED = 1
DEFAULT_EVENTS = 2_000
MAX_EVENTS = 100_000  # 6.8 million updates: seconds to generate, 120 MB
START_NS = 1_723_161_255_319_702_566  # receive time of the capture's snapshot
FIRST_SEQUENCE = 1
BLOCK = 4_096  # random numbers fetched at a time
NEIGHBOURS = 8  # held levels tried around a target price
NEAR_TICKS = 64  # a held level this close to the target will do, or one within a quarter of its distance

Touched = tuple[dict[int, int], dict[int, int]]


def describe(seed: int, events: int) -> tuple[str, str]:
    """Name and hash that identify a synthetic feed.

    Raises:
        UsageError: the number of events is not in 1 to 100,000.
    """
    if not 1 <= events <= MAX_EVENTS:
        raise UsageError(f"synthetic: events={events} is not in 1 to {MAX_EVENTS}; give another number")
    name = f"synthetic(seed={seed},events={events})"
    return name, hashlib.sha256(f"tickbench {name} version {GENERATOR_VERSION}".encode()).hexdigest()


def generate(seed: int = DEFAULT_SEED, events: int = DEFAULT_EVENTS) -> Feed:
    """Make the feed of that seed: a snapshot and `events` - 1 diffs, never a crossed book after one.

    Raises:
        UsageError: the number of events is not in 1 to 100,000.
    """
    name, sha256 = describe(seed, events)
    market = _Market(seed)
    levels: list[tuple[int, int, int]] = []
    event_start, best, receive_ns = [0], [], [START_NS]
    for event in range(events):
        levels += market.snapshot() if event == 0 else market.diff()
        event_start.append(len(levels))
        best.append(market.book.quote())
        receive_ns.append(receive_ns[-1] + market.gap_ns())
    columns = np.array(levels, np.int64).T
    bounds = np.array(event_start, np.int64)
    final_sequence = FIRST_SEQUENCE - 1 + bounds[1:]  # each update has its own number, as if it were one order
    first_sequence = FIRST_SEQUENCE + bounds[:-1]
    first_sequence[0] = final_sequence[0]
    times_ns = np.array(receive_ns[:-1], np.int64)
    return Feed(
        name=name,
        sha256=sha256,
        side=columns[0].astype(np.int8),
        price_ticks=columns[1],
        quantity_lots=columns[2],
        event_start=bounds,
        receive_ns=times_ns,
        first_sequence=first_sequence,
        final_sequence=final_sequence,
        best=np.array(best, np.int64),
        tick_size=Decimal(profile.TICK_SIZE),
        lot_size=Decimal(profile.LOT_SIZE),
        gaps=(),
        report=_report(events, times_ns),
    )


def _report(events: int, times_ns: Int64Array) -> FeedReport:
    return FeedReport(
        market="synthetic",
        symbol="SYNTHETIC",
        frames=events,
        depth_frames=events - 1,
        snapshots=1,
        dropped_before_snapshot=0,
        dropped_out_of_order=0,
        book_tickers=0,
        trades=0,
        other_frames=0,
        receive_time_steps_back=0,
        burst_frames=int((np.diff(times_ns) < profile.BURST_GAP_NS).sum()),
    )


def _random_numbers(seed: int) -> Iterator[int]:
    """Raw 64-bit output of PCG64: numpy keeps a bit generator's stream stable, and no float is involved."""
    source = np.random.PCG64(seed)
    while True:
        yield from source.random_raw(BLOCK).tolist()


class _Market:
    """The book as it goes, and the draws that change it."""

    def __init__(self, seed: int) -> None:
        self.book = PlainBook()
        self._raw = _random_numbers(seed).__next__
        self._prices: tuple[list[int], list[int]] = ([], [])  # held levels, rising
        self._best = [profile.FIRST_BID_TICKS, profile.FIRST_BID_TICKS + 1]

    def gap_ns(self) -> int:
        """Time until the next event."""
        gap = draw(profile.FRAME_GAP_NS, self._raw())
        return gap if gap < profile.BURST_GAP_NS else gap * profile.LONG_GAP_STRETCH

    def snapshot(self) -> list[tuple[int, int, int]]:
        """The first 1,000 levels of each side."""
        touched: Touched = ({}, {})
        for side, distances in ((BID, profile.BIDS.snapshot), (ASK, profile.ASKS.snapshot)):
            touched[side][self._best[side]] = draw(profile.SNAPSHOT_LOTS, self._raw())
            while len(touched[side]) < profile.SNAPSHOT_LEVELS_PER_SIDE:
                price = self._free_price(side, draw(distances, self._raw()), touched[side])
                if price > 0:
                    touched[side][price] = draw(profile.SNAPSHOT_LOTS, self._raw())
        return self._applied(touched)

    def diff(self) -> list[tuple[int, int, int]]:
        """The updates of one event, bids then asks, by rising price as the exchange sends them."""
        touched: Touched = ({}, {})
        count = draw(profile.LEVELS_PER_EVENT, self._raw())
        if self._raw() % profile.SHARE_UNITS < profile.MOVE_SHARE:
            self._move(touched, count)
        while len(touched[BID]) + len(touched[ASK]) < count:
            self._change(touched)
        return self._applied(touched)

    def _move(self, touched: Touched, count: int) -> None:
        """Move the market: delete what the new best price runs over, at most half of the event's updates."""
        attacker = self._raw() & 1
        defender, away = 1 - attacker, (1, -1)[attacker]  # bids attack upwards
        reach = self._best[attacker] + away * draw(profile.BEST_MOVE_TICKS, self._raw())
        held = self._prices[defender]
        hit = held[: bisect_right(held, reach)] if attacker == BID else held[bisect_left(held, reach) :][::-1]
        if len(hit) > count // 2:
            reach = hit[count // 2] - away
            hit = hit[: count // 2]
        if not hit or len(hit) + 2 > count or reach <= 1:
            return
        self._best[attacker], self._best[defender] = reach, reach + away
        touched[defender].update(dict.fromkeys(hit, 0))
        for side in (attacker, defender):
            touched[side][self._best[side]] = draw(profile.QUANTITY_LOTS, self._raw())

    def _change(self, touched: Touched) -> None:
        """Draw one update and note it; nothing happens where the draw cannot be had."""
        side = BID if self._raw() % profile.SHARE_UNITS < profile.BID_SHARE else ASK
        distances = profile.BIDS if side == BID else profile.ASKS
        kind = self._raw() % profile.SHARE_UNITS
        raw, mine = self._raw(), touched[side]
        if kind < profile.DELETE_MISSING_SHARE:
            price, quantity = self._free_price(side, draw(distances.delete_missing, raw), mine), 0
        elif (kind := kind - profile.DELETE_MISSING_SHARE) < profile.DELETE_HELD_SHARE:
            price, quantity = self._held_price(side, draw(distances.delete_held, raw), mine), 0
            if price == self._best[side]:
                return
        else:
            quantity = draw(profile.QUANTITY_LOTS, self._raw())
            if kind - profile.DELETE_HELD_SHARE < profile.INSERT_SHARE:
                price = self._free_price(side, draw(distances.insert, raw), mine)
            else:
                distance = draw(distances.modify, raw)
                price = self._held_price(side, distance, mine) or self._free_price(side, distance, mine)
        if price > 0:
            mine[price] = quantity

    def _target(self, side: int, distance: int) -> int:
        price = self._best[side] + (distance if side == ASK else -distance)
        return price - price % profile.ROUND_TICKS if distance > profile.FAR_TICKS else price

    def _free_price(self, side: int, distance: int, touched: dict[int, int]) -> int:
        """The first price at that distance or beyond that holds no level and is not in the event yet."""
        price, held = self._target(side, distance), self.book.levels[side]
        away = 1 if side == ASK else -1
        while price in held or price in touched:
            price += away
        return price

    def _held_price(self, side: int, distance: int, touched: dict[int, int]) -> int:
        """A held level near that distance that is not in the event yet; 0 where there is none."""
        target, held = self._target(side, distance), self._prices[side]
        first = bisect_left(held, target)
        for price in held[max(0, first - 1) : first + NEIGHBOURS]:
            off = abs(price - target)
            if price not in touched and (off <= NEAR_TICKS or off * 4 <= distance):
                return price
        return 0

    def _applied(self, touched: Touched) -> list[tuple[int, int, int]]:
        updates = [(side, price, touched[side][price]) for side in (BID, ASK) for price in sorted(touched[side])]
        for side, price, quantity in updates:
            was_held = self.book.update(side, price, quantity)
            held = self._prices[side]
            if was_held and quantity == 0:
                del held[bisect_left(held, price)]
            elif not was_held and quantity > 0:
                insort(held, price)
        return updates
