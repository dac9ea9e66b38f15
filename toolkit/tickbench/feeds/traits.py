"""What makes a feed easy or hard for a book, measured by replaying it through a plain one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from tickbench.feeds.model import Feed, FeedTraits
from tickbench.feeds.plain_book import PlainBook
from tickbench.feeds.profile import BURST_GAP_NS, FAR_TICKS

if TYPE_CHECKING:
    from numpy.typing import NDArray

NS_PER_S = 1_000_000_000


def traits_of(feed: Feed) -> FeedTraits:
    """Measure a feed; event 0 is left out of everything but the final level counts if it is a snapshot."""
    first = 1 if feed.report.snapshots and feed.event_count > 1 else 0
    book = PlainBook()
    rows = np.array(list(_classified(feed, book, first)), np.int64).reshape(-1, 3)
    is_held, is_delete, distance_ticks = rows[:, 0] == 1, rows[:, 1] == 1, rows[:, 2][rows[:, 2] >= 0]
    levels = np.diff(feed.event_start)[first:]
    gap_ns = np.diff(feed.receive_ns[first:])
    span_ns = int(gap_ns.sum())
    return FeedTraits(
        events=len(levels),
        updates=len(rows),
        levels_per_event_p50=_percentile(levels, 50),
        levels_per_event_p99=_percentile(levels, 99),
        levels_per_event_max=_percentile(levels, 100),
        share_deletes=_share(is_delete),
        share_deletes_missing=_share(~is_held[is_delete]),
        share_modifies=_share(is_held & ~is_delete),
        share_inserts=_share(~is_held & ~is_delete),
        distance_p50_ticks=_percentile(distance_ticks, 50),
        distance_p90_ticks=_percentile(distance_ticks, 90),
        distance_p99_ticks=_percentile(distance_ticks, 99),
        distance_max_ticks=_percentile(distance_ticks, 100),
        share_beyond_10_000_ticks=_share(distance_ticks > FAR_TICKS),
        share_frame_gaps_under_4_us=feed.report.burst_frames / max(1, feed.report.frames - 1),
        event_gap_p50_ns=_percentile(gap_ns, 50),
        event_gap_p99_ns=_percentile(gap_ns, 99),
        share_event_gaps_under_4_us=_share(gap_ns < BURST_GAP_NS),
        final_bid_levels=len(book.levels[0]),
        final_ask_levels=len(book.levels[1]),
        updates_per_second=len(rows) * NS_PER_S / span_ns if span_ns else 0.0,
    )


def _classified(feed: Feed, book: PlainBook, first: int) -> Iterator[tuple[bool, bool, int]]:
    """For each update from event `first` on: level held, is a delete, ticks from the best (-1: none)."""
    bounds = feed.event_start.tolist()
    for event, (start, end) in enumerate(pairwise(bounds)):
        best_ticks = book.best_ticks(0), book.best_ticks(1)
        sides = feed.side[start:end].tolist()
        prices = feed.price_ticks[start:end].tolist()
        quantities = feed.quantity_lots[start:end].tolist()
        for side, price, quantity in zip(sides, prices, quantities, strict=True):
            was_held = book.update(side, price, quantity)
            if event >= first:
                best = best_ticks[side]
                yield was_held, quantity == 0, -1 if best is None else abs(price - best)


def _percentile(values: NDArray[Any], percent: int) -> int:
    """The smallest value with at least that share of all at or below it; 0 for no values."""
    return int(np.percentile(values, percent, method="inverted_cdf")) if len(values) else 0


def _share(flags: NDArray[np.bool_]) -> float:
    return float(flags.mean()) if len(flags) else 0.0
