"""What only the skip list has: nodes that are used again, links on five levels, snapshots of many levels.

The pool is made small, so that a node is back in the list some hundred updates after it was removed. After each storm every
node must be in exactly one place: in the list, free, or retired. Forbidden: a node that is in none or in two of them, a
marked or unsorted link, a link of a higher level to a node that level 0 does not have, a snapshot of levels that never
stood together.
"""

import os

import numpy as np
import pytest
from tickbench.reference_impls.order_book import lockfree_skiplist

from stress.drivers import (
    ARRIVED,
    CROSSED,
    LOST_LEVEL,
    READS,
    TORN,
    WRITERS_DONE,
    after,
    run_threads,
    start_together,
    stress,
)
from tickbench.components.order_book.contract import (
    ASK,
    BID,
    BUSY,
    FULL,
    REJECTED,
    TOP,
    UPDATE,
    BookConfig,
    EventCursor,
)
from tickbench.components.order_book.events import VOID_QUANTITY_LOTS
from tickbench.components.order_book.oracle import book_difference
from tickbench.kernels import epochs, skiplist
from tickbench.kernels.atomics import fetch_add_seq_cst, load_acquire
from tickbench.kernels.jit import kernel

EFFORT = int(os.environ.get("TICKBENCH_STRESS", "1"))  # as in test_order_book
UPDATES = 40_000 * EFFORT
WRITERS, READERS = 4, 4
MODULUS = 997
MIDDLE = 512
SENTINELS = (MIDDLE - 300, MIDDLE + 300)


@pytest.fixture
def small_book(monkeypatch):
    """A book whose pool holds 16 levels a side and 64 nodes that may wait."""
    monkeypatch.setattr(lockfree_skiplist, "_WAITING_NODES", 64)

    def build(level_capacity=16):
        config = BookConfig(price_capacity_ticks=1024, level_capacity=level_capacity, event_capacity=1 << 19, threads=10)
        return lockfree_skiplist.lockfree_skiplist(config)

    return build


class Structure:
    """The nodes of a book in which no update is in flight, sorted by where they are."""

    def __init__(self, book):
        header = book.block.array
        self._pool = header[header[lockfree_skiplist._POOL_BYTES] // 8 :]
        heads = [int(one) for one in header[lockfree_skiplist._HEADS :][:2]]
        threads, node_bytes, end = self._pool[:3].tolist()
        fresh = min(int(self._pool[epochs._FRESH]), end)
        self.used = set(range(heads[0], fresh, node_bytes))
        self.heads = set(heads)
        self.listed = [self._listed(head) for head in heads]
        self.free = self._chain(int(self._pool[epochs._FREE]) & epochs.NODE)
        bags = [
            epochs._SLOTS + thread * epochs.ISOLATION_WORDS + epochs._BAGS + 2 * k
            for thread in range(threads)
            for k in range(3)
        ]
        self.retired = [node for bag in bags for node in self._chain(int(self._pool[bag]))]

    def _word(self, node, word):
        return int(self._pool[node // 8 + word])

    def _chain(self, node):
        nodes = []
        while node and len(nodes) <= len(self.used):  # a chain that bites its own tail ends too
            nodes.append(node)
            node = self._word(node, epochs.CHAIN)
        return nodes

    def _listed(self, head):
        levels = []
        for level in range(5):
            nodes, link = [], self._word(head, skiplist.NEXT + level)
            while node := link & epochs.NODE:
                nodes.append(node)
                link = self._word(node, skiplist.NEXT + level)
                assert not link & skiplist.MARK
                assert len(nodes) <= len(self.used), "the links of a level go in a circle"
            levels.append(nodes)
        keys = [self._word(node, skiplist.KEY) >> skiplist.KEY_SHIFT for node in levels[0]]
        assert keys == sorted(set(keys))
        for level, nodes in enumerate(levels):
            heights = {node: self._word(node, skiplist.KEY) & 15 for node in levels[0]}
            assert nodes == [node for node in levels[0] if heights[node] > level], f"level {level}"
        return levels[0]

    def assert_each_node_is_in_one_place(self):
        places = [*self.heads, *self.listed[BID], *self.listed[ASK], *self.free, *self.retired]
        assert len(places) == len(set(places)), "a node is in two places"
        assert set(places) == self.used, "a node is lost"


def _script(rng, offsets, deletes):
    side = rng.integers(0, 2, UPDATES).astype(np.int8)
    offset = rng.choice(offsets, UPDATES)
    price = np.where(side == BID, MIDDLE - 1 - offset, MIDDLE + offset)
    quantity = rng.integers(1, 1_000_000, UPDATES) * MODULUS + price % MODULUS
    return side, price, np.where(rng.random(UPDATES) < deletes, 0, quantity)


@pytest.mark.parametrize(
    ("offsets", "deletes"),
    [([0, 1, 2], 0.5), ([0, 1, 2], 0.85), (range(12), 0.6), ([0, 100, 200], 0.7)],
    ids=["even storm", "mostly missing levels", "many levels", "two far ones"],
)
def test_storms_on_shared_prices_lose_no_node_and_no_update(small_book, offsets, deletes):
    """All writers change the same prices, and nodes are used again at once; an update may find none, and says FULL."""
    book, rng = small_book(), np.random.default_rng(len(offsets))
    before = ({}, {})
    for side, price in zip((BID, ASK), SENTINELS, strict=True):
        before[side][price] = MODULUS + price % MODULUS
        assert book.update(side, price, before[side][price]) > 0
    scripts = [_script(rng, np.array(offsets), deletes) for _ in range(WRITERS)]
    outcome = stress(book, scripts, READERS, SENTINELS, MODULUS)
    assert (outcome.readers[:, READS] > 0).all()
    seen = outcome.readers.sum(axis=0)
    assert (seen[TORN], seen[CROSSED], seen[LOST_LEVEL]) == (0, 0, 0)
    assert outcome.lost_events == 0
    assert (np.diff(outcome.events[:, 0]) == 1).all()
    changes = outcome.events[outcome.events[:, 3] != VOID_QUANTITY_LOTS]
    assert len(changes) == WRITERS * UPDATES - outcome.rejected_updates
    assert book_difference(book, *after(before, *outcome.events.T[1:])) is None
    structure = Structure(book)
    structure.assert_each_node_is_in_one_place()
    assert [len(nodes) for nodes in structure.listed] == [book.level_count(side) for side in (BID, ASK)]
    assert len(structure.used) < WRITERS * UPDATES // 100  # nodes were used again, or this test shows nothing


# What a reader of snapshots counts.
SNAPSHOTS, NOT_CONTIGUOUS, WRONG_COUNT, DISTURBED = range(4)
WINDOW = 10


@kernel(f"int64(pointer[{UPDATE}], int64, int64, int64, int64[::1], int64)")
def _move_window(update, book, thread, steps, control, threads):
    """Let a window of asks wander: the next price comes in, then the last one goes; 10 or 11 in a row, always."""
    start_together(control, threads)
    failed, low = 0, 1
    for step in range(steps):
        up = step // 500 % 2 == 0
        come, go = (low + WINDOW, low) if up else (low - 1, low + WINDOW - 1)
        failed += update(book, thread, ASK, come, come + 7) <= 0
        failed += update(book, thread, ASK, go, 0) <= 0
        low += 1 if up else -1
    fetch_add_seq_cst(control, WRITERS_DONE, 1)
    return failed


@kernel(f"void(pointer[{TOP}], int64, int64, int64[::1], int64[::1], int64)")
def _check_window(top, book, thread, found, control, threads):
    """Take snapshots of the window until the writer is done, and count what may never be seen."""
    out = np.empty(64, dtype=np.int64)
    start_together(control, threads)
    finished = False
    while not finished:
        finished = load_acquire(control, WRITERS_DONE) == 1
        count = top(book, thread, np.int64(ASK), np.int64(32), np.int64(out.ctypes.data))
        if count == BUSY:
            found[DISTURBED] += 1
            continue
        found[SNAPSHOTS] += 1
        found[WRONG_COUNT] += count != WINDOW and count != WINDOW + 1
        for k in range(count):
            found[NOT_CONTIGUOUS] += out[2 * k] != out[0] + k or out[2 * k + 1] != out[2 * k] + 7


def test_a_snapshot_holds_levels_that_stood_together(small_book):
    book, steps = small_book(), 20_000 * EFFORT
    for price in range(1, 1 + WINDOW):
        assert book.update(ASK, price, price + 7) > 0
    control, found, failed = np.zeros(32, dtype=np.int64), np.zeros((3, 4), dtype=np.int64), []
    assert ARRIVED < WRITERS_DONE < len(control)
    targets = [
        lambda: failed.append(_move_window(book.update_kernel, book.address, 0, steps, control, 4)),
        *(lambda k=k: _check_window(book.top_kernel, book.address, 1 + k, found[k], control, 4) for k in range(3)),
    ]
    run_threads(targets)
    assert failed == [0]
    assert found[:, SNAPSHOTS].sum() > 0
    assert (found[:, NOT_CONTIGUOUS].sum(), found[:, WRONG_COUNT].sum()) == (0, 0)
    Structure(book).assert_each_node_is_in_one_place()


def test_nodes_are_not_used_again_while_a_thread_may_read_them(small_book):
    """A stalled reader stops reclamation: writers go on until the pool is used up, then say so, and recover."""
    book = small_book()
    pool = book.address + int(book.block.array[lockfree_skiplist._POOL_BYTES])
    assert book.update(BID, 500, 5) > 0
    (node,) = Structure(book).listed[BID]
    epochs.pin(pool, 9)
    assert book.update(BID, 500, 0) > 0
    results = []
    while not results or results[-1] != FULL:
        results += [book.update(BID, 400, 1), book.update(BID, 400, 0)] if not results else []
        results.append(book.update(BID, 401, 1))
        if results[-1] != FULL:
            results.append(book.update(BID, 401, 0))
        assert len(results) < 1000, "removed nodes are used again under a pinned thread"
    assert skiplist.key_of(pool, node) == ~500
    before = book.sequence()
    assert book.update(BID, 402, 1) == FULL
    assert book.sequence() == before  # an update that was not made takes no number
    assert book.update(BID, 402, 0) == before + 1  # deletes need no node
    epochs.unpin(pool, 9)
    assert [book.update(BID, 403, k) > 0 for k in range(1, 0, -1)] == [True]
    assert book.top(BID, 9) == [(403, 1)]
    Structure(book).assert_each_node_is_in_one_place()


def test_a_book_that_is_full_of_levels_says_so_at_once_and_takes_all_it_promised(small_book):
    book, accepted = small_book(level_capacity=100), {}
    for price in range(1023, 0, -1):
        if book.update(ASK, price, price) == FULL:
            break
        accepted[price] = price
    assert len(accepted) == 2 * 100 + 64
    assert book_difference(book, {}, accepted) is None
    assert book.update(ASK, 1023, 0) > 0
    assert book.update(BID, 1, 1) > 0
    Structure(book).assert_each_node_is_in_one_place()


@pytest.mark.parametrize("seed", range(4))
def test_one_thread_agrees_with_a_dict_after_every_update(small_book, seed):
    book, rng, model = small_book(level_capacity=400), np.random.default_rng(seed), ({}, {})
    cursor, width = EventCursor(), (5, 30, 60, 900)[seed]
    for k in range(1, 1501):
        side, price = int(rng.integers(0, 2)), int(rng.integers(0, width))
        lots = 0 if rng.random() < (0.5 if width < 100 else 0.8) else int(rng.integers(1, 1 << 37))
        assert book.update(side, price, lots) == k == book.sequence()
        model[side].pop(price, None)
        if lots:
            model[side][price] = lots
        bids, asks = sorted(model[BID].items(), reverse=True), sorted(model[ASK].items())
        assert tuple(book.best()) == (*(bids or [(-1, 0)])[0], *(asks or [(-1, 0)])[0])
        assert (book.top(BID, 3), book.top(ASK, 1000)) == (bids[:3], asks)
        assert (book.level_count(BID), book.level_count(ASK)) == (len(bids), len(asks))
        assert tuple(book.poll_event(cursor)) == (k, side, price, lots)
    Structure(book).assert_each_node_is_in_one_place()


@pytest.mark.parametrize(
    "arguments",
    [(2, 5, 5), (-1, 5, 5), (BID, -1, 5), (BID, 1024, 5), (BID, 5, -1), (BID, 5, 1 << 37), (BID, 5, 5, 10)],
)
def test_arguments_out_of_range_are_rejected_and_take_no_number(small_book, arguments):
    book = small_book()
    assert book.update(*arguments) == REJECTED
    assert (book.sequence(), book.level_count(BID), book.level_count(ASK)) == (0, 0, 0)
