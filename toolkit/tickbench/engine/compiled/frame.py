"""The kernels for messages: `on_feed` for a frame of the feed, `on_report` for a report. They allocate nothing.

    frame --parse--> levels --order_book--> quote --signal--> intent --risk--> order --serialise--> AT_MESSAGE
                                                                 |
                                      queue of the symbol <------+ while an order of it is in flight

The stages are called through the addresses in the engine's block. Between them lie readings of the clock, each into the slot of
the stage before it. A stage that a frame does not reach records nothing.
"""

from tickbench.components.codec import contract as codec
from tickbench.components.codec import layout as wire
from tickbench.components.order_book.contract import ASK, BID
from tickbench.components.positions.accounting import MAX_LOTS
from tickbench.engine import protocol
from tickbench.engine.compiled import layout as at
from tickbench.engine.compiled.signal import count, decide, dispatch_waiting, record_of, submit
from tickbench.engine.pages import STAGES
from tickbench.kernels.atomics import load_plain, store_plain
from tickbench.kernels.calls import call_3, call_4, call_5
from tickbench.kernels.jit import kernel
from tickbench.kernels.simd import store1
from tickbench.probe import record as probe

_FEED_HEADER, _TICKER_HEADER, _TRADE_HEADER = protocol.FEED_HEADER, protocol.TICKER_HEADER, protocol.TRADE_HEADER
_REPORT_HEADER, _SNAPSHOT = protocol.REPORT_HEADER, protocol.SNAPSHOT_FLAG
_NUMBER, _PREVIOUS, _FLAGS = protocol.FEED_NUMBER, protocol.FEED_PREVIOUS_ID, protocol.FEED_FLAGS
_ENVELOPE_BYTES, _FIXED_BYTES = protocol.FEED_ENVELOPE_BYTES, protocol.TICKER_BYTES
_REPORT_BYTES = protocol.REPORT_BYTES
_T_ID, _T_SYMBOL, _T_BID = protocol.TICKER_ID, protocol.TICKER_SYMBOL, protocol.BID_TICKS
_R_ID, _R_SYMBOL, _R_KIND = protocol.REPORT_ID, protocol.REPORT_SYMBOL, protocol.REPORT_KIND
_R_PRICE, _R_LOTS = protocol.REPORT_PRICE, protocol.REPORT_LOTS
_ACK, _FILL, _REJECT, _EXPIRED, _CANCELLED = (
    protocol.ACK,
    protocol.FILL,
    protocol.REJECT,
    protocol.EXPIRED,
    protocol.CANCELLED,
)
_BUY = codec.BUY
# Of a depth frame in place, in words (`components.codec.layout`), and of a record.
_P_FIRST, _P_FINAL, _P_SYMBOL, _P_COUNTS = 1, 2, 4, 5
_P_LEVELS_BYTES, _R_LEVELS_BYTES = wire.DEPTH_HEAD_BYTES, 8 * codec.DEPTH_HEAD_WORDS
_FIRST, _FINAL, _SYMBOL, _BIDS, _ASKS = codec.FIRST_ID, codec.FINAL_ID, codec.DEPTH_SYMBOL, codec.BID_COUNT, codec.ASK_COUNT
_MOST_LEVELS = codec.MOST_LEVELS
_IN_RECORD_WORDS = at.DEPTH_WORDS
_CLEARED_AT_ONCE = at.LEVEL_WORDS // 2
_STAGE_PARSE, _STAGE_BOOK, _STAGE_SIGNAL, _STAGE_FILL, _STAGE_POSITION = (
    1 + STAGES.index(name) for name in ("parse", "order_book", "signal", "fill", "position")
)


@kernel("int64(int64, int64)")
def _find(engine, word):
    """Number of the symbol with these eight bytes, -1 if it is none of ours. A handful: looked through in turn."""
    for number in range(load_plain(engine, at.SYMBOLS)):
        if load_plain(record_of(engine, number), at.SYMBOL) == word:
            return number
    return -1


@kernel("int64(int64, int64)")
def _clear_side(engine, symbol_and_side):
    """Delete every level of a side (its number is the lowest bit, below the record's address)."""
    symbol, side = symbol_and_side & ~1, symbol_and_side & 1
    book, levels, update = load_plain(symbol, at.BOOK), load_plain(engine, at.AT_LEVELS), load_plain(engine, at.UPDATE)
    while True:
        held = call_5(load_plain(engine, at.TOP), book, 0, side, _CLEARED_AT_ONCE, levels)
        for i in range(held):
            call_5(update, book, 0, side, load_plain(levels, 2 * i), 0)
        if held <= 0 or call_3(load_plain(engine, at.LEVEL_COUNT), book, 0, side) == 0:
            return held


@kernel("int64(int64, int64, int64, int64, int64)")
def _apply(engine, symbol, side, levels, n):
    """Set n levels of a side; returns how many the book refused."""
    book, update, refused = load_plain(symbol, at.BOOK), load_plain(engine, at.UPDATE), 0
    for i in range(n):
        refused += call_5(update, book, 0, side, load_plain(levels, 2 * i), load_plain(levels, 2 * i + 1)) < 0
    return refused


@kernel("int64(int64, int64)")
def _read_book(engine, symbol):
    """The book's quote to AT_QUOTE, and the lots of its best levels to BIDS and ASKS."""
    book, best, levels = load_plain(symbol, at.BOOK), load_plain(engine, at.AT_QUOTE), load_plain(engine, at.AT_LEVELS)
    wanted = load_plain(engine, at.LEVELS)
    call_3(load_plain(engine, at.BEST), book, 0, best)
    for side in range(2):
        held = call_5(load_plain(engine, at.TOP), book, 0, side, wanted, levels)
        lots = load_plain(symbol, at.BIDS + side)
        for i in range(wanted):
            store1(float(load_plain(levels, 2 * i + 1)) if i < held else 0.0, lots, i)
    return wanted


@kernel("int64(int64, int64, int64)")
def _is_new(engine, symbol, number):
    """Whether a frame's number is above the last one; counts what is missing between the two, or that it is late."""
    last = load_plain(symbol, at.NUMBER)
    if number <= last:
        count(engine, at.LATE, 1)
        return 0
    if last >= 0:
        count(engine, at.LOST, number - last - 1)
    store_plain(symbol, at.NUMBER, number)
    return 1


@kernel("int64(int64, int64, int64, int64, int64, int64)")
def _follows(engine, symbol, snapshot, first, final, previous):
    """1 if a depth frame is to be applied, 0 if it is to be dropped, RESYNC after a gap."""
    last = load_plain(symbol, at.LAST_ID)
    if snapshot != 0:
        count(engine, at.SNAPSHOTS, 1)
        store_plain(symbol, at.TRUSTED, 1)
        store_plain(symbol, at.QUOTE_ID, 0)
        return 1
    if load_plain(symbol, at.TRUSTED) == 0:
        count(engine, at.UNTRUSTED, 1)
        return 0
    if final <= last:
        count(engine, at.LATE, 1)
        return 0
    if first <= last + 1 or (previous != 0 and previous <= last):
        return 1
    count(engine, at.GAPS, 1)
    store_plain(symbol, at.TRUSTED, 0)
    return at.RESYNC


@kernel("int64(int64, int64, int64)")
def _tick(engine, number_and_id, received):
    """The stages behind a new quote; `number_and_id` is the address of two words, symbol number and update id."""
    number, update_id = load_plain(number_and_id, 0), load_plain(number_and_id, 1)
    symbol, slot = record_of(engine, number), load_plain(engine, at.S_SIGNAL)
    probe.stage(load_plain(engine, at.S_MESSAGE), _STAGE_SIGNAL)
    store_plain(symbol, at.QUOTE_ID, update_id)
    since = probe.now(slot)
    decided = decide(engine, symbol)
    probe.lap(slot, since)
    return submit(engine, number, update_id, received) if decided else at.NOTHING


@kernel("int64(int64, int64, int64, int64, int64)")
def _on_levels(engine, frame, head, levels, received):
    """A depth frame that was parsed: `head` is the address of four words, first and final id, symbol, counts."""
    number = _find(engine, load_plain(head, 2))
    if number < 0:
        count(engine, at.MALFORMED, 1)
        return at.NOTHING
    symbol, slot = record_of(engine, number), load_plain(engine, at.S_BOOK)
    first, final, counts = load_plain(head, 0), load_plain(head, 1), load_plain(head, 3)
    snapshot = load_plain(frame, _FLAGS) & _SNAPSHOT
    if snapshot != 0 and load_plain(symbol, at.TRUSTED) == 0:
        store_plain(symbol, at.NUMBER, load_plain(frame, _NUMBER))  # what mends a gap may have the number of the last frame
    elif _is_new(engine, symbol, load_plain(frame, _NUMBER)) == 0:
        return at.NOTHING
    follows = _follows(engine, symbol, snapshot, first, final, load_plain(frame, _PREVIOUS))
    if follows != 1:
        return follows
    probe.stage(load_plain(engine, at.S_MESSAGE), _STAGE_BOOK)
    since = probe.now(slot)
    if snapshot != 0:
        _clear_side(engine, symbol)
        _clear_side(engine, symbol | 1)
    bids, asks = counts & _MOST_LEVELS, counts >> 16 & _MOST_LEVELS
    refused = _apply(engine, symbol, BID, levels, bids) + _apply(engine, symbol, ASK, levels + 16 * bids, asks)
    _read_book(engine, symbol)
    store_plain(symbol, at.LAST_ID, final)
    count(engine, at.BOOK_REFUSED, refused)
    count(engine, at.DEPTH_FRAMES, 1)
    count(engine, at.LEVEL_UPDATES, bids + asks)
    probe.lap(slot, since)
    if final < load_plain(symbol, at.QUOTE_ID):
        return at.NOTHING
    store_plain(head, 0, number)
    return _tick(engine, head, received)


@kernel("int64(int64, int64, int64, int64)")
def _on_depth(engine, frame, length_bytes, received):
    """A snapshot or a diff: parse it, in place or into the record, and find where its parts lie."""
    body, record, slot = frame + _ENVELOPE_BYTES, load_plain(engine, at.AT_DEPTH), load_plain(engine, at.S_PARSE)
    in_place, head = load_plain(engine, at.IN_PLACE), load_plain(engine, at.AT_ORDER)
    since = probe.now(slot)
    room = head if in_place else _IN_RECORD_WORDS
    if call_4(load_plain(engine, at.PARSE), body, length_bytes - _ENVELOPE_BYTES, record, room) < 0:
        count(engine, at.MALFORMED, 1)
        return at.NOTHING
    if in_place:
        store_plain(head, 0, load_plain(body, _P_FIRST))
        store_plain(head, 1, load_plain(body, _P_FINAL))
        store_plain(head, 2, load_plain(body, _P_SYMBOL))
        store_plain(head, 3, load_plain(body, _P_COUNTS))
        levels = body + _P_LEVELS_BYTES
    else:
        store_plain(head, 0, load_plain(record, _FIRST))
        store_plain(head, 1, load_plain(record, _FINAL))
        store_plain(head, 2, load_plain(record, _SYMBOL))
        store_plain(head, 3, load_plain(record, _BIDS) | load_plain(record, _ASKS) << 16)
        levels = record + _R_LEVELS_BYTES
    store_plain(engine, at.PARSED, probe.lap(slot, since))
    return _on_levels(engine, frame, head, levels, received)


@kernel("int64(int64, int64, int64)")
def _on_ticker(engine, frame, received):
    """A best bid and ask: a tick unless the book's quote is newer."""
    body, slot, quote = frame + _ENVELOPE_BYTES, load_plain(engine, at.S_PARSE), load_plain(engine, at.AT_QUOTE)
    since = probe.now(slot)
    number, update_id = _find(engine, load_plain(body, _T_SYMBOL)), load_plain(body, _T_ID)
    for i in range(at.QUOTE_WORDS):
        store_plain(quote, i, load_plain(body, _T_BID + i))
    store_plain(engine, at.PARSED, probe.lap(slot, since))
    if number < 0:
        count(engine, at.MALFORMED, 1)
        return at.NOTHING
    symbol = record_of(engine, number)
    if _is_new(engine, symbol, load_plain(frame, _NUMBER)) == 0:
        return at.NOTHING
    if load_plain(symbol, at.TRUSTED) == 0 or update_id <= load_plain(symbol, at.QUOTE_ID):
        return at.NOTHING
    head = load_plain(engine, at.AT_ORDER)
    store_plain(head, 0, number)
    store_plain(head, 1, update_id)
    return _tick(engine, head, received)


@kernel("int64(int64, int64, int64)")
def _on_trade(engine, frame, received):
    """A trade: the strategy has no use for it, but its number counts."""
    number = _find(engine, load_plain(frame + _ENVELOPE_BYTES, _T_SYMBOL))
    if number < 0:
        count(engine, at.MALFORMED, 1)
        return at.NOTHING
    _is_new(engine, record_of(engine, number), load_plain(frame, _NUMBER))
    return at.NOTHING


@kernel("int64(int64, int64, int64, int64)")
def on_feed(engine, frame, length_bytes, received):
    """Take a frame of the feed (its address is a multiple of 8); ORDER, NOTHING or RESYNC."""
    slot = load_plain(engine, at.S_MESSAGE)
    probe.begin(slot)
    probe.stage(slot, _STAGE_PARSE)
    store_plain(engine, at.PARSED, 0)
    count(engine, at.FRAMES, 1)
    result, body = at.NOTHING, frame + _ENVELOPE_BYTES
    if length_bytes < _ENVELOPE_BYTES + _P_LEVELS_BYTES or load_plain(frame, 0) != _FEED_HEADER:
        count(engine, at.MALFORMED, 1)
    elif length_bytes == _ENVELOPE_BYTES + _FIXED_BYTES and load_plain(body, 0) == _TICKER_HEADER:
        result = _on_ticker(engine, frame, received)
    elif length_bytes == _ENVELOPE_BYTES + _FIXED_BYTES and load_plain(body, 0) == _TRADE_HEADER:
        result = _on_trade(engine, frame, received)
    else:
        result = _on_depth(engine, frame, length_bytes, received)
    if load_plain(engine, at.PARSED) != 0:
        probe.lap(load_plain(engine, at.S_COMPILED), load_plain(engine, at.PARSED))
    probe.end(slot)
    return result


@kernel("int64(int64, int64, int64)")
def _settle(engine, number, report):
    """Account the outcome of the order in flight: a fill moves the position."""
    symbol, kind = record_of(engine, number), load_plain(report, _R_KIND) & 0xFF
    if kind == _FILL:
        slot = load_plain(engine, at.S_POSITION)
        probe.stage(load_plain(engine, at.S_MESSAGE), _STAGE_POSITION)
        since = probe.now(slot)
        lots = load_plain(report, _R_LOTS)
        signed = lots if load_plain(symbol, at.FLIGHT_SIDE) == _BUY else -lots
        fill, positions = load_plain(engine, at.FILL), load_plain(engine, at.POSITIONS)
        held = call_4(fill, positions, load_plain(symbol, at.SYMBOL), signed, load_plain(report, _R_PRICE))
        if held < -MAX_LOTS:
            count(engine, at.FILL_REFUSED, 1)
        else:
            store_plain(symbol, at.POSITION, held)
        probe.lap(slot, since)
        probe.lap(load_plain(engine, at.S_TICK_TO_FILL), load_plain(symbol, at.FLIGHT_RECEIVED))
        count(engine, at.FILLS, 1)
    elif kind == _REJECT:
        count(engine, at.REJECTED, 1)
    else:
        count(engine, at.EXPIRED if kind == _EXPIRED else at.CANCELLED, 1)
    store_plain(symbol, at.IN_FLIGHT, 0)
    return kind


@kernel("int64(int64, int64, int64)")
def on_report(engine, report, length_bytes):
    """Take a report (its address is a multiple of 8); ORDER if an intent that waited for it is to be sent now."""
    if length_bytes != _REPORT_BYTES or load_plain(report, 0) != _REPORT_HEADER:
        count(engine, at.MALFORMED, 1)
        return at.NOTHING
    kind = load_plain(report, _R_KIND) & 0xFF
    if kind == _ACK:
        count(engine, at.ACKS, 1)
        return at.NOTHING
    slot = load_plain(engine, at.S_FILL)
    since = probe.now(slot)
    number = _find(engine, load_plain(report, _R_SYMBOL))
    if number < 0 or kind > _CANCELLED or load_plain(record_of(engine, number), at.IN_FLIGHT) != load_plain(report, _R_ID):
        count(engine, at.STRAY, 1)
        return at.NOTHING
    probe.begin(load_plain(engine, at.S_MESSAGE))
    probe.stage(load_plain(engine, at.S_MESSAGE), _STAGE_FILL)
    _settle(engine, number, report)
    probe.lap(slot, since)
    probe.cancel(load_plain(engine, at.S_MESSAGE))
    return dispatch_waiting(engine, number)


@kernel("int64(int64, int64)")
def on_sent(engine, since):
    """The order was handed to the network, which began at `since`."""
    store_plain(engine, at.SENDING, 0)
    slot = at.S_ORDER_WAIT if load_plain(engine, at.HAS_WAITED) else at.S_RECEIVE_TO_SEND
    probe.lap(load_plain(engine, slot), load_plain(engine, at.ORDER_RECEIVED))
    return probe.lap(load_plain(engine, at.S_SEND), since)
