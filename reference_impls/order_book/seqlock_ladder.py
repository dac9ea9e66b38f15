"""What a feed handler would run: one writer, plain stores, the best prices under a seqlock on a cache line of their own.

Prices are integer ticks, so a level is found by index. A dense array over all prices would be hundreds of megabytes, as real
books have levels tens of thousands of ticks away from the market; here a directory leads from each run of 64 ticks to a page
of 64 quantities, taken from a pool when its first level appears and given back when its last one goes. The directory entry
also holds the occupancy of its page, one bit a level, and two summaries above it (4,096 and 262,144 ticks a word) find the
next level at any distance by a few bit scans. Asks are stored mirrored, so that on both sides the best is the highest key.

    line pair 0   seqlock: version, bid price, bid quantity, ask price, ask quantity      writer -> readers
    line pair 1   sequence finished, sequence begun                                       writer -> readers
    line pair 2   writer's own: best keys, level counts, pool, geometry
    then          per side: directory, two summaries; then pages, events

What a concurrent reader may see: `best` is a pair of sides that stood at one moment, never torn, at most one update old;
`top` is the book between two updates, or BUSY after 64 attempts; `level_count` is that before or after an update in flight.
A second writer is not allowed. Writing is wait-free; a reader repeats while the writer changes the best.
"""

from tickbench.components.order_book import contract
from tickbench.components.order_book.contract import BUSY, FULL, MAX_QUANTITY_LOTS, NO_PRICE_TICKS, REJECTED
from tickbench.components.order_book.events import event_ring_words, initialise_events, publish_single
from tickbench.kernels.atomics import (
    fence_acquire,
    fence_release,
    load_acquire,
    load_plain,
    load_relaxed,
    store_plain,
    store_relaxed,
    store_release,
)
from tickbench.kernels.bits import leading_zeros
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_WORDS, WORD_BYTES, Block
from tickbench.registry import variant

_VERSION, _BEST_LEVELS = 0, 1  # price and quantity of the best bid, then of the best ask
_DONE, _BEGUN = ISOLATION_WORDS, ISOLATION_WORDS + 1
_OWN = 2 * ISOLATION_WORDS
_BEST_KEY, _COUNT = _OWN, _OWN + 2  # a word a side
_FREE_PAGE, _FRESH_PAGE, _END = (
    _OWN + 4,
    _OWN + 5,
    _OWN + 6,
)  # list of returned pages, first never used, end of pool
_CAPACITY, _RING = _OWN + 7, _OWN + 8
_SIDES = 3 * ISOLATION_WORDS
_PAGE_WORDS = 64
_TOP_ATTEMPTS = 64
# A side has capacity/64 directory entries of two words, then its summaries of capacity/4096 and capacity/262144 words.


@kernel("int64(int64)")
def _side_words(capacity):
    return (capacity >> 5) + (capacity >> 12) + (capacity >> 18) + 1


@kernel("int64(int64)")
def _take_page(book):
    """A page of zeros from the list of returned ones or from the fresh end of the pool; 0 if there is none."""
    page = load_plain(book, _FREE_PAGE)
    if page != 0:
        store_plain(book, _FREE_PAGE, load_plain(book, page))
        store_plain(book, page, 0)
        return page
    page = load_plain(book, _FRESH_PAGE)
    if page >= load_plain(book, _END):
        return 0
    store_plain(book, _FRESH_PAGE, page + _PAGE_WORDS)
    return page


@kernel("void(int64, int64, int64, int64, int64, int64, int64)")
def _change_occupancy(book, base, capacity, side, key, page, quantity_lots):
    """Set or clear the bit of a level that came or went, the summaries above it, and return a page that got empty."""
    entry = base + (key >> 6) * 2
    summary = base + (capacity >> 5) + (key >> 12)
    summary_above = base + (capacity >> 5) + (capacity >> 12) + (key >> 18)
    bit = 1 << (key & 63)
    occupied = load_plain(book, entry + 1)
    if quantity_lots != 0:
        store_relaxed(book, _COUNT + side, load_plain(book, _COUNT + side) + 1)  # relaxed: a count stands alone
        if occupied == 0:
            store_relaxed(book, entry, page)  # relaxed, as all below: `top` validates by the sequence words
            store_relaxed(book, summary, load_plain(book, summary) | (1 << ((key >> 6) & 63)))
            store_relaxed(book, summary_above, load_plain(book, summary_above) | (1 << ((key >> 12) & 63)))
        store_relaxed(book, entry + 1, occupied | bit)
        return
    store_relaxed(book, _COUNT + side, load_plain(book, _COUNT + side) - 1)  # relaxed: as above
    store_relaxed(book, entry + 1, occupied & ~bit)
    if occupied == bit:
        store_relaxed(book, entry, 0)
        store_relaxed(book, page, load_plain(book, _FREE_PAGE))
        store_plain(book, _FREE_PAGE, page)
        left = load_plain(book, summary) & ~(1 << ((key >> 6) & 63))
        store_relaxed(book, summary, left)
        if left == 0:
            above = load_plain(book, summary_above) & ~(1 << ((key >> 12) & 63))
            store_relaxed(book, summary_above, above)


@kernel("void(int64, int64, int64, int64, int64)")
def _publish_best(book, side, capacity, base, key):
    """Remember the best key of a side and show it to the readers of the seqlock."""
    store_plain(book, _BEST_KEY + side, key)
    price_ticks, quantity_lots = NO_PRICE_TICKS, 0
    if key >= 0:
        price_ticks = key ^ ((capacity - 1) & -side)
        quantity_lots = load_plain(book, load_plain(book, base + (key >> 6) * 2) + (key & 63))
    version = load_plain(book, _VERSION)
    store_relaxed(book, _VERSION, version + 1)  # odd: being changed. Relaxed: the fence orders it
    fence_release()  # forbids that new prices are seen under the old version
    store_relaxed(book, _BEST_LEVELS + 2 * side, price_ticks)  # relaxed: between the fence and the release
    store_relaxed(book, _BEST_LEVELS + 2 * side + 1, quantity_lots)
    store_release(book, _VERSION, version + 2)  # publishes the pair to load_acquire in _best


@kernel("int64(int64)")
def _up_to(bit):
    """A mask of the bits 0 … bit."""
    return (2 << bit) - 1


@kernel("int64(int64, int64, int64, int64)")
def _highest(book, base, capacity, key):
    """The highest occupied key at or below `key`, -1 if there is none.

    A reader beside the writer may meet a summary that does not fit the words below it: it gets any answer, -1 included,
    and its second look at the sequence words tells it to try again.
    """
    if key < 0:
        return -1
    summary = base + (capacity >> 5)
    summary_above = summary + (capacity >> 12)
    bits = load_relaxed(book, base + (key >> 6) * 2 + 1) & _up_to(key & 63)  # relaxed here: as said at the stores
    if bits != 0:
        return (key & ~63) | (63 - leading_zeros(bits))
    run = (key >> 6) - 1
    if run < 0:
        return -1
    bits = load_relaxed(book, summary + (run >> 6)) & _up_to(run & 63)
    if bits == 0:
        block = (run >> 6) - 1
        word = block >> 6
        if block < 0:
            return -1
        bits = load_relaxed(book, summary_above + word) & _up_to(block & 63)
        while bits == 0:
            word -= 1
            if word < 0:
                return -1
            bits = load_relaxed(book, summary_above + word)
        run = (((word << 6) | (63 - leading_zeros(bits))) << 6) | 63
        bits = load_relaxed(book, summary + (run >> 6))
        if bits == 0:
            return -1
    run = (run & ~63) | (63 - leading_zeros(bits))
    bits = load_relaxed(book, base + run * 2 + 1)
    return -1 if bits == 0 else (run << 6) | (63 - leading_zeros(bits))


@kernel(contract.UPDATE)
def _update(book, _thread, side, price_ticks, quantity_lots):
    capacity = load_plain(book, _CAPACITY)
    outside = (price_ticks < 0) | (price_ticks >= capacity) | (quantity_lots < 0) | (quantity_lots > MAX_QUANTITY_LOTS)
    if outside | (side < 0) | (side > 1):
        return REJECTED
    key = price_ticks ^ ((capacity - 1) & -side)
    base = _SIDES + side * _side_words(capacity)
    entry = base + (key >> 6) * 2
    page = load_plain(book, entry)
    sequence = load_plain(book, _DONE) + 1
    if page == 0 and quantity_lots != 0:
        page = _take_page(book)
        if page == 0:
            return FULL
    store_relaxed(book, _BEGUN, sequence)  # relaxed: the fence below orders it
    fence_release()  # forbids that a reader of `top` sees changes of this update and not that it began
    if page != 0:
        level = page + (key & 63)
        before = load_plain(book, level)
        store_relaxed(book, level, quantity_lots)  # relaxed: `top` validates by the sequence words
        if (before == 0) != (quantity_lots == 0):
            _change_occupancy(book, base, capacity, side, key, page, quantity_lots)
        best = load_plain(book, _BEST_KEY + side)
        if key >= best and (quantity_lots != 0 or before != 0):
            if quantity_lots == 0:
                key = _highest(book, base, capacity, key)
            _publish_best(book, side, capacity, base, key)
    publish_single(book + load_plain(book, _RING), sequence, side, price_ticks, quantity_lots)
    store_release(book, _DONE, sequence)  # publishes the update to load_acquire in _top and _sequence
    return sequence


@kernel(contract.BEST)
def _best(book, _thread, out):
    while True:
        version = load_acquire(book, _VERSION)  # pairs with the release in _publish_best
        for word in range(4):
            store_plain(out, word, load_relaxed(book, _BEST_LEVELS + word))  # relaxed: the version is looked at again
        fence_acquire()  # forbids that prices are read after the second look at the version
        if version & 1 == 0 and load_relaxed(book, _VERSION) == version:  # relaxed: ordered by the fence
            return 0


@kernel(contract.TOP)
def _top(book, _thread, side, n, out):
    capacity = load_plain(book, _CAPACITY)
    base = _SIDES + side * _side_words(capacity)
    for _ in range(_TOP_ATTEMPTS):
        done = load_acquire(book, _DONE)  # pairs with the release at the end of _update
        count = 0
        key = _highest(book, base, capacity, capacity - 1) if n > 0 else -1
        while key >= 0:
            page = load_relaxed(book, base + (key >> 6) * 2)  # relaxed: validated below
            store_plain(out, 2 * count, key ^ ((capacity - 1) & -side))
            store_plain(out, 2 * count + 1, load_relaxed(book, page + (key & 63)))
            count += 1
            key = _highest(book, base, capacity, key - 1) if count < n else -1
        fence_acquire()  # forbids that levels are read after the look at _BEGUN
        if load_relaxed(book, _BEGUN) == done:  # relaxed: ordered by the fence
            return count
    return BUSY


@kernel(contract.LEVEL_COUNT)
def _level_count(book, _thread, side):
    return load_relaxed(book, _COUNT + side)  # relaxed: a count stands alone


@kernel(contract.SEQUENCE)
def _sequence(book, _thread):
    return load_acquire(book, _DONE)  # pairs with the release at the end of _update


@variant(
    "order_book",
    runtime="native",
    example_of="integer-tick ladder, one writer, best prices under a seqlock",
    capabilities=("concurrent_readers", "events"),
)
def seqlock_ladder(config: contract.BookConfig) -> contract.NativeBook:
    """A book for one writer and any number of readers."""
    capacity = config.price_capacity_ticks
    pages = _SIDES + 2 * _side_words(capacity)
    pages += -pages % _PAGE_WORDS
    end = pages + _PAGE_WORDS * min(2 * config.level_capacity, capacity // 32)
    block = Block(end + event_ring_words(config.event_capacity))
    words = block.array
    words[_BEST_LEVELS : _BEST_LEVELS + 4] = NO_PRICE_TICKS, 0, NO_PRICE_TICKS, 0
    words[_BEST_KEY : _BEST_KEY + 2] = -1
    words[_FRESH_PAGE], words[_END], words[_CAPACITY], words[_RING] = pages, end, capacity, WORD_BYTES * end
    initialise_events(block.address + WORD_BYTES * end, config.event_capacity)
    return contract.NativeBook(block, _update, _best, _top, _level_count, _sequence, events=end)
