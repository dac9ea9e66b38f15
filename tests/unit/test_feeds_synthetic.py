"""The synthetic feed: the same for a seed everywhere, a market that holds together, the capture's traits."""

from __future__ import annotations

import hashlib

import pytest

from captures import FUTURES, capture_path
from feed_samples import books
from tickbench.feeds import disk, measure_traits, open_feed
from tickbench.feeds.profile import LEVELS_PER_EVENT, draw


@pytest.fixture(scope="module")
def feed():
    return open_feed("synthetic", cache=False)


def content_hash(feed) -> str:
    digest = hashlib.sha256()
    for name, kind in disk.ARRAY_TYPES.items():
        digest.update(getattr(feed, name).astype(f"<i{kind().itemsize}").tobytes())
    return digest.hexdigest()


def test_a_seed_gives_the_same_arrays_on_every_platform():
    # If this changes on purpose, raise synthetic.GENERATOR_VERSION: results of two feeds do not compare.
    feed = open_feed("synthetic:seed=7,events=100", cache=False)
    expected = "9778efaa5e4a7cd15e65f87888d5eead5eb4392b4c3d77faacc85dd95f586f11"
    assert content_hash(feed) == expected


def test_name_and_hash_identify_seed_and_size():
    one, other = (open_feed(f"synthetic:seed={seed},events=3", cache=False) for seed in (1, 2))
    assert one.name == "synthetic(seed=1,events=3)"
    assert one.sha256 != other.sha256
    assert content_hash(one) != content_hash(other)
    assert open_feed("synthetic:events=3", cache=False).sha256 == one.sha256


def test_the_book_behind_it_is_never_crossed_and_its_best_is_known(feed):
    for event, (bids, asks) in books(feed):
        best = feed.best[event].tolist()
        assert best[0] < best[2]
        assert bids[best[0]] == best[1]
        assert asks[best[2]] == best[3]
        if event % 50 == 0:
            assert (max(bids), min(asks)) == (best[0], best[2])


def test_it_starts_with_a_snapshot_and_moves(feed):
    assert feed.event_start[1] == 2_000
    assert feed.quantity_lots[:2_000].min() > 0
    assert feed.report.snapshots == 1
    assert len(set(feed.best[:, 0].tolist())) > 20
    assert feed.price_ticks.min() > 0
    assert (feed.first_sequence[1:] == feed.final_sequence[:-1] + 1).all()


def test_no_event_names_a_level_twice(feed):
    for start, end in zip(feed.event_start[:-1], feed.event_start[1:], strict=True):
        levels = set(zip(feed.side[start:end].tolist(), feed.price_ticks[start:end].tolist(), strict=True))
        assert len(levels) == end - start


TOLERANCES = {
    "levels_per_event_p50": 0.1,
    "levels_per_event_p99": 0.25,
    "levels_per_event_max": 0.1,
    "share_deletes": 0.1,
    "share_deletes_missing": 0.1,
    "share_modifies": 0.1,
    "share_inserts": 0.1,
    "distance_p50_ticks": 0.25,
    "distance_p90_ticks": 0.25,
    "distance_p99_ticks": 0.25,
    "share_beyond_10_000_ticks": 0.25,
    "share_frame_gaps_under_4_us": 0.1,
    "updates_per_second": 0.35,
}


def test_its_traits_are_those_of_the_futures_capture(feed):
    capture = measure_traits(open_feed(str(capture_path(FUTURES)), cache=False))
    traits = measure_traits(feed)
    for name, tolerance in TOLERANCES.items():
        assert getattr(traits, name) == pytest.approx(getattr(capture, name), rel=tolerance), name
    assert traits.distance_max_ticks > 600_000


def test_a_draw_at_the_ends_of_a_table_gives_its_ends():
    assert draw(LEVELS_PER_EVENT, 0) == LEVELS_PER_EVENT[0]
    assert draw(LEVELS_PER_EVENT, 2**32 - 1) == LEVELS_PER_EVENT[-1] - 1
    assert draw(LEVELS_PER_EVENT, 2**31) == LEVELS_PER_EVENT[5]
