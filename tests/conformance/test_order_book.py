"""Every variant of the order book against a model of two dicts, against its own events and against the exchange."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from captures import FUTURES, SPOT, capture_path
from conformance.books import CONFIG, books_with, every_book, new_book
from tickbench.components.order_book.contract import (
    ASK,
    BID,
    MAX_QUANTITY_LOTS,
    NO_PRICE_TICKS,
    REJECTED,
    EventCursor,
)
from tickbench.components.order_book.oracle import (
    book_difference,
    expected_best,
    final_levels,
    model_best,
    verify,
)
from tickbench.feeds import open_feed

_MIDDLE = CONFIG.price_capacity_ticks // 2
# Near the touch, some hundred ticks off, and anywhere: the distances at which ladders change their way of searching.
_near = st.integers(0, 5) | st.integers(0, 200) | st.integers(0, _MIDDLE - 1)
_quantities = st.sampled_from([0, 0, 1, MAX_QUANTITY_LOTS]) | st.integers(0, 10**6)
_updates = st.lists(st.tuples(st.sampled_from([BID, ASK]), _near, _quantities), max_size=60)
_slow_to_build = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@every_book
@_slow_to_build
@given(updates=_updates)
def test_agrees_with_two_dicts_after_every_update(variant, updates):
    book, levels = new_book(variant), ({}, {})
    for done, (side, distance, quantity) in enumerate(updates, 1):
        price = _MIDDLE - 1 - distance if side == BID else _MIDDLE + distance
        assert book.update(side, price, quantity) == done
        if quantity:
            levels[side][price] = quantity
        else:
            levels[side].pop(price, None)
        bid, ask = max(levels[BID], default=NO_PRICE_TICKS), min(levels[ASK], default=NO_PRICE_TICKS)
        assert book.best() == (bid, levels[BID].get(bid, 0), ask, levels[ASK].get(ask, 0))
    assert book_difference(book, *levels) is None
    assert book.sequence() == len(updates)
    for side in (BID, ASK):
        assert book.top(side, 3) == sorted(levels[side].items(), reverse=side == BID)[:3]


@books_with("events")
@_slow_to_build
@given(updates=_updates)
def test_replaying_the_events_gives_the_same_book(variant, updates):
    book, rebuilt, cursor = new_book(variant), new_book(variant), EventCursor()
    for side, distance, quantity in updates:
        book.update(side, _MIDDLE - 1 - distance if side == BID else _MIDDLE + distance, quantity)
    while event := book.poll_event(cursor):
        assert event.sequence == cursor.sequence
        rebuilt.update(event.side, event.price_ticks, event.quantity_lots)
    assert (cursor.sequence, cursor.lost) == (len(updates), 0)
    for side in (BID, ASK):
        assert rebuilt.top(side, len(updates) + 1) == book.top(side, len(updates) + 1)


@books_with("events")
def test_a_consumer_that_is_lapped_is_told_how_many_events_it_lost(variant):
    book, cursor = new_book(variant), EventCursor()
    total = CONFIG.event_capacity + 100
    for k in range(total):
        book.update(BID, 1000 + k % 7, k + 1)
    received = []
    while event := book.poll_event(cursor):
        received.append(event.sequence)
    assert received == list(range(101, total + 1))
    assert cursor.lost == 100


@every_book
def test_rejects_what_is_out_of_range_and_changes_nothing(variant):
    book = new_book(variant)
    assert book.update(BID, 100, 5) == 1
    outside = CONFIG.price_capacity_ticks
    for side, price, quantity in (
        (BID, -1, 1),
        (ASK, outside, 1),
        (BID, 10, -1),
        (BID, 10, MAX_QUANTITY_LOTS + 1),
        (2, 10, 1),
        (-1, 10, 1),
    ):
        assert book.update(side, price, quantity) == REJECTED
    assert book.sequence() == 1
    assert book_difference(book, {100: 5}, {}) is None


@every_book
def test_the_lowest_and_the_highest_price_are_usable(variant):
    book, highest = new_book(variant), CONFIG.price_capacity_ticks - 1
    for side in (BID, ASK):
        for price in (0, highest):
            book.update(side, price, 7)
    assert book.best() == (highest, 7, 0, 7)
    assert book_difference(book, {0: 7, highest: 7}, {0: 7, highest: 7}) is None


@every_book
def test_the_synthetic_feed_passes_the_oracle(variant):
    feed = open_feed("synthetic:seed=3,events=300")
    verification = verify(variant, feed)
    assert verification.passed, verification.detail
    assert verification.checks == 300


class _Forgetful:
    """Passes everything on, except that it gets the quantity of one update wrong."""

    def __init__(self, book, wrong_update):
        self._book, self._wrong_update, self._calls = book, wrong_update, -1

    def update(self, side, price_ticks, quantity_lots, thread=0):
        self._calls += 1
        wrong = self._calls == self._wrong_update
        return self._book.update(side, price_ticks, quantity_lots + wrong, thread)

    def __getattr__(self, name):
        return getattr(self._book, name)


@every_book
def test_the_oracle_rejects_a_book_that_gets_one_quantity_wrong(variant):
    feed = open_feed("synthetic:seed=3,events=300")
    # The last update of a level that is still there at the end: no later one mends it, so books without events show it too.
    last_of_level = {}
    for k, (side, price, quantity) in enumerate(
        zip(feed.side.tolist(), feed.price_ticks.tolist(), feed.quantity_lots.tolist(), strict=True)
    ):
        last_of_level[side, price] = (k, quantity)
    wrong_update = next(k for k, quantity in last_of_level.values() if quantity and k > 100)
    spoiled = replace(variant, build=lambda config: _Forgetful(variant.build(config), wrong_update))
    verification = verify(spoiled, feed)
    assert not verification.passed
    assert "expected" in verification.detail or "update" in verification.detail


def test_the_model_agrees_with_the_exchange_on_both_captures():
    for name, events, bids, asks in ((FUTURES, 6545, 5018, 4578), (SPOT, 3448, 1209, 2196)):
        feed = open_feed(str(capture_path(name)))
        known = feed.best[:, 0] >= 0
        assert int(known.sum()) == events
        assert (model_best(feed)[known] == feed.best[known]).all()
        assert tuple(map(len, final_levels(feed))) == (bids, asks)


@every_book
def test_agrees_with_the_exchange_on_the_real_captures(variant):
    for name, events in ((FUTURES, 6545), (SPOT, 3448)):
        feed = open_feed(str(capture_path(name)))
        verification = verify(variant, feed)
        assert verification.passed, verification.detail
        assert verification.checks == events


def test_expected_best_falls_back_on_the_model_where_the_exchange_says_nothing():
    feed = open_feed("synthetic:seed=3,events=50")
    silent = type("Silent", (), {**{name: getattr(feed, name) for name in feed.__dataclass_fields__}})()
    silent.best = feed.best * 0 - 1
    assert (expected_best(silent) == feed.best).all()
