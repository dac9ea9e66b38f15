"""The range-of-interest depth of hftbacktest (Rust): a dense vector of quantities a side, level by level.

The package exports readers of a depth but no function that updates one: a depth changes only inside a
backtest that replays an event array. It doesn't copy the array, though, so this variant owns it, writes each
level update into the next row and lets the backtest go on by one event. So an update also pays for the event
loop of the backtest: about 24 of 38 ns where this was written. The events carry no exchange flag, so that
only the local side of the simulation works. Tick and lot size are 1.0 and all numbers stay below 2^53:
integers pass through its doubles unchanged.

hftbacktest lets a new bid push the best ask aside where they cross; in our contract the sides are
independent. Asks are kept `price_capacity_ticks` higher, so that the sides never meet. A level outside the
range is dropped in silence, which our contract does not allow, so the range is all prices that the config
allows, for both sides: 32 bytes of memory a tick of price capacity, and a config that needs over 2 GiB is
refused. After 2^28 updates the replay ends and the book is FULL.

    line pair 0   backtest, depth, sequence, price capacity, addresses of the bid and of the ask vector
    then          the event array, rows of 8 words: flags | exchange time | local time | price | quantity

`top` walks the vector, `level_count` reads all of it. Single-threaded: a concurrent reader may see anything,
also torn pairs. No events: the depth has no sequence number, the one given here is the time of the backtest.
"""

import ctypes
import weakref

import numpy as np
from hftbacktest import (
    BUY_EVENT,
    DEPTH_EVENT,
    EXCH_EVENT,
    LOCAL_EVENT,
    SELL_EVENT,
    BacktestAsset,
    _hftbacktest,
)
from numba import types

from tickbench.components.order_book import contract
from tickbench.errors import NotMeasurableError
from tickbench.kernels.atomics import load_plain, store_plain
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_WORDS, WORD_BYTES, Block
from tickbench.registry import variant

# Kernels find the library's functions by name, so its symbols must be visible to the whole process.
_library = ctypes.CDLL(_hftbacktest.__file__, mode=ctypes.RTLD_GLOBAL)
_wait_next_feed = types.ExternalFunction("roivecbt_wait_next_feed", types.int64(types.int64, types.boolean, types.int64))
_best_bid = types.ExternalFunction("roivecdepth_best_bid_tick", types.int64(types.int64))
_best_ask = types.ExternalFunction("roivecdepth_best_ask_tick", types.int64(types.int64))
_bid_lots = types.ExternalFunction("roivecdepth_bid_qty_at_tick", types.float64(types.int64, types.int64))
_ask_lots = types.ExternalFunction("roivecdepth_ask_qty_at_tick", types.float64(types.int64, types.int64))

_BID, _ASK, _NO_PRICE_TICKS = contract.BID, contract.ASK, contract.NO_PRICE_TICKS
_REJECTED, _FULL, _MAX_QUANTITY_LOTS = contract.REJECTED, contract.FULL, contract.MAX_QUANTITY_LOTS
_NO_BID, _NO_ASK = -(1 << 63), (1 << 63) - 1  # what it returns for an empty side

_BACKTEST, _DEPTH, _SEQUENCE, _PRICE_CAPACITY, _VECTORS = range(5)  # vectors: one word a side
_EVENTS = ISOLATION_WORDS
_EVENT_WORDS, _FLAGS, _EXCHANGE_TIME, _LOCAL_TIME, _PRICE, _QUANTITY = 8, 0, 1, 2, 3, 4
_ROWS, _LAPS = 1 << 15, 1 << 13  # 2 MiB that stay in the cache; a change of laps costs it 10 µs
_BID_FLAGS, _ASK_FLAGS = LOCAL_EVENT | DEPTH_EVENT | BUY_EVENT, LOCAL_EVENT | DEPTH_EVENT | SELL_EVENT
_NEVER = 1 << 62  # a time that no event reaches
_NO_LIMIT = 1 << 60
_MOST_PRICES = 1 << 26


@kernel(contract.UPDATE)
def _update(book, thread, side, price_ticks, quantity_lots):
    capacity = load_plain(book, _PRICE_CAPACITY)
    if side < _BID or side > _ASK or price_ticks < 0 or price_ticks >= capacity:
        return _REJECTED
    if quantity_lots < 0 or quantity_lots > _MAX_QUANTITY_LOTS:
        return _REJECTED
    sequence = load_plain(book, _SEQUENCE) + 1
    if sequence >= _ROWS * _LAPS:
        return _FULL
    row = _EVENTS + _EVENT_WORDS * ((sequence - 1) & (_ROWS - 1))
    store_plain(book, row + _FLAGS, _BID_FLAGS if side == _BID else _ASK_FLAGS)
    store_plain(book, row + _PRICE, np.float64(price_ticks + side * capacity).view(np.int64))
    store_plain(book, row + _QUANTITY, np.float64(quantity_lots).view(np.int64))
    next_row = _EVENTS + _EVENT_WORDS * (sequence & (_ROWS - 1))
    store_plain(book, next_row + _LOCAL_TIME, sequence + 1)  # the backtest looks ahead for the time of the next event
    store_plain(book, _SEQUENCE, sequence)
    _wait_next_feed(load_plain(book, _BACKTEST), False, _NO_LIMIT)
    return sequence


@kernel(contract.BEST)
def _best(book, thread, out):
    depth = load_plain(book, _DEPTH)
    bid, ask = _best_bid(depth), _best_ask(depth)
    store_plain(out, 0, _NO_PRICE_TICKS if bid == _NO_BID else bid)
    store_plain(out, 1, 0 if bid == _NO_BID else np.int64(_bid_lots(depth, bid)))
    store_plain(out, 2, _NO_PRICE_TICKS if ask == _NO_ASK else ask - load_plain(book, _PRICE_CAPACITY))
    store_plain(out, 3, 0 if ask == _NO_ASK else np.int64(_ask_lots(depth, ask)))
    return 0


@kernel(contract.TOP)
def _top(book, thread, side, n, out):
    depth, shift = load_plain(book, _DEPTH), side * load_plain(book, _PRICE_CAPACITY)
    tick = _best_bid(depth) if side == _BID else _best_ask(depth)
    if tick == _NO_BID or tick == _NO_ASK:
        return 0
    step, end, found = 2 * side - 1, 2 * shift if side == _ASK else -1, 0
    vector = load_plain(book, _VECTORS + side)
    while tick != end and found < n:
        quantity_lots = np.int64(np.int64(load_plain(vector, tick)).view(np.float64))
        if quantity_lots > 0:
            store_plain(out, 2 * found, tick - shift)
            store_plain(out, 2 * found + 1, quantity_lots)
            found += 1
        tick += step
    return found


@kernel(contract.LEVEL_COUNT)
def _level_count(book, thread, side):
    capacity, vector = load_plain(book, _PRICE_CAPACITY), load_plain(book, _VECTORS + side)
    levels = 0
    for price_ticks in range(capacity):
        levels += load_plain(vector, price_ticks + side * capacity) != 0  # 0.0 is all zero bits
    return levels


@kernel(contract.SEQUENCE)
def _sequence(book, thread):
    return load_plain(book, _SEQUENCE)


@variant("order_book", runtime="native", example_of="hftbacktest's ROIVectorMarketDepth (Rust), one thread")
def hftbacktest_roi(config: contract.BookConfig) -> contract.NativeBook:
    """Make an empty book: a backtest of one asset that stands before the first event."""
    prices = config.price_capacity_ticks
    if prices > _MOST_PRICES:
        raise NotMeasurableError(
            f"order_book/hftbacktest_roi: a range of {prices} prices takes {prices >> 25} GiB of vectors; "
            f"give it a price_capacity_ticks of at most {_MOST_PRICES}"
        )
    block = Block(_EVENTS + _ROWS * _EVENT_WORDS)
    rows = block.array[_EVENTS:].reshape(_ROWS, _EVENT_WORDS)
    rows[:, _FLAGS] = LOCAL_EVENT | DEPTH_EVENT
    rows[0, _LOCAL_TIME] = 1
    # Gives the simulated exchange an event to wait for, or it would look for its first one through all laps.
    rows[1, _FLAGS], rows[1, _EXCHANGE_TIME] = rows[1, _FLAGS] | EXCH_EVENT, _NEVER
    asset = BacktestAsset().linear_asset(1.0).constant_order_latency(0, 0).risk_adverse_queue_model()
    asset = asset.no_partial_fill_exchange().trading_value_fee_model(0, 0).last_trades_capacity(0)
    asset = asset.tick_size(1.0).lot_size(1.0).roi_lb(0.0).roi_ub(2.0 * prices - 1)
    for _ in range(_LAPS):
        asset._add_data_ndarray(block.address + WORD_BYTES * _EVENTS, _ROWS)
    backtest = _hftbacktest.build_roivec_backtest([asset])
    for function in (_library.roivecbt_depth, _library.roivecdepth_bid_depth, _library.roivecdepth_ask_depth):
        function.restype, function.argtypes = ctypes.c_int64, (ctypes.c_int64, ctypes.c_int64)
    depth, length = _library.roivecbt_depth(backtest, 0), ctypes.c_int64()
    block.array[[_BACKTEST, _DEPTH, _PRICE_CAPACITY]] = backtest, depth, prices
    block.array[_VECTORS + _BID] = _library.roivecdepth_bid_depth(depth, ctypes.addressof(length))
    block.array[_VECTORS + _ASK] = _library.roivecdepth_ask_depth(depth, ctypes.addressof(length))
    book = contract.NativeBook(block, _update, _best, _top, _level_count, _sequence)
    weakref.finalize(book, _library.roivecbt_close, ctypes.c_void_p(backtest))
    return book
