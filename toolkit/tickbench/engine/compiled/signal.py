"""From a quote to an intent, and from an intent to the bytes of an order: `strategy` in kernels."""

import numpy as np

from tickbench.components.codec import contract as codec
from tickbench.components.indicators.contract import PIPELINE_ROWS, PIPELINE_VALUES
from tickbench.components.risk.contract import ACCEPTED
from tickbench.engine import protocol
from tickbench.engine.compiled import layout as at
from tickbench.engine.digest import mix_compiled
from tickbench.engine.strategy import WAITING
from tickbench.kernels.atomics import load_plain, store_plain
from tickbench.kernels.calls import call_3, call_4, call_5, call_6
from tickbench.kernels.jit import kernel
from tickbench.kernels.simd import load1, store1
from tickbench.probe import record as probe

_SCORE = PIPELINE_VALUES - 1  # among a tick's outputs
_ROWS = len(PIPELINE_ROWS)
_ORDER_HEADER, _ENVELOPE_BYTES, _BODY_BYTES = protocol.ORDER_HEADER, protocol.ORDER_ENVELOPE_BYTES, codec.FRAME_STRIDE_BYTES
_ORDER_CAUSE, _ORDER_SEQUENCE = protocol.ORDER_CAUSE, protocol.ORDER_SEQUENCE
_ID, _SYMBOL, _SIDE, _QUANTITY, _PRICE, _TIMESTAMP = (
    codec.ID,
    codec.SYMBOL,
    codec.SIDE,
    codec.QUANTITY,
    codec.PRICE,
    codec.TIMESTAMP_NS,
)
_ID_BITS = 32
_BUY, _SELL = codec.BUY, codec.SELL


@kernel("int64(int64, int64, int64)")
def count(engine, word, number):
    """Add to a counter."""
    store_plain(engine, word, load_plain(engine, word) + number)
    return number


@kernel("int64(int64, int64)")
def record_of(engine, number):
    """Address of the record of symbol `number`."""
    return engine + 8 * (at.GLOBAL_WORDS + number * at.RECORD_WORDS)


@kernel("float64(int64, int64, int64, float64)")
def _windowed_score(engine, symbol, out, price):
    """Put the price into the window and look at all of it again. The buffer is twice as long, and moved when it is full."""
    window, end, prices = load_plain(engine, at.WINDOW), load_plain(symbol, at.PRICE_AT), load_plain(symbol, at.PRICES)
    if end == 2 * window:
        for i in range(window - 1):
            store1(load1(prices, end - window + 1 + i), prices, i)
        end = window - 1
    store1(price, prices, end)
    store_plain(symbol, at.PRICE_AT, end + 1)
    n = min(load_plain(symbol, at.PRICE_COUNT) + 1, window)
    store_plain(symbol, at.PRICE_COUNT, n)
    bids, asks, levels = load_plain(symbol, at.BIDS), load_plain(symbol, at.ASKS), load_plain(engine, at.LEVELS)
    call_6(load_plain(engine, at.PIPELINE), prices + 8 * (end + 1 - n), n, bids, asks, levels, out)
    return load1(out, _ROWS * n + 1)


@kernel("float64(int64, int64, float64)")
def _score(engine, symbol, price):
    out, tick = load_plain(engine, at.AT_OUTPUTS), load_plain(engine, at.TICK)
    if tick == 0:
        return _windowed_score(engine, symbol, out, price)
    bids, asks, levels = load_plain(symbol, at.BIDS), load_plain(symbol, at.ASKS), load_plain(engine, at.LEVELS)
    call_6(tick, load_plain(symbol, at.INDICATOR), price, bids, asks, levels, out)
    return load1(out, _SCORE)


@kernel("float64(int64)")
def _microprice(quote):
    """As `strategy.microprice`."""
    bid, bid_lots, ask, ask_lots = load_plain(quote, 0), load_plain(quote, 1), load_plain(quote, 2), load_plain(quote, 3)
    share = np.float64(bid_lots) / np.float64(bid_lots + ask_lots)
    return np.float64(bid) + np.float64(ask - bid) * share


@kernel("int64(int64, int64, float64)")
def _direction(engine, symbol, score):
    """As `strategy.Crossing`: the direction after this score."""
    enter = np.int64(load_plain(engine, at.ENTER)).view(np.float64)
    leave = np.int64(load_plain(engine, at.EXIT)).view(np.float64)
    direction = load_plain(symbol, at.DIRECTION)
    if score >= enter:
        direction = 1
    elif score <= -enter:
        direction = -1
    elif direction * score < leave:
        direction = 0
    store_plain(symbol, at.DIRECTION, direction)
    return direction


@kernel("int64(int64, int64)")
def decide(engine, symbol):
    """Take the quote at AT_QUOTE as a tick; 1 if it decides an intent, 0 if not."""
    quote = load_plain(engine, at.AT_QUOTE)
    if load_plain(quote, 1) <= 0 or load_plain(quote, 3) <= 0:
        return 0
    count(engine, at.TICKS_SEEN, 1)
    ticks = load_plain(symbol, at.SYMBOL_TICKS) + 1
    store_plain(symbol, at.SYMBOL_TICKS, ticks)
    direction = _direction(engine, symbol, _score(engine, symbol, _microprice(quote)))
    if direction == 0 or ticks - load_plain(symbol, at.DECIDED_AT) < load_plain(engine, at.COOLDOWN):
        return 0
    store_plain(symbol, at.DECIDED_AT, ticks)
    count(engine, at.INTENTS, 1)
    return 1


@kernel("int64(int64, int64)")
def _take_identity(engine, symbol):
    """Number the order in flight and take it into the digest; returns its id."""
    sequence, counter = load_plain(symbol, at.SEQUENCE) + 1, load_plain(engine, at.COUNTER) + 1
    store_plain(symbol, at.SEQUENCE, sequence)
    store_plain(symbol, at.FLIGHT_SEQUENCE, sequence)
    store_plain(engine, at.COUNTER, counter)
    identity = (load_plain(engine, at.SESSION) << _ID_BITS) | counter
    store_plain(symbol, at.IN_FLIGHT, identity)
    state = np.uint64(load_plain(symbol, at.STATE))
    state = mix_compiled(state, np.uint64(load_plain(symbol, at.SYMBOL)))
    state = mix_compiled(state, np.uint64(sequence))
    state = mix_compiled(state, np.uint64(load_plain(symbol, at.FLIGHT_SIDE)))
    state = mix_compiled(state, np.uint64(load_plain(symbol, at.FLIGHT_PRICE)))
    state = mix_compiled(state, np.uint64(load_plain(symbol, at.FLIGHT_LOTS)))
    state = mix_compiled(state, np.uint64(load_plain(symbol, at.FLIGHT_CAUSE)))
    store_plain(symbol, at.STATE, np.int64(state))
    count(engine, at.ORDERS, 1)
    return identity


@kernel("int64(int64, int64)")
def write_order(engine, symbol):
    """Write the message of the order in flight; ORDER. A resend is the same to the byte."""
    order, message = load_plain(engine, at.AT_ORDER), load_plain(engine, at.AT_MESSAGE)
    ticks = load_plain(symbol, at.FLIGHT_PRICE) * load_plain(symbol, at.NUMERATOR)
    price = np.float64(ticks) / np.float64(load_plain(symbol, at.DIVISOR))
    store_plain(order, _ID, load_plain(symbol, at.IN_FLIGHT))
    store_plain(order, _SYMBOL, load_plain(symbol, at.SYMBOL))
    store_plain(order, _SIDE, load_plain(symbol, at.FLIGHT_SIDE))
    store_plain(order, _QUANTITY, load_plain(symbol, at.FLIGHT_LOTS))
    store_plain(order, _PRICE, np.float64(price).view(np.int64))
    store_plain(order, _TIMESTAMP, load_plain(symbol, at.FLIGHT_TIME_NS))
    store_plain(message, 0, _ORDER_HEADER)
    store_plain(message, _ORDER_CAUSE, load_plain(symbol, at.FLIGHT_CAUSE))
    store_plain(message, _ORDER_SEQUENCE, load_plain(symbol, at.FLIGHT_SEQUENCE))
    if call_3(load_plain(engine, at.ENCODE), order, message + _ENVELOPE_BYTES, _BODY_BYTES) != _BODY_BYTES:
        count(engine, at.MALFORMED, 1)
        return at.NOTHING
    store_plain(engine, at.SENDING, message)
    return at.ORDER


@kernel("int64(int64, int64, int64, int64, int64, int64, int64, int64)")
def dispatch(engine, number, side, price, lots, cause, reference, received):
    """Check an intent and write its order's message; ORDER, or NOTHING if the check refused it."""
    symbol, slot = record_of(engine, number), load_plain(engine, at.S_RISK)
    probe.stage(load_plain(engine, at.S_MESSAGE), 5)
    since = probe.now(slot)
    risk, now_ns = load_plain(engine, at.RISK), probe.elapsed_ns(slot, since)
    call_4(load_plain(engine, at.RISK_UPDATE), risk, number, reference, load_plain(symbol, at.POSITION))
    signed = lots if side == _BUY else -lots
    reason = call_5(load_plain(engine, at.CHECK), risk, number, signed, price, now_ns)
    since = probe.lap(slot, since)
    if reason != ACCEPTED:
        count(engine, at.REFUSED + reason, 1)
        return at.NOTHING
    probe.stage(load_plain(engine, at.S_MESSAGE), 6)
    store_plain(symbol, at.FLIGHT_SIDE, side)
    store_plain(symbol, at.FLIGHT_PRICE, price)
    store_plain(symbol, at.FLIGHT_LOTS, lots)
    store_plain(symbol, at.FLIGHT_CAUSE, cause)
    store_plain(symbol, at.FLIGHT_RECEIVED, received)
    store_plain(engine, at.ORDER_RECEIVED, received)
    store_plain(symbol, at.FLIGHT_TIME_NS, now_ns)
    _take_identity(engine, symbol)
    made = write_order(engine, symbol)
    probe.lap(load_plain(engine, at.S_SERIALISE), since)
    return made


@kernel("int64(int64, int64, int64, int64)")
def submit(engine, number, cause, received):
    """Send or queue the intent that `decide` has decided; ORDER if a message waits to be sent."""
    symbol, quote = record_of(engine, number), load_plain(engine, at.AT_QUOTE)
    bid, ask = load_plain(quote, 0), load_plain(quote, 2)
    up = load_plain(symbol, at.DIRECTION) > 0
    side, price = (_BUY, ask) if up else (_SELL, bid)
    lots, reference = load_plain(engine, at.LOTS), (bid + ask) >> 1
    if load_plain(symbol, at.IN_FLIGHT) == 0:
        store_plain(engine, at.HAS_WAITED, 0)
        return dispatch(engine, number, side, price, lots, cause, reference, received)
    head, tail = load_plain(symbol, at.HEAD), load_plain(symbol, at.TAIL)
    if tail - head >= WAITING:
        count(engine, at.DROPPED, 1)
        return at.NOTHING
    intent = symbol + 8 * (at.QUEUE + (tail % WAITING) * at.INTENT_WORDS)
    store_plain(intent, at.I_SIDE, side)
    store_plain(intent, at.I_PRICE, price)
    store_plain(intent, at.I_LOTS, lots)
    store_plain(intent, at.I_CAUSE, cause)
    store_plain(intent, at.I_REFERENCE, reference)
    store_plain(intent, at.I_RECEIVED, received)
    store_plain(symbol, at.TAIL, tail + 1)
    count(engine, at.WAITED, 1)
    return at.NOTHING


@kernel("int64(int64, int64)")
def dispatch_waiting(engine, number):
    """After an outcome: the next intent that the risk check lets pass; ORDER if there is one."""
    symbol = record_of(engine, number)
    store_plain(engine, at.HAS_WAITED, 1)
    while load_plain(symbol, at.HEAD) != load_plain(symbol, at.TAIL):
        head = load_plain(symbol, at.HEAD)
        intent = symbol + 8 * (at.QUEUE + (head % WAITING) * at.INTENT_WORDS)
        store_plain(symbol, at.HEAD, head + 1)
        made = dispatch(
            engine,
            number,
            load_plain(intent, at.I_SIDE),
            load_plain(intent, at.I_PRICE),
            load_plain(intent, at.I_LOTS),
            load_plain(intent, at.I_CAUSE),
            load_plain(intent, at.I_REFERENCE),
            load_plain(intent, at.I_RECEIVED),
        )
        if made == at.ORDER:
            return at.ORDER
    return at.NOTHING
