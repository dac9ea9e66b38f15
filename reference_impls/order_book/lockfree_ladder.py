"""A lock-free ladder for many writers: integer ticks, one atomic word a level, occupancy bits, the best by hint and bit scan.

A directory leads from each run of 32 ticks to a page of 32 level words, installed by compare-and-swap when the first price of
the run appears and never taken back, so prices far from the market cost a page and nothing else. Asks are stored mirrored:
on both sides the best is the highest key.

    level word   quantity (37 bits) | linked (1 bit) | low 25 bits of the sequence number that wrote it
    leaf word    version (31 bits) | occupancy of the 32 levels; beside the page link in the directory
    hint word    version (30 bits) | lowering (1 bit) | key + 1 (32 bits): no linked level of the side is above it

An update reads the level word, takes the next sequence number and swaps the word. If the swap fails, another update of the same
price came first: the word tells by its stamp whether ours is the newer (try again) or the older (it counts as overwritten at
once). So a level always holds the update with the highest number, and replaying the events gives the same book.

A level that appears is linked: its leaf bit is set with a new leaf version, the hint is raised, then the word is marked linked.
A level that goes clears its bit, but only while the leaf still has the version that was read before the level was seen
empty; a linking update in between makes that fail. Without the version a slow eraser could hide a level that just came.
Whoever meets a level that is not linked yet links it before relying on it. The hint is lowered in three steps (mark it as
lowering, scan, swap), and a linking update in between clears the mark, which makes the swap fail.

What a concurrent reader may see: `best` is linearizable, both sides together: prices and quantities that stood at one
moment (two scans that saw the same words). A level is there from its linking until its word becomes 0. `top` is a scan that is
repeated until two agree, or BUSY after 64; `level_count` adds up per-thread counts that may be an update apart. A price and
quantity of different updates, a linked level missed, a crossed pair that never stood: never. Updates are lock-free, and
wait-free but for the linking; readers are lock-free. Stamps are compared modulo 2^25: an update that is stopped between its
number and its swap while 16 million others pass may be taken for a newer one.
"""

from tickbench.components.order_book import contract
from tickbench.components.order_book.contract import BUSY, FULL, MAX_QUANTITY_LOTS, NO_PRICE_TICKS, REJECTED
from tickbench.components.order_book.events import event_ring_words, initialise_events, publish_shared
from tickbench.kernels.atomics import (
    cas_acq_rel,
    cas_seq_cst,
    fetch_add_acq_rel,
    fetch_add_relaxed,
    fetch_or_release,
    load_acquire,
    load_plain,
    load_relaxed,
    load_seq_cst,
    store_plain,
    store_relaxed,
)
from tickbench.kernels.bits import leading_zeros, shift_right_unsigned
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_WORDS, WORD_BYTES, Block
from tickbench.registry import variant

_CAPACITY, _END, _RING, _THREADS = 0, 1, 2, 3  # read-only once built
_SEQUENCE = ISOLATION_WORDS
_FRESH_PAGE = 2 * ISOLATION_WORDS
_HINT = 3 * ISOLATION_WORDS  # one isolated word a side
_COUNTS = 5 * ISOLATION_WORDS  # per thread an isolated pair of words, a word a side
_PAGE_WORDS = 32
_STAMP = (1 << 25) - 1
_LINKED = 1 << 25
_QUANTITY_SHIFT = 26
_LEAF_VERSION = 1 << 32
_OCCUPANCY = (1 << 32) - 1
_HINT_KEY = (1 << 32) - 1
_LOWERING = 1 << 32
_HINT_VERSION = 1 << 33
_LOWER_ATTEMPTS = 4  # a hint that stays too high costs readers time, not truth
_HINT_STRAY = 64  # keys by which a reader lets the hint be too high before it lowers it
_TOP_ATTEMPTS = 64
_NONE, _CHANGED = -1, -2  # answers of a scan in place of a key
# A side has capacity/32 directory entries of two words (page, leaf), then one bit for each that ever had a page, and one
# bit for each word of those. The bits are never cleared: they only bound the scans.


@kernel("int64(int64)")
def _side_words(capacity):
    return (capacity >> 4) + (capacity >> 11) + (capacity >> 17) + 2


@kernel("int64(int64, int64)")
def _base(book, side):
    """Word index of the directory of a side."""
    return _COUNTS + load_plain(book, _THREADS) * ISOLATION_WORDS + side * _side_words(load_plain(book, _CAPACITY))


@kernel("int64(int64, int64, int64)")
def _page_of(book, base, key):
    """Word index of the page of a key, installing one where there is none; 0 if the pool is used up."""
    entry = base + (key >> 5) * 2
    page = load_acquire(book, entry)  # pairs with the compare-exchange that installs a page
    if page != 0:
        return page
    fresh = fetch_add_relaxed(book, _FRESH_PAGE, _PAGE_WORDS)  # relaxed: the page's words are zero from the start
    if fresh + _PAGE_WORDS > load_plain(book, _END):
        fetch_add_relaxed(book, _FRESH_PAGE, -_PAGE_WORDS)  # relaxed: gives back what is not there
        return load_acquire(book, entry)  # somebody else may have had the last one for this very entry
    capacity, run = load_plain(book, _CAPACITY), key >> 5
    touched = base + (capacity >> 4)
    # release, both: the bits are set before the page can be used, so that no scan passes over a level in it
    fetch_or_release(book, touched + (capacity >> 11) + (run >> 12), 1 << ((run >> 6) & 63))
    fetch_or_release(book, touched + (run >> 6), 1 << (run & 63))
    seen = cas_acq_rel(book, entry, 0, fresh)  # publishes the bits; a page that lost the race stays unused
    return fresh if seen == 0 else seen


@kernel("int64(int64, int64, int64)")
def _touched_below(book, base, run):
    """The highest directory entry below `run` that ever had a page, -1 if there is none."""
    capacity = load_plain(book, _CAPACITY)
    touched = base + (capacity >> 4)
    run -= 1
    if run < 0:
        return -1
    bits = load_acquire(book, touched + (run >> 6)) & ((2 << (run & 63)) - 1)  # pairs with the release in _page_of
    block = run >> 6
    while bits == 0:
        block -= 1
        if block < 0:
            return -1
        above = load_acquire(book, touched + (capacity >> 11) + (block >> 6)) & ((2 << (block & 63)) - 1)  # as above
        if above == 0:
            block = block & ~63
        else:
            block = (block & ~63) | (63 - leading_zeros(above))
            bits = load_acquire(book, touched + block)  # as above
    return (block << 6) | (63 - leading_zeros(bits))


@kernel("void(int64, int64, int64, int64)")
def _erase_bit(book, base, key, page):
    """Clear the leaf bit of a level that is empty, unless it comes back meanwhile."""
    leaf = base + (key >> 5) * 2 + 1
    bit = 1 << (key & 31)
    seen = load_acquire(book, leaf)  # before the level is looked at: pairs with the compare-exchange in _link
    while seen & bit != 0 and shift_right_unsigned(load_acquire(book, page + (key & 31)), _QUANTITY_SHIFT) == 0:
        now = cas_acq_rel(book, leaf, seen, seen & ~bit)  # fails if a level was linked in this leaf since
        if now == seen:
            return
        seen = now


@kernel("int64(int64, int64, int64, int64, int64)")
def _link(book, side, base, key, word):
    """Make a level visible to scans; returns the level word, which differs from `word` if it has changed."""
    leaf = base + (key >> 5) * 2 + 1
    bit = 1 << (key & 31)
    seen = load_relaxed(book, leaf)  # relaxed: the compare-exchange decides
    while True:
        # seq_cst: in one order with the mark in _lower, so that its scan sees this bit or we see its mark
        now = cas_seq_cst(book, leaf, seen, (seen | bit) + _LEAF_VERSION)
        if now == seen:
            break
        seen = now
    hint_word = _HINT + side * ISOLATION_WORDS
    hint = load_seq_cst(book, hint_word)  # seq_cst: as above
    while hint & _LOWERING != 0 or hint & _HINT_KEY < key + 1:
        raised = ((hint & -_HINT_VERSION) + _HINT_VERSION) | max(hint & _HINT_KEY, key + 1)
        now = cas_seq_cst(book, hint_word, hint, raised)
        if now == hint:
            break
        hint = now
    level = load_acquire(book, base + (key >> 5) * 2) + (key & 31)  # pairs with the installation of the page
    now = cas_acq_rel(book, level, word, word | _LINKED)  # publishes bit and hint to whoever sees the mark
    return word if now == word else now


@kernel("UniTuple(int64, 4)(int64, int64, int64, int64)")
def _scan(book, side, base, start):
    """The highest linked level at or below key `start`: (key, word, leaf versions added up, leaf bits added up).

    Two scans from the same start with the same result saw the same leaves: versions only grow, and between equal
    versions bits only go. The key is _NONE, or _CHANGED after a level had to be linked: scan again.
    """
    versions, occupancy, key = 0, 0, start
    while key >= 0:
        run = key >> 5
        leaf = load_seq_cst(book, base + run * 2 + 1)  # seq_cst: in one order with the mark of _lower, see _link
        versions += shift_right_unsigned(leaf, 32)
        occupancy += leaf & _OCCUPANCY
        bits = leaf & ((2 << (key & 31)) - 1)
        while bits != 0:
            slot = 63 - leading_zeros(bits)
            page = load_acquire(book, base + run * 2)  # pairs with the installation of the page
            word = load_acquire(book, page + slot)  # pairs with the swap in _update
            if shift_right_unsigned(word, _QUANTITY_SHIFT) != 0:
                found = (run << 5) | slot
                if word & _LINKED != 0:
                    return found, word, versions, occupancy
                if shift_right_unsigned(_link(book, side, base, found, word), _QUANTITY_SHIFT) == 0:
                    _erase_bit(book, base, found, page)  # deleted while we linked it
                return _CHANGED, 0, 0, 0
            bits ^= 1 << slot
        key = (_touched_below(book, base, run) << 5) | 31
    return _NONE, 0, versions, occupancy


@kernel("void(int64, int64, int64)")
def _lower(book, side, base):
    """Move the hint of a side down to its highest level."""
    hint_word = _HINT + side * ISOLATION_WORDS
    for _ in range(_LOWER_ATTEMPTS):
        hint = load_seq_cst(book, hint_word)
        start = (hint & _HINT_KEY) - 1
        marked = ((hint & -_HINT_VERSION) + _HINT_VERSION) | _LOWERING | (start + 1)
        if cas_seq_cst(book, hint_word, hint, marked) != hint:
            continue
        key = _scan(book, side, base, start)[0]
        lowered = (marked & -_HINT_VERSION) | (key + 1)
        if key != _CHANGED and cas_seq_cst(book, hint_word, marked, lowered) == marked:
            return


@kernel("void(int64, int64, int64, int64, int64)")
def _erase(book, side, base, key, page):
    """Take an empty level out of the scans."""
    _erase_bit(book, base, key, page)
    if load_seq_cst(book, _HINT + side * ISOLATION_WORDS) & _HINT_KEY == key + 1:
        _lower(book, side, base)


@kernel("void(int64, int64, int64, int64)")
def _count(book, thread, side, change):
    word = _COUNTS + thread * ISOLATION_WORDS + side
    store_relaxed(book, word, load_relaxed(book, word) + change)  # relaxed: only this thread writes it, sums are estimates


@kernel("void(int64, int64, int64, int64, int64)")
def _make_visible(book, side, base, key, word):
    """Link a level whose word was seen unlinked, and take it out again if it was deleted meanwhile."""
    now = _link(book, side, base, key, word)
    if shift_right_unsigned(now, _QUANTITY_SHIFT) == 0:
        # Its eraser may have cleared the leaf bit before it was set here.
        _erase(book, side, base, key, load_acquire(book, base + (key >> 5) * 2))


@kernel("void(int64, int64, int64, int64, int64, int64, int64)")
def _set_level(book, thread, side, base, key, quantity_lots, sequence):
    """Swap the level word, unless a newer update has, and keep leaf bits and hint in step."""
    page = load_acquire(book, base + (key >> 5) * 2)  # pairs with the installation of the page
    if page == 0:
        return  # a delete, and nobody with an older number can have installed a page: there is nothing to delete
    level = page + (key & 31)
    before = load_acquire(book, level)  # pairs with the swap below
    while True:
        was_there = shift_right_unsigned(before, _QUANTITY_SHIFT) != 0
        if (sequence - before) & _STAMP > _STAMP >> 1:
            # A newer update is there and this one counts as overwritten at once: the newer must be visible when we return.
            if was_there and before & _LINKED == 0:
                _make_visible(book, side, base, key, before)
            return
        after = (quantity_lots << _QUANTITY_SHIFT) | (sequence & _STAMP)
        if quantity_lots != 0:
            after |= before & _LINKED
        seen = cas_acq_rel(book, level, before, after)  # publishes the level to _scan
        if seen == before:
            break
        before = seen
    if quantity_lots == 0:
        if was_there:
            _count(book, thread, side, -1)
            _erase(book, side, base, key, page)
        return
    if not was_there:
        _count(book, thread, side, 1)
    if after & _LINKED == 0:
        _make_visible(book, side, base, key, after)


@kernel(contract.UPDATE)
def _update(book, thread, side, price_ticks, quantity_lots):
    capacity = load_plain(book, _CAPACITY)
    outside = (price_ticks < 0) | (price_ticks >= capacity) | (quantity_lots < 0) | (quantity_lots > MAX_QUANTITY_LOTS)
    if outside | (side < 0) | (side > 1) | (thread < 0) | (thread >= load_plain(book, _THREADS)):
        return REJECTED
    key = price_ticks ^ ((capacity - 1) & -side)
    base = _base(book, side)
    if quantity_lots != 0 and _page_of(book, base, key) == 0:
        return FULL
    # The page is there before the number is taken: who deletes a level and finds no page knows that no older update
    # of it is on its way. acq_rel: orders the number between the page and the swap of the word.
    sequence = fetch_add_acq_rel(book, _SEQUENCE, 1) + 1
    _set_level(book, thread, side, base, key, quantity_lots, sequence)
    publish_shared(book + load_plain(book, _RING), sequence, side, price_ticks, quantity_lots)
    return sequence


@kernel("void(int64, int64, int64, int64, int64, int64)")
def _write_level(out, row, side, capacity, key, word):
    price_ticks = NO_PRICE_TICKS if key < 0 else key ^ ((capacity - 1) & -side)
    store_plain(out, 2 * row, price_ticks)
    store_plain(out, 2 * row + 1, shift_right_unsigned(word, _QUANTITY_SHIFT))


@kernel(contract.BEST)
def _best(book, _thread, out):
    bid_base, ask_base = _base(book, 0), _base(book, 1)
    while True:
        bid_hint = load_seq_cst(book, _HINT)
        ask_hint = load_seq_cst(book, _HINT + ISOLATION_WORDS)
        bid_start, ask_start = (bid_hint & _HINT_KEY) - 1, (ask_hint & _HINT_KEY) - 1
        bid = _scan(book, 0, bid_base, bid_start)
        ask = _scan(book, 1, ask_base, ask_start)
        # Between here and the second scans lies the moment at which both answers stood, if nothing has changed.
        same = bid == _scan(book, 0, bid_base, bid_start) and ask == _scan(book, 1, ask_base, ask_start)
        same = same and load_seq_cst(book, _HINT) == bid_hint and load_seq_cst(book, _HINT + ISOLATION_WORDS) == ask_hint
        if same and bid[0] != _CHANGED and ask[0] != _CHANGED:
            break
    capacity = load_plain(book, _CAPACITY)
    _write_level(out, 0, 0, capacity, bid[0], bid[1])
    _write_level(out, 1, 1, capacity, ask[0], ask[1])
    if bid_start - bid[0] > _HINT_STRAY:
        _lower(book, 0, bid_base)
    if ask_start - ask[0] > _HINT_STRAY:
        _lower(book, 1, ask_base)
    return 0


@kernel("UniTuple(int64, 5)(int64, int64, int64, int64)")
def _collect(book, side, n, out):
    """Scan the best `n` levels into `out`: (levels or _CHANGED, hint, versions, bits, stamps added up)."""
    base, capacity = _base(book, side), load_plain(book, _CAPACITY)
    hint = load_seq_cst(book, _HINT + side * ISOLATION_WORDS)
    start, count, versions, occupancy, stamps = (hint & _HINT_KEY) - 1, 0, 0, 0, 0
    while count < n:
        key, word, more_versions, more_occupancy = _scan(book, side, base, start)
        versions += more_versions
        occupancy += more_occupancy
        if key < 0:
            return (count if key == _NONE else _CHANGED), hint, versions, occupancy, stamps
        _write_level(out, count, side, capacity, key, word)
        stamps += word & _STAMP
        start = key - 1
        count += 1
    return count, hint, versions, occupancy, stamps


@kernel(contract.TOP)
def _top(book, _thread, side, n, out):
    for _ in range(_TOP_ATTEMPTS):
        first = _collect(book, side, n, out)
        if first[0] != _CHANGED and _collect(book, side, n, out) == first:
            return first[0]
    return BUSY


@kernel(contract.LEVEL_COUNT)
def _level_count(book, _thread, side):
    total = 0
    for thread in range(load_plain(book, _THREADS)):
        total += load_relaxed(book, _COUNTS + thread * ISOLATION_WORDS + side)  # relaxed: an estimate while others write
    return total


@kernel(contract.SEQUENCE)
def _sequence(book, _thread):
    return load_acquire(book, _SEQUENCE)  # pairs with the taking of numbers in _update


@variant(
    "order_book",
    runtime="native",
    example_of="integer-tick ladder, many writers, one atomic word a level",
    capabilities=("concurrent_readers", "concurrent_writers", "events"),
)
def lockfree_ladder(config: contract.BookConfig) -> contract.NativeBook:
    """A book for any number of writers and readers, without locks."""
    capacity = config.price_capacity_ticks
    pages = _COUNTS + config.threads * ISOLATION_WORDS + 2 * _side_words(capacity)
    pages += -pages % _PAGE_WORDS
    end = pages + _PAGE_WORDS * min(2 * config.level_capacity, capacity // 16)
    block = Block(end + event_ring_words(config.event_capacity))
    words = block.array
    words[_CAPACITY], words[_END], words[_RING], words[_THREADS] = (
        capacity,
        end,
        WORD_BYTES * end,
        config.threads,
    )
    words[_FRESH_PAGE] = pages
    initialise_events(block.address + WORD_BYTES * end, config.event_capacity)
    return contract.NativeBook(block, _update, _best, _top, _level_count, _sequence, events=end)
