"""The plan's "current": a compiled hash map a side and the best prices, all under one mutex.

Prices are keys of an open-addressing table (multiplicative hash, linear probing, a delete shifts the
followers back, so there are no tombstones and no rehashing). The best price of a side is remembered; when its
level is deleted, the next one is looked for tick by tick, as hash-map books do, and after 4,096 empty ticks
by a scan of the whole table.

    line pair 0   the pthread mutex                            every thread, each call
    line pair 1   sequence, best price and level count of bids and of asks, capacities
    then          tables of bids and of asks, at most half full: price + 1 (0: empty slot) | quantity
    then          events

What a concurrent reader may see: every kernel holds the mutex, so a reader sees the book between two updates,
both sides of one moment, never a price with another level's quantity. Readers exclude each other too, and
wait for a preempted holder.
"""

from tickbench.components.order_book import contract
from tickbench.components.order_book.events import event_ring_words, initialise_events, publish_single
from tickbench.kernels.atomics import load_plain, store_plain
from tickbench.kernels.bits import shift_right_unsigned
from tickbench.kernels.jit import kernel
from tickbench.kernels.locks import pthread_mutex_init, pthread_mutex_lock, pthread_mutex_unlock
from tickbench.kernels.memory import ISOLATION_WORDS, WORD_BYTES, Block
from tickbench.registry import variant

_BID, _ASK, _NO_PRICE_TICKS = contract.BID, contract.ASK, contract.NO_PRICE_TICKS
_REJECTED, _FULL, _MAX_QUANTITY_LOTS = contract.REJECTED, contract.FULL, contract.MAX_QUANTITY_LOTS

_LOCK = 0
_SEQUENCE, _BEST, _COUNT = (ISOLATION_WORDS + offset for offset in (0, 1, 3))  # best and count: one word a side
_PRICE_CAPACITY, _LEVEL_CAPACITY, _SLOTS, _HASH_SHIFT, _EVENTS = (ISOLATION_WORDS + 5 + k for k in range(5))
_TABLES = 2 * ISOLATION_WORDS
_HASH_FACTOR = 0x9E3779B97F4A7C15 - (1 << 64)  # 2^64 / golden ratio (Knuth, TAOCP 3, 6.4), as a signed word
_MOST_EMPTY_TICKS = 4096  # of a walk before the whole table is scanned instead: both cost some 10 µs


@kernel("int64(int64, int64)")
def _table(book, side):
    """Address of a side's table."""
    return book + 8 * (_TABLES + 2 * side * load_plain(book, _SLOTS))


@kernel("int64(int64, int64)")
def _home(book, price_ticks):
    return shift_right_unsigned(price_ticks * _HASH_FACTOR, load_plain(book, _HASH_SHIFT))


@kernel("int64(int64, int64, int64)")
def _find(book, table, price_ticks):
    """Slot of the price, or the empty slot where it belongs."""
    mask = load_plain(book, _SLOTS) - 1
    slot = _home(book, price_ticks)
    while True:
        key = load_plain(table, 2 * slot)
        if key == price_ticks + 1 or key == 0:
            return slot
        slot = (slot + 1) & mask


@kernel("int64(int64, int64, int64)")
def _remove(book, table, slot):
    """Empty a slot, and move back each follower that could no longer be found across the hole."""
    mask = load_plain(book, _SLOTS) - 1
    hole, follower = slot, (slot + 1) & mask
    while load_plain(table, 2 * follower) != 0:
        home = _home(book, load_plain(table, 2 * follower) - 1)
        if (follower - home) & mask >= (follower - hole) & mask:
            store_plain(table, 2 * hole, load_plain(table, 2 * follower))
            store_plain(table, 2 * hole + 1, load_plain(table, 2 * follower + 1))
            hole = follower
        follower = (follower + 1) & mask
    store_plain(table, 2 * hole, 0)
    return 0


@kernel("int64(int64, int64, int64)")
def _next_worse(book, side, price_ticks):
    """Price of the best level that is worse than `price_ticks`, NO_PRICE_TICKS if there is none."""
    table, step = _table(book, side), 2 * side - 1
    end = load_plain(book, _PRICE_CAPACITY) if side == _ASK else -1
    for _ in range(_MOST_EMPTY_TICKS):
        price_ticks += step
        if price_ticks == end:
            return _NO_PRICE_TICKS
        if load_plain(table, 2 * _find(book, table, price_ticks)) != 0:
            return price_ticks
    nearest = end
    for slot in range(load_plain(book, _SLOTS)):
        candidate = load_plain(table, 2 * slot) - 1
        if candidate >= 0 and (candidate - price_ticks) * step > 0 and (candidate - nearest) * step < 0:
            nearest = candidate
    return _NO_PRICE_TICKS if nearest == end else nearest


@kernel("int64(int64, int64, int64, int64)")
def _set_level(book, side, price_ticks, quantity_lots):
    """Change the table, the level count and the best price; 0 or FULL."""
    table = _table(book, side)
    slot = _find(book, table, price_ticks)
    missing = load_plain(table, 2 * slot) == 0
    count, best = load_plain(book, _COUNT + side), load_plain(book, _BEST + side)
    if quantity_lots == 0:
        if missing:
            return 0
        _remove(book, table, slot)
        store_plain(book, _COUNT + side, count - 1)
        if price_ticks == best:
            next_best = _NO_PRICE_TICKS if count == 1 else _next_worse(book, side, best)
            store_plain(book, _BEST + side, next_best)
        return 0
    if missing:
        if count == load_plain(book, _LEVEL_CAPACITY):
            return _FULL
        store_plain(table, 2 * slot, price_ticks + 1)
        store_plain(book, _COUNT + side, count + 1)
        if count == 0 or (price_ticks > best) == (side == _BID):
            store_plain(book, _BEST + side, price_ticks)
    store_plain(table, 2 * slot + 1, quantity_lots)
    return 0


@kernel(contract.UPDATE)
def _update(book, thread, side, price_ticks, quantity_lots):
    if side < _BID or side > _ASK or price_ticks < 0 or price_ticks >= load_plain(book, _PRICE_CAPACITY):
        return _REJECTED
    if quantity_lots < 0 or quantity_lots > _MAX_QUANTITY_LOTS:
        return _REJECTED
    pthread_mutex_lock(book, _LOCK)
    result = _set_level(book, side, price_ticks, quantity_lots)
    if result == 0:
        result = load_plain(book, _SEQUENCE) + 1
        store_plain(book, _SEQUENCE, result)
        publish_single(book + 8 * load_plain(book, _EVENTS), result, side, price_ticks, quantity_lots)
    pthread_mutex_unlock(book, _LOCK)
    return result


@kernel(contract.TOP)
def _top(book, thread, side, n, out):
    pthread_mutex_lock(book, _LOCK)
    table, price_ticks, found = _table(book, side), load_plain(book, _BEST + side), 0
    while found < n and price_ticks != _NO_PRICE_TICKS:
        store_plain(out, 2 * found, price_ticks)
        store_plain(out, 2 * found + 1, load_plain(table, 2 * _find(book, table, price_ticks) + 1))
        found += 1
        if found < n:
            price_ticks = _next_worse(book, side, price_ticks)
    pthread_mutex_unlock(book, _LOCK)
    return found


@kernel(contract.BEST)
def _best(book, thread, out):
    pthread_mutex_lock(book, _LOCK)
    for side in range(2):
        price_ticks, table = load_plain(book, _BEST + side), _table(book, side)
        store_plain(out, 2 * side, price_ticks)
        empty = price_ticks == _NO_PRICE_TICKS
        store_plain(out, 2 * side + 1, 0 if empty else load_plain(table, 2 * _find(book, table, price_ticks) + 1))
    pthread_mutex_unlock(book, _LOCK)
    return 0


@kernel(contract.LEVEL_COUNT)
def _level_count(book, thread, side):
    pthread_mutex_lock(book, _LOCK)
    count = load_plain(book, _COUNT + side)
    pthread_mutex_unlock(book, _LOCK)
    return count


@kernel(contract.SEQUENCE)
def _sequence(book, thread):
    pthread_mutex_lock(book, _LOCK)
    sequence = load_plain(book, _SEQUENCE)
    pthread_mutex_unlock(book, _LOCK)
    return sequence


@variant(
    "order_book",
    runtime="native",
    example_of="hash map and best tracking under a mutex: the plan's current book",
    capabilities=("concurrent_readers", "concurrent_writers", "events"),
    reference=True,
)
def mutex_hash(config: contract.BookConfig) -> contract.NativeBook:
    """Make an empty book."""
    slots_log2 = (2 * config.level_capacity - 1).bit_length()  # at most half full
    events = _TABLES + 4 * (1 << slots_log2)
    block = Block(events + event_ring_words(config.event_capacity))
    words = block.array
    words[_BEST : _BEST + 2] = _NO_PRICE_TICKS
    words[_PRICE_CAPACITY], words[_LEVEL_CAPACITY] = config.price_capacity_ticks, config.level_capacity
    words[_SLOTS], words[_HASH_SHIFT], words[_EVENTS] = 1 << slots_log2, 64 - slots_log2, events
    pthread_mutex_init(block.address, _LOCK, 0)
    initialise_events(block.address + WORD_BYTES * events, config.event_capacity)
    return contract.NativeBook(block, _update, _best, _top, _level_count, _sequence, events=events)
