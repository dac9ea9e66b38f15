"""The reader on the real captures: it agrees with the exchange's own book tickers."""

from __future__ import annotations

from bisect import bisect_left, insort
from decimal import Decimal

import pytest

from captures import FUTURES, SPOT, capture_path
from tickbench.feeds import measure_traits, open_feed


@pytest.fixture(autouse=True, scope="module")
def cache_folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TICKBENCH_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.mark.parametrize(
    ("name", "checked", "bid_levels", "ask_levels", "tick", "lot"),
    [(FUTURES, 6_545, 5_018, 4_578, "0.1", "0.001"), (SPOT, 3_448, 1_209, 2_196, "0.01", "0.000001")],
)
def test_a_sorted_book_agrees_with_every_book_ticker(name, checked, bid_levels, ask_levels, tick, lot):
    feed = open_feed(str(capture_path(name)))
    agreed, quantities, prices = 0, ({}, {}), ([], [])
    bounds, best = feed.event_start.tolist(), feed.best.tolist()
    updates = list(zip(feed.side.tolist(), feed.price_ticks.tolist(), feed.quantity_lots.tolist(), strict=True))
    for event in range(feed.event_count):
        for side, price, quantity in updates[bounds[event] : bounds[event + 1]]:
            was_held = price in quantities[side]
            if quantity and not was_held:
                insort(prices[side], price)
            elif was_held and not quantity:
                del prices[side][bisect_left(prices[side], price)]
                del quantities[side][price]
            if quantity:
                quantities[side][price] = quantity
        if best[event] != [-1, -1, -1, -1]:
            bid, ask = prices[0][-1], prices[1][0]
            assert [bid, quantities[0][bid], ask, quantities[1][ask]] == best[event], f"event {event}"
            agreed += 1
    assert (agreed, len(prices[0]), len(prices[1])) == (checked, bid_levels, ask_levels)
    assert feed.gaps == ()
    assert (feed.tick_size, feed.lot_size) == (Decimal(tick), Decimal(lot))


@pytest.mark.parametrize(("name", "frames", "depth"), [(FUTURES, 93_954, 6_551), (SPOT, 41_249, 3_451)])
def test_every_frame_of_a_capture_is_accounted_for(name, frames, depth):
    report = open_feed(str(capture_path(name))).report
    assert (report.frames, report.depth_frames, report.snapshots) == (frames, depth, 1)
    assert report.depth_frames + report.snapshots + report.book_tickers + report.trades == frames
    assert report.receive_time_steps_back == report.dropped_out_of_order == report.other_frames == 0


def test_traits_of_the_futures_capture_are_those_of_a_count_by_hand():
    feed = open_feed(str(capture_path(FUTURES)))
    traits = measure_traits(feed)
    deletes = missing = 0
    held: set[tuple[int, int]] = set()
    snapshot_end = int(feed.event_start[1])
    updates = zip(feed.side.tolist(), feed.price_ticks.tolist(), feed.quantity_lots.tolist(), strict=True)
    for index, (side, price, quantity) in enumerate(updates):
        if quantity:
            held.add((side, price))
            continue
        deletes += index >= snapshot_end
        missing += index >= snapshot_end and (side, price) not in held
        held.discard((side, price))
    assert traits.share_deletes_missing == missing / deletes
    assert traits.share_deletes == deletes / traits.updates
    levels = (traits.levels_per_event_p50, traits.levels_per_event_p99, traits.levels_per_event_max)
    assert levels == (34, 611, 1_226)  # as the captures' README has them
    assert (traits.final_bid_levels, traits.final_ask_levels) == (5_018, 4_578)
