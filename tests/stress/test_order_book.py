"""Order books under real threads: what readers may never see, no level lost, events neither lost nor doubled, linearizability.

Outcomes that are acceptable: an update that a later one overwrites at once, events with no change (VOID), a best that
is older than the newest update in flight. Forbidden: everything that `read_and_check` counts, and a history that has no
sequential order.
"""

import os

import numpy as np
import pytest

from conformance.books import books_with
from stress.drivers import CROSSED, LOST_LEVEL, READS, TORN, after, record_rounds, stress
from stress.linearizability import Operation, linearization
from tickbench.components.order_book.contract import ASK, BID, Best, BookConfig, NativeBook
from tickbench.components.order_book.events import VOID_QUANTITY_LOTS
from tickbench.components.order_book.oracle import book_difference
from tickbench.kernels import chaos

# TICKBENCH_STRESS=20 repeats every stress test with 20 times the work: for a long run on a bigger machine.
EFFORT = int(os.environ.get("TICKBENCH_STRESS", "1"))
# With delays a third is enough: they come before every sixteenth atomic operation, which no scheduler does by itself.
UPDATES = (20_000 if chaos.ENABLED else 60_000) * EFFORT
ROUNDS = (500 if chaos.ENABLED else 1_500) * EFFORT
MODULUS = 997
MIDDLE = 1 << 16
SENTINELS = (MIDDLE - 40, MIDDLE + 40)
concurrent = books_with("concurrent_writers", "concurrent_readers", "events")


def _native(variant, events=1 << 18):
    config = BookConfig(
        price_capacity_ticks=1 << 17,
        level_capacity=1 << 12,
        event_capacity=1 << (events * EFFORT - 1).bit_length(),
        threads=12,
    )
    book = variant.build(config)
    if not isinstance(book, NativeBook):
        pytest.skip("a Python book takes its lock for every call: the conformance tests cover it")
    return book


def _quantity_of(rng, price):
    """Quantities that name their price: quantity % MODULUS == price % MODULUS."""
    return rng.integers(1, 1_000_000, len(price)) * MODULUS + price % MODULUS


def _script(rng, prices_of_side, updates, deletes=0.5):
    side = rng.integers(0, 2, updates).astype(np.int8)
    row = rng.integers(0, len(prices_of_side[0]), updates)
    price = np.where(side == BID, prices_of_side[0][row], prices_of_side[1][row])
    quantity = np.where(rng.random(updates) < deletes, 0, _quantity_of(rng, price))
    return side, price, quantity


def _place_sentinels(book):
    for side, price in zip((BID, ASK), SENTINELS, strict=True):
        assert book.update(side, price, 5 * MODULUS + price % MODULUS) > 0
    return {SENTINELS[0]: 5 * MODULUS + SENTINELS[0] % MODULUS}, {SENTINELS[1]: 5 * MODULUS + SENTINELS[1] % MODULUS}


def _assert_clean(outcome):
    assert outcome.rejected_updates == 0
    seen = outcome.readers.sum(axis=0)
    assert (outcome.readers[:, READS] > 0).all()
    assert (seen[TORN], seen[CROSSED], seen[LOST_LEVEL]) == (0, 0, 0)


@concurrent
@pytest.mark.parametrize(("writers", "readers"), [(1, 1), (2, 2), (4, 4)])
def test_writers_that_share_few_prices_lose_nothing_and_readers_see_nothing_torn(variant, writers, readers):
    """Insert and delete storms at the same eight prices next to the touch: every race between two updates of a level."""
    book, rng = _native(variant), np.random.default_rng(writers)
    before = _place_sentinels(book)
    offsets = np.array([0, 1, 2, 3, 7, 31, 32, 38])
    prices = (MIDDLE - 1 - offsets, MIDDLE + offsets)
    outcome = stress(book, [_script(rng, prices, UPDATES) for _ in range(writers)], readers, SENTINELS, MODULUS)
    _assert_clean(outcome)
    assert outcome.lost_events == 0
    sequences = outcome.events[:, 0]
    assert (np.diff(sequences) == 1).all()
    assert int((outcome.events[:, 3] != VOID_QUANTITY_LOTS).sum()) == writers * UPDATES
    assert sequences[-1] == book.sequence()
    assert book_difference(book, *after(before, *outcome.events.T[1:])) is None


@concurrent
def test_writers_with_prices_of_their_own_leave_exactly_their_levels(variant):
    """Far and near prices, each owned by one writer: the end of each script decides each level."""
    book, rng, writers = _native(variant), np.random.default_rng(5), 3
    expected = _place_sentinels(book)
    scripts = []
    for writer in range(writers):
        near = np.arange(writer, 39, writers)
        far = 40 + 3 * rng.integers(1, (MIDDLE - 50) // 3, 200) + writer
        offsets = np.concatenate([near, near, near, near, far - (far % 3) + writer])
        offsets = offsets[offsets % writers == writer]
        scripts.append(_script(rng, (MIDDLE - 1 - offsets, MIDDLE + offsets), UPDATES, deletes=0.4))
    outcome = stress(book, scripts, 2, SENTINELS, MODULUS)
    _assert_clean(outcome)
    for script in scripts:
        expected = after(expected, *script)
    assert book_difference(book, *expected) is None


@books_with("concurrent_readers", "events")
def test_one_writer_that_moves_the_best_all_the_time_is_read_without_tears(variant):
    book, rng = _native(variant), np.random.default_rng(6)
    before = _place_sentinels(book)
    offsets = np.arange(0, 3)
    script = _script(rng, (MIDDLE - 1 - offsets, MIDDLE + offsets), 4 * UPDATES)
    outcome = stress(book, [script], 3, SENTINELS, MODULUS)
    _assert_clean(outcome)
    assert outcome.lost_events == 0
    assert book_difference(book, *after(before, *outcome.events.T[1:])) is None


@books_with("concurrent_readers", "events")
def test_a_market_that_moves_up_and_down_is_never_read_crossed(variant):
    """The best bid of one moment is above the best ask of another: a pair of two moments would be crossed."""
    book, rng = _native(variant), np.random.default_rng(8)
    before = _place_sentinels(book)
    high_bid, low_ask = MIDDLE + 10, MIDDLE - 10  # never there at the same time
    moves = [(ASK, low_ask, 0), (BID, high_bid, 1), (BID, high_bid, 0), (ASK, low_ask, 1)]
    side, price, present = (np.array(column * UPDATES) for column in zip(*moves, strict=True))
    script = side.astype(np.int8), price, np.where(present, _quantity_of(rng, price), 0)
    outcome = stress(book, [script], 2, SENTINELS, MODULUS)
    _assert_clean(outcome)
    assert book_difference(book, *after(before, *outcome.events.T[1:])) is None


@concurrent
def test_a_small_event_ring_under_load_loses_no_event_unnoticed(variant):
    """Producers lap the consumer: each number is delivered once, in order, or counted as lost."""
    book, rng, writers = _native(variant, events=64), np.random.default_rng(7), 4
    _place_sentinels(book)
    offsets = np.arange(0, 8)
    outcome = stress(
        book,
        [_script(rng, (MIDDLE - 1 - offsets, MIDDLE + offsets), UPDATES) for _ in range(writers)],
        1,
        SENTINELS,
        MODULUS,
    )
    sequences = outcome.events[:, 0]
    assert (np.diff(sequences) > 0).all()
    assert len(sequences) + outcome.lost_events == book.sequence() - 2  # the sentinels came before the consumer
    present = outcome.events[outcome.events[:, 3] > 0]
    assert (present[:, 3] % MODULUS == present[:, 2] % MODULUS).all()


@concurrent
@pytest.mark.parametrize("threads", [2, 3])
def test_recorded_histories_are_linearizable_and_their_events_tell_how_they_ended(variant, threads):
    """Short rounds on three prices: every read fits an order of the updates, and the events in their order give the end."""
    book, rng = _native(variant, events=1 << 10), np.random.default_rng(threads)
    rounds, operations = ROUNDS, 4
    prices = np.array([(BID, MIDDLE - 1), (BID, MIDDLE - 2), (ASK, MIDDLE)])
    chosen = prices[rng.integers(0, len(prices), (threads, rounds, operations))]
    quantity = np.where(rng.random(chosen.shape[:3]) < 0.5, 0, rng.integers(1, 1000, chosen.shape[:3]))
    scripts = np.concatenate([chosen, quantity[..., None]], axis=3)
    scripts[rng.random(chosen.shape[:3]) < 0.3] = -1, 0, 0
    for one in record_rounds(book, scripts, prices):
        told = "\n".join(map(str, [*sorted(one.operations), one.events, one.bids, one.asks]))
        assert (one.bids, one.asks) == after(({}, {}), *one.events.T[1:]), told
        levels = {(BID, price): lots for price, lots in one.bids.items()}
        levels |= {(ASK, price): lots for price, lots in one.asks.items()}
        assert linearization(one.operations, levels) is not None, told


def test_the_checker_accepts_and_rejects_what_it_should():
    def write(started, ended, quantity):
        return Operation(started, ended, (BID, 10, quantity), None)

    def read(started, ended, quantity):
        return Operation(started, ended, None, Best(10 if quantity else -1, quantity, -1, 0))

    assert linearization([write(0, 3, 5), read(1, 2, 0)])  # overlapping: either order
    assert linearization([write(0, 3, 5), read(1, 2, 5)])
    assert not linearization([write(0, 1, 5), read(2, 3, 0)])  # a finished update is missed
    assert not linearization([write(0, 9, 5), read(1, 2, 5), read(3, 4, 0)])  # seen, then unseen
    assert not linearization([write(0, 1, 5), write(2, 3, 6), read(4, 5, 5)])  # the old value comes back
