"""The plan's quick win: a sorted structure a side under an adaptive reader-writer lock (as in parking_lot).

Each side is a B+ tree of two levels: leaves of up to 64 sorted keys with their quantities, and a sorted root
array that says where each leaf begins. A bid's key is its price and an ask's is -1 - price, so that on both
sides the best level is the last key of the last leaf: reading it is O(1), and updates near the touch move few
keys. A full leaf splits in two; after a delete, a leaf that fits into 48 keys together with a neighbour is
merged with it. So two neighbours hold at least 33 keys together, and a pool of one leaf for 16 levels never
runs out before the level capacity does.

    line pair 0   the reader-writer lock                            every thread, each call
    line pair 1   sequence; levels and leaves of bids and of asks; capacities, pool
    then          roots of bids and of asks: lowest key of a leaf (first: any) | leaf | keys in it | unused
    then          leaves, named by word index: 64 keys | 64 quantities; a free one: the next free one
    then          events

What a concurrent reader may see: a writer holds the lock alone, so a reader sees the book between two
updates, both sides of one moment, never a price with another level's quantity. Readers run beside each other
but all write the lock's line.
"""

from tickbench.components.order_book import contract
from tickbench.components.order_book.events import event_ring_words, initialise_events, publish_single
from tickbench.kernels.atomics import load_plain, store_plain
from tickbench.kernels.jit import kernel
from tickbench.kernels.locks import rw_lock_read, rw_lock_write, rw_unlock_read, rw_unlock_write
from tickbench.kernels.memory import ISOLATION_WORDS, WORD_BYTES, Block, round_up_words
from tickbench.registry import variant

_BID, _ASK, _NO_PRICE_TICKS = contract.BID, contract.ASK, contract.NO_PRICE_TICKS
_REJECTED, _FULL, _MAX_QUANTITY_LOTS = contract.REJECTED, contract.FULL, contract.MAX_QUANTITY_LOTS

_LOCK = 0
_SEQUENCE, _LEVELS, _LEAVES = (ISOLATION_WORDS + offset for offset in (0, 1, 3))  # levels, leaves: one word a side
_FREE, _FRESH, _PRICE_CAPACITY, _LEVEL_CAPACITY, _ROOT_WORDS, _EVENTS = (ISOLATION_WORDS + 5 + k for k in range(6))
_ROOTS = 2 * ISOLATION_WORDS
_ENTRY_WORDS, _LEAF, _KEYS = 4, 1, 2  # words of a root entry beside its lowest key
_LEAF_KEYS, _MERGED_KEYS = 64, 48  # 48: a merged leaf has room before it splits again
_LEVELS_A_LEAF = 16  # at least, see above


@kernel("int64(int64, int64, int64)")
def _find_leaf(root, leaves, key):
    """Entry of the leaf where the key is or belongs."""
    entry, span = 0, leaves
    while span > 1:
        half = span >> 1
        if load_plain(root, _ENTRY_WORDS * (entry + half)) <= key:
            entry += half
        span -= half
    return _ENTRY_WORDS * entry


@kernel("int64(int64, int64, int64)")
def _find_key(leaf, keys, key):
    """How many keys of the leaf are smaller."""
    smaller, span = 0, keys
    while span > 0:
        half = span >> 1
        if load_plain(leaf, smaller + half) < key:
            smaller += half + 1
            span -= half + 1
        else:
            span = half
    return smaller


@kernel("int64(int64, int64, int64, int64)")
def _move(words, start, end, by):
    """Move the words from `start` to `end` by `by` places, up or down."""
    if by > 0:
        for index in range(end - 1, start - 1, -1):
            store_plain(words, index + by, load_plain(words, index))
    else:
        for index in range(start, end):
            store_plain(words, index + by, load_plain(words, index))
    return by


@kernel("int64(int64, int64, int64, int64, int64)")
def _append(book, source, start, end, target):
    """Copy the keys from `start` to `end` of a leaf, with their quantities, to an address in another leaf."""
    for index in range(end - start):
        store_plain(target, index, load_plain(book, source + start + index))
        store_plain(target, _LEAF_KEYS + index, load_plain(book, source + _LEAF_KEYS + start + index))
    return end - start


@kernel("int64(int64, int64, int64, int64)")
def _split(book, side, root, entry):
    """Move the upper half of a full leaf to a new one behind it."""
    fresh, end = load_plain(book, _FREE), _ENTRY_WORDS * load_plain(book, _LEAVES + side)
    if fresh != 0:
        store_plain(book, _FREE, load_plain(book, fresh))
    else:
        fresh = load_plain(book, _FRESH)
        store_plain(book, _FRESH, fresh + 2 * _LEAF_KEYS)
    half, new = _LEAF_KEYS // 2, entry + _ENTRY_WORDS
    _append(book, load_plain(root, entry + _LEAF), half, _LEAF_KEYS, book + 8 * fresh)
    _move(root, new, end, _ENTRY_WORDS)
    store_plain(root, new, load_plain(book, fresh))
    store_plain(root, new + _LEAF, fresh)
    store_plain(root, new + _KEYS, half)
    store_plain(root, entry + _KEYS, half)
    store_plain(book, _LEAVES + side, load_plain(book, _LEAVES + side) + 1)
    return 0


@kernel("int64(int64, int64, int64, int64)")
def _merge(book, side, root, entry):
    """Take over the keys of the next leaf, if one of the two is empty or they are few; 1 if so, else 0."""
    end, other = _ENTRY_WORDS * load_plain(book, _LEAVES + side), entry + _ENTRY_WORDS
    if entry < 0 or other == end:
        return 0
    keys, more = load_plain(root, entry + _KEYS), load_plain(root, other + _KEYS)
    if keys + more > _MERGED_KEYS and keys > 0 and more > 0:
        return 0
    leaf, gone = load_plain(root, entry + _LEAF), load_plain(root, other + _LEAF)
    _append(book, gone, 0, more, book + 8 * (leaf + keys))
    store_plain(root, entry + _KEYS, keys + more)
    _move(root, other + _ENTRY_WORDS, end, -_ENTRY_WORDS)
    store_plain(book, _LEAVES + side, load_plain(book, _LEAVES + side) - 1)
    store_plain(book, gone, load_plain(book, _FREE))
    store_plain(book, _FREE, gone)
    return 1


@kernel("int64(int64, int64, int64, int64)")
def _set_level(book, side, price_ticks, quantity_lots):
    """Change the tree and the level count; 0 or FULL."""
    key = price_ticks if side == _BID else -1 - price_ticks
    root, levels = (
        book + 8 * (_ROOTS + side * load_plain(book, _ROOT_WORDS)),
        load_plain(book, _LEVELS + side),
    )
    entry = _find_leaf(root, load_plain(book, _LEAVES + side), key)
    leaf, keys = book + 8 * load_plain(root, entry + _LEAF), load_plain(root, entry + _KEYS)
    place = _find_key(leaf, keys, key)
    if place < keys and load_plain(leaf, place) == key:
        if quantity_lots > 0:
            store_plain(leaf, _LEAF_KEYS + place, quantity_lots)
            return 0
        _move(leaf, place + 1, keys, -1)
        _move(leaf, _LEAF_KEYS + place + 1, _LEAF_KEYS + keys, -1)
        store_plain(root, entry + _KEYS, keys - 1)
        store_plain(book, _LEVELS + side, levels - 1)
        if _merge(book, side, root, entry - _ENTRY_WORDS) == 0:
            _merge(book, side, root, entry)
        return 0
    if quantity_lots == 0:
        return 0
    if levels == load_plain(book, _LEVEL_CAPACITY):
        return _FULL
    if keys == _LEAF_KEYS:
        _split(book, side, root, entry)
        return _set_level(book, side, price_ticks, quantity_lots)
    _move(leaf, place, keys, 1)
    _move(leaf, _LEAF_KEYS + place, _LEAF_KEYS + keys, 1)
    store_plain(leaf, place, key)
    store_plain(leaf, _LEAF_KEYS + place, quantity_lots)
    store_plain(root, entry + _KEYS, keys + 1)
    store_plain(book, _LEVELS + side, levels + 1)
    return 0


@kernel(contract.UPDATE)
def _update(book, thread, side, price_ticks, quantity_lots):
    if side < _BID or side > _ASK or price_ticks < 0 or price_ticks >= load_plain(book, _PRICE_CAPACITY):
        return _REJECTED
    if quantity_lots < 0 or quantity_lots > _MAX_QUANTITY_LOTS:
        return _REJECTED
    rw_lock_write(book, _LOCK)
    result = _set_level(book, side, price_ticks, quantity_lots)
    if result == 0:
        result = load_plain(book, _SEQUENCE) + 1
        store_plain(book, _SEQUENCE, result)
        publish_single(book + 8 * load_plain(book, _EVENTS), result, side, price_ticks, quantity_lots)
    rw_unlock_write(book, _LOCK)
    return result


@kernel("int64(int64, int64, int64, int64)")
def _copy_best(book, side, n, out):
    """Write the best `n` levels of a side to `out`; returns how many there were."""
    root = book + 8 * (_ROOTS + side * load_plain(book, _ROOT_WORDS))
    entry, found = _ENTRY_WORDS * load_plain(book, _LEAVES + side), 0
    while entry > 0 and found < n:
        entry -= _ENTRY_WORDS
        leaf, place = book + 8 * load_plain(root, entry + _LEAF), load_plain(root, entry + _KEYS)
        while place > 0 and found < n:
            place -= 1
            key = load_plain(leaf, place)
            store_plain(out, 2 * found, key if side == _BID else -1 - key)
            store_plain(out, 2 * found + 1, load_plain(leaf, _LEAF_KEYS + place))
            found += 1
    return found


@kernel(contract.TOP)
def _top(book, thread, side, n, out):
    rw_lock_read(book, _LOCK)
    found = _copy_best(book, side, n, out)
    rw_unlock_read(book, _LOCK)
    return found


@kernel(contract.BEST)
def _best(book, thread, out):
    rw_lock_read(book, _LOCK)
    for side in range(2):
        if _copy_best(book, side, 1, out + 16 * side) == 0:
            store_plain(out, 2 * side, _NO_PRICE_TICKS)
            store_plain(out, 2 * side + 1, 0)
    rw_unlock_read(book, _LOCK)
    return 0


@kernel(contract.LEVEL_COUNT)
def _level_count(book, thread, side):
    rw_lock_read(book, _LOCK)
    levels = load_plain(book, _LEVELS + side)
    rw_unlock_read(book, _LOCK)
    return levels


@kernel(contract.SEQUENCE)
def _sequence(book, thread):
    rw_lock_read(book, _LOCK)
    sequence = load_plain(book, _SEQUENCE)
    rw_unlock_read(book, _LOCK)
    return sequence


@variant(
    "order_book",
    runtime="native",
    example_of="B+ tree under a reader-writer lock: the plan's quick win",
    capabilities=("concurrent_readers", "concurrent_writers", "events"),
)
def rwlock_tree(config: contract.BookConfig) -> contract.NativeBook:
    """Make an empty book."""
    leaves = config.level_capacity // _LEVELS_A_LEAF + 2  # a side
    root_words = round_up_words(leaves * _ENTRY_WORDS)
    first_leaf = _ROOTS + 2 * root_words
    events = first_leaf + 2 * leaves * 2 * _LEAF_KEYS
    block = Block(events + event_ring_words(config.event_capacity))
    words = block.array
    words[_PRICE_CAPACITY], words[_LEVEL_CAPACITY] = config.price_capacity_ticks, config.level_capacity
    words[_ROOT_WORDS], words[_EVENTS] = root_words, events
    words[_LEAVES : _LEAVES + 2] = 1  # each side starts with, and always keeps, one leaf
    for side in (_BID, _ASK):
        words[_ROOTS + side * root_words + _LEAF] = first_leaf + side * 2 * _LEAF_KEYS
    words[_FRESH] = first_leaf + 2 * 2 * _LEAF_KEYS
    initialise_events(block.address + WORD_BYTES * events, config.event_capacity)
    return contract.NativeBook(block, _update, _best, _top, _level_count, _sequence, events=events)
