"""Snapshot and sequence rules, on captures made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from feed_samples import (
    FIRST_NS,
    STEP_NS,
    books,
    diff,
    final_book,
    snapshot,
    spot_frames,
    ticker,
    write_capture,
)
from tickbench.feeds import SequenceGap, open_feed


@pytest.fixture
def decoded(tmp_path):
    """Decode frames without the cache."""
    return lambda frames: open_feed(str(write_capture(tmp_path / "x.jsonl", frames)), cache=False)


def test_spot_rules_give_snapshot_straddling_diff_and_the_rest(decoded):
    feed = decoded(spot_frames())
    assert feed.final_sequence.tolist() == [100, 103, 106, 109]
    assert feed.first_sequence.tolist() == [100, 99, 104, 107]
    assert feed.event_start.tolist() == [0, 4, 6, 8, 9]
    assert str(feed.tick_size) == "0.5"
    assert feed.side.tolist() == [0, 0, 1, 1, 0, 1, 0, 1, 0]
    assert feed.price_ticks.tolist() == [198, 197, 202, 204, 199, 202, 100, 203, 199]
    assert (feed.quantity_lots * float(feed.lot_size)).tolist() == [1, 4.5, 3, 5, 2, 0, 0, 0.25, 0]
    assert feed.gaps == ()


def test_the_report_counts_every_kind_of_frame(decoded):
    report = decoded(spot_frames()).report
    assert (report.market, report.symbol, report.frames, report.depth_frames) == ("spot", "XYZ", 10, 4)
    assert (report.snapshots, report.dropped_before_snapshot) == (1, 1)
    assert (report.book_tickers, report.trades, report.other_frames) == (3, 1, 1)
    assert not report.starts_from_empty_book


def test_best_is_the_last_ticker_at_or_before_an_event_once_the_client_has_caught_up(decoded):
    feed = decoded(spot_frames())
    assert feed.best[:2].tolist() == [[-1] * 4] * 2
    for event, (bids, asks) in books(feed):
        if event >= 2:
            expected = [max(bids), bids[max(bids)], min(asks), asks[min(asks)]]
            assert feed.best[event].tolist() == expected


def test_a_ticker_that_arrives_late_counts_by_its_update_id(decoded):
    feed = decoded([diff(1, 5, bids=[("1", "1")], asks=[("2", "1")]), ticker(5, ("1", "1"), ("2", "1"))])
    assert feed.best.tolist() == [[1, 1, 2, 1]]


def test_a_ticker_without_quantity_says_nothing_about_that_side(decoded):
    feed = decoded([ticker(4, ("0", "0"), ("2", "1")), diff(5, 5, asks=[("2", "1"), ("3", "1")])])
    assert feed.best.tolist() == [[-1, -1, 2, 1]]


def test_an_update_that_waited_for_the_snapshot_carries_its_receive_time(decoded):
    times = decoded(spot_frames()).receive_ns
    assert ((times - FIRST_NS) // STEP_NS).tolist() == [3, 3, 5, 8]


def test_arrays_are_read_only_contiguous_and_typed(decoded):
    feed = decoded(spot_frames())
    arrays = [feed.price_ticks, feed.quantity_lots, feed.event_start, feed.receive_ns, feed.best]
    arrays += [feed.first_sequence, feed.final_sequence]
    assert all(array.dtype == np.int64 and type(array) is np.ndarray for array in arrays)
    assert feed.side.dtype == np.int8
    assert all(array.flags.c_contiguous and not array.flags.writeable for array in [*arrays, feed.side])


@pytest.mark.parametrize(
    ("first", "final", "previous", "is_kept"),
    [
        (90, 99, 89, False),
        (91, 100, 90, True),
        (95, 105, 94, True),
        (100, 104, 99, True),
        (101, 104, 100, True),
    ],
)
def test_futures_keep_a_diff_that_ends_at_or_after_the_snapshot(decoded, first, final, previous, is_kept):
    book = snapshot(100, bids=[("1", "1")], asks=[("2", "1")])
    feed = decoded([diff(first, final, previous=previous, bids=[("1", "2")]), book])
    assert (feed.event_count == 2) == is_kept
    assert feed.gaps == ()
    assert feed.report.market == ("futures")


@pytest.mark.parametrize(("first", "final", "is_kept"), [(90, 100, False), (95, 101, True), (101, 101, True)])
def test_spot_keeps_a_diff_that_ends_after_the_snapshot(decoded, first, final, is_kept):
    feed = decoded([diff(first, final, bids=[("1", "2")]), snapshot(100, bids=[("1", "1")])])
    assert (feed.event_count == 2) == is_kept
    assert feed.gaps == ()


def test_a_snapshot_older_than_the_first_diff_is_a_gap(decoded):
    spot = decoded([snapshot(100, bids=[("1", "1")]), diff(102, 103, bids=[("1", "2")])])
    assert spot.gaps == (SequenceGap(event=1, line=2, expected=101, seen=102),)
    futures = decoded([snapshot(100, bids=[("1", "1")]), diff(105, 109, previous=104, bids=[("1", "2")])])
    assert futures.gaps == (SequenceGap(event=1, line=2, expected=100, seen=104),)


def test_a_gap_is_reported_and_the_stream_goes_on(decoded):
    levels = [("1", "1")]
    spot = decoded([diff(1, 5, bids=levels), diff(8, 9, bids=levels), diff(10, 11, bids=levels)])
    assert spot.gaps == (SequenceGap(event=1, line=2, expected=6, seen=8),)
    assert spot.event_count == 3
    frames = [diff(1, 5, previous=0), diff(6, 9, previous=5), diff(12, 15, previous=11, bids=levels)]
    assert decoded(frames).gaps == (SequenceGap(event=2, line=3, expected=9, seen=11),)


def test_a_diff_that_comes_again_or_too_late_is_dropped_and_counted(decoded):
    frames = [diff(1, 5, bids=[("1", "1")]), diff(6, 9, bids=[("1", "2")]), diff(1, 5, bids=[("1", "1")])]
    feed = decoded(frames)
    assert feed.final_sequence.tolist() == [5, 9]
    assert feed.report.dropped_out_of_order == 1
    assert final_book(feed) == ({1: 2}, {})


def test_a_capture_without_a_snapshot_starts_from_an_empty_book_and_says_so(decoded):
    feed = decoded([diff(1, 5, bids=[("1", "1")])])
    assert feed.report.starts_from_empty_book
    assert feed.event_count == 1


def test_a_later_snapshot_deletes_what_it_lacks_and_mends_the_book_after_a_gap(decoded):
    frames = [
        snapshot(10, bids=[("1", "1"), ("2", "1")], asks=[("8", "1"), ("9", "1")]),
        diff(11, 12, bids=[("3", "1"), ("2", "0")]),
        diff(21, 25, asks=[("7", "1")]),
        snapshot(24, bids=[("2", "5"), ("3", "1")], asks=[("9", "1")]),
        diff(26, 27, asks=[("7", "2")]),
    ]
    feed = decoded(frames)
    assert feed.final_sequence.tolist() == [10, 12, 24, 25, 27]
    assert [(gap.event, gap.expected, gap.seen) for gap in feed.gaps] == [(3, 13, 21)]
    resync = slice(feed.event_start[2], feed.event_start[3])
    deleted = feed.quantity_lots[resync] == 0
    assert feed.price_ticks[resync][deleted].tolist() == [1, 8]
    assert [sides for event, sides in books(feed) if event == 4] == [({2: 5, 3: 1}, {9: 1, 7: 2})]


def test_a_snapshot_older_than_one_before_it_is_dropped(decoded):
    frames = [
        snapshot(10, bids=[("1", "1")]),
        diff(11, 12, bids=[("2", "1")]),
        snapshot(9, bids=[("1", "7")]),
    ]
    feed = decoded(frames)
    assert feed.final_sequence.tolist() == [10, 12]
    assert final_book(feed) == ({1: 1, 2: 1}, {})
    assert feed.report.dropped_out_of_order == 1


def test_receive_times_that_step_back_are_counted_and_never_decrease(tmp_path):
    lines = [b'%d {"stream":"x@depth","data":{"U":%d,"u":%d,"b":[["1","1"]],"a":[]}}\n' % row
             for row in ((500, 1, 1), (400, 2, 2), (600, 3, 3))]  # fmt: skip
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"".join(lines))
    feed = open_feed(str(path), cache=False)
    assert feed.receive_ns.tolist() == [500, 500, 600]
    assert feed.report.receive_time_steps_back == 1
