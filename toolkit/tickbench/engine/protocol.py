"""What an exchange and an engine say to each other, byte by byte; PROTOCOL.md is the same for people.

Two WebSocket connections (RFC 6455): `/feed` brings market data, `/orders` takes orders and brings reports. On each the
exchange speaks first, with one JSON text, the hello. After it a feed on the JSON wire carries the texts of the capture, and
all else is one message a frame: JSON texts, or on the binary wire these little-endian blocks. All start with the header of
the codec's layout (block length, template, schema, version as four u16), and every number is at a multiple of 8 bytes.

    feed message: 32 bytes of envelope, then the body      order: 24 bytes of envelope, then the codec's order
    0    header, template 16                               0    header, template 17
    8    u64 number of the frame within its symbol         8    u64 cause: the update id that the order answers
    16   u64 previous update id (`pu`); 0: none            16   u64 sequence of the order within its symbol, from 1
    24   u64 flags: 1 snapshot                             24   the codec's order, 64 bytes (template 1)
    32   body: depth (2), ticker (3) or trade (4)

    ticker, 64 bytes          trade, 64 bytes              report, 64 bytes
    0    header, template 3   0    header, template 4      0    header, template 18
    8    u64 update id        8    u64 trade id            8    u64 id of the order
    16   u64 event time, ms   16   u64 trade time, ms      16   char[8] symbol
    24   char[8] symbol       24   char[8] symbol          24   u8 kind, u8 reason, u8 side, u8 resent, u32 0
    32   i64 bid ticks        32   i64 price ticks         32   u64 sequence
    40   i64 bid lots         40   i64 quantity lots       40   i64 price ticks of the fill; 0: none
    48   i64 ask ticks        48   u8 1: the buyer made,   48   i64 lots filled; 0: none
    56   i64 ask lots              then 15 zero bytes      56   u64 cause

Ticks and lots are the symbol's own, whose sizes the hello tells; the decimals in the codec's depth frame are a constant there.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from tickbench.components.codec import layout
from tickbench.components.codec.contract import (
    SYMBOL_BYTES,
    Depth,
    FrameError,
    Order,
    symbol_text,
)
from tickbench.components.codec.exchange import order_from_object

PROTOCOL_VERSION = 1
FEED_PATH, ORDERS_PATH = "/feed", "/orders"
WIRES = ("json", "binary")

FEED_TEMPLATE, ORDER_TEMPLATE, REPORT_TEMPLATE = 16, 17, 18
TICKER_TEMPLATE, TRADE_TEMPLATE = 3, 4
FEED_ENVELOPE_BYTES, ORDER_ENVELOPE_BYTES = 32, 24
ORDER_MESSAGE_BYTES = ORDER_ENVELOPE_BYTES + layout.ORDER_BYTES
TICKER_BYTES = TRADE_BYTES = REPORT_BYTES = 64
SNAPSHOT_FLAG = 1

FEED_HEADER = layout.header_word(FEED_ENVELOPE_BYTES - layout.HEADER_BYTES, FEED_TEMPLATE)
ORDER_HEADER = layout.header_word(ORDER_ENVELOPE_BYTES - layout.HEADER_BYTES, ORDER_TEMPLATE)
REPORT_HEADER = layout.header_word(REPORT_BYTES - layout.HEADER_BYTES, REPORT_TEMPLATE)
TICKER_HEADER = layout.header_word(TICKER_BYTES - layout.HEADER_BYTES, TICKER_TEMPLATE)
TRADE_HEADER = layout.header_word(TRADE_BYTES - layout.HEADER_BYTES, TRADE_TEMPLATE)

# Words (8 bytes) of the messages, for kernels that read them where they are.
FEED_NUMBER, FEED_PREVIOUS_ID, FEED_FLAGS, FEED_BODY = 1, 2, 3, 4
ORDER_CAUSE, ORDER_SEQUENCE, ORDER_BODY = 1, 2, 3
TICKER_ID, TICKER_TIME_MS, TICKER_SYMBOL, BID_TICKS, BID_LOTS, ASK_TICKS, ASK_LOTS = range(1, 8)
REPORT_ID, REPORT_SYMBOL, REPORT_KIND, REPORT_SEQUENCE, REPORT_PRICE, REPORT_LOTS, REPORT_CAUSE = range(1, 8)

# Kinds of reports: ACK and REJECT come at once, the outcome of an order (FILL, EXPIRED, CANCELLED) after the delay.
ACK, FILL, REJECT, EXPIRED, CANCELLED = range(1, 6)
KINDS = {ACK: "ack", FILL: "fill", REJECT: "reject", EXPIRED: "expired", CANCELLED: "cancelled"}

(
    NO_REASON,
    MALFORMED,
    UNKNOWN_SYMBOL,
    BAD_QUANTITY,
    BAD_PRICE,
    UNKNOWN_CAUSE,
    OUT_OF_SEQUENCE,
    ID_REUSED,
    STALE_ID,
    TOO_MANY_PENDING,
    CLOSING,
) = range(11)
REASONS = {
    NO_REASON: "",
    MALFORMED: "malformed",
    UNKNOWN_SYMBOL: "unknown_symbol",
    BAD_QUANTITY: "bad_quantity",
    BAD_PRICE: "bad_price",
    UNKNOWN_CAUSE: "unknown_cause",
    OUT_OF_SEQUENCE: "out_of_sequence",
    ID_REUSED: "id_reused",
    STALE_ID: "stale_id",
    TOO_MANY_PENDING: "too_many_pending",
    CLOSING: "closing",
}

# Limits, of bytes of a message's payload and of counts.
MOST_ORDER_TEXT_BYTES = 1_024  # a larger message on /orders closes the connection with 1009
MOST_FEED_BYTES = 4 << 20  # what a client must be ready for: a snapshot of 10,000 levels is 0.4 MB of text
MOST_SYMBOLS = 64
MOST_PENDING = 1_024  # orders of a connection that wait for their outcome; one more is rejected
REMEMBERED_ORDERS = 1 << 16  # outcomes kept for resends, of all connections together
MOST_ORDER_LOTS = (1 << 31) - 1  # the bounds of the positions component
MOST_PRICE_TICKS = (1 << 31) - 1

# Close codes: 1000 and 1001 as in RFC 6455, 7.4.1; 4000 up are free for applications (7.4.2).
CLOSE_DONE, CLOSE_GOING_AWAY, CLOSE_TOO_BIG, CLOSE_SLOW_CONSUMER = 1000, 1001, 1009, 4001

_FEED_ENVELOPE = struct.Struct("<QQQQ")
_ORDER_ENVELOPE = struct.Struct("<QQQ")
_ORDER = struct.Struct("<QQQdQ8sB15s")
_QUOTE = struct.Struct("<QQQ8sqqqq")
_TRADE = struct.Struct("<QQQ8sqqB15x")
_REPORT = struct.Struct("<QQ8sBBBBIQqqQ")
_DEPTH = struct.Struct("<QQQQ8sQ")


class OrderMessage(NamedTuple):
    """An order as it is sent: the codec's order, the update id that it answers, its number within its symbol (from 1)."""

    order: Order
    cause: int
    sequence: int


class Report(NamedTuple):
    """What became of an order. Price and lots are those of the fill; `resent` says that it is told again."""

    id: int
    symbol: str
    kind: int
    reason: int
    side: int
    sequence: int
    price_ticks: int
    lots: int
    cause: int
    resent: bool = False


class SymbolTerms(msgspec.Struct, frozen=True):
    """What a client has to know of a symbol: the sizes of tick and lot, the tick as price_numerator / price_divisor too."""

    symbol: str
    tick_size: str
    lot_size: str
    price_numerator: int
    price_divisor: int  # a power of ten
    highest_price_ticks: int  # no level of the feed is above

    def price_of(self, ticks: int) -> float:
        """A price in ticks as the float that orders carry: the nearest binary64, so that `ticks_of` gives the ticks back."""
        return ticks * self.price_numerator / self.price_divisor

    def ticks_of(self, price: float) -> int:
        """The ticks of an order's price; -1 where it is no positive multiple of the tick that fits."""
        if not (math.isfinite(price) and 0 < price * self.price_divisor <= MOST_PRICE_TICKS * self.price_numerator):
            return -1
        ticks = round(price * self.price_divisor / self.price_numerator)
        return ticks if self.price_of(ticks) == price else -1


def make_terms(symbol: str, tick_size: Decimal, lot_size: Decimal, highest_price_ticks: int) -> SymbolTerms:
    """The terms of a symbol; sizes are positive decimals of at most 18 places."""
    numerator, divisor = tick_size.as_integer_ratio()
    scale = 10 ** max(0, -int(tick_size.normalize().as_tuple().exponent))
    return SymbolTerms(symbol, f"{tick_size:f}", f"{lot_size:f}", numerator * (scale // divisor), scale, highest_price_ticks)


def symbol_bytes(symbol: str) -> bytes:
    """The symbol zero-padded to 8 bytes."""
    return symbol.encode("ascii").ljust(SYMBOL_BYTES, b"\0")


# -- orders and reports


class _OrderText(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    cause: int
    sequence: int
    order: Any


class _ReportText(msgspec.Struct):
    type: str
    id: int
    symbol: str
    side: int
    sequence: int
    cause: int
    price_ticks: int = 0
    lots: int = 0
    reason: str = ""
    resent: bool = False


_decode_order = msgspec.json.Decoder(_OrderText).decode
_decode_report = msgspec.json.Decoder(_ReportText).decode
_encode = msgspec.json.Encoder().encode
_KIND_OF = {name: kind for kind, name in KINDS.items()}
_REASON_OF = {name: reason for reason, name in REASONS.items()}
_U64_LIMIT = 1 << 64


def encode_order(message: OrderMessage, wire: str) -> bytes:
    """The payload of an order: a text frame on the JSON wire, a binary one else."""
    order, cause, sequence = message
    if wire == "json":
        return _encode({"type": "order", "cause": cause, "sequence": sequence, "order": order._asdict()})
    return _ORDER_ENVELOPE.pack(ORDER_HEADER, cause, sequence) + _ORDER.pack(
        layout.ORDER_HEADER,
        order.id,
        order.quantity,
        order.price,
        order.timestamp_ns,
        symbol_bytes(order.symbol),
        order.side,
        bytes(15),
    )


def decode_order(payload: bytes, wire: str) -> OrderMessage:
    """The order in a payload; FrameError (an InputError) for anything else."""
    if wire == "json":
        try:
            found = _decode_order(payload)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            raise FrameError(f"order: {error}") from None
        if found.type != "order" or not (0 <= found.cause < _U64_LIMIT and 0 <= found.sequence < _U64_LIMIT):
            raise FrameError("order: type must be 'order', cause and sequence integers from 0 to 2^64 - 1")
        return OrderMessage(Order(*order_from_object(found.order)), found.cause, found.sequence)
    if len(payload) != ORDER_MESSAGE_BYTES:
        raise FrameError(f"order: {ORDER_MESSAGE_BYTES} bytes expected, got {len(payload)}")
    header, cause, sequence = _ORDER_ENVELOPE.unpack_from(payload)
    inner, order_id, lots, price, timestamp_ns, symbol, side, padding = _ORDER.unpack_from(payload, ORDER_ENVELOPE_BYTES)
    if header != ORDER_HEADER or inner != layout.ORDER_HEADER or side > 1 or any(padding):
        raise FrameError("order: a header, the side or the padding is wrong")
    return OrderMessage(Order(order_id, symbol_text(symbol), side, lots, price, timestamp_ns), cause, sequence)


def encode_report(report: Report, wire: str) -> bytes:
    """The payload of a report."""
    if wire == "json":
        return _encode(
            _ReportText(
                KINDS[report.kind],
                report.id,
                report.symbol,
                report.side,
                report.sequence,
                report.cause,
                report.price_ticks,
                report.lots,
                REASONS[report.reason],
                report.resent,
            )
        )
    return _REPORT.pack(
        REPORT_HEADER,
        report.id,
        symbol_bytes(report.symbol),
        report.kind,
        report.reason,
        report.side,
        report.resent,
        0,
        report.sequence,
        report.price_ticks,
        report.lots,
        report.cause,
    )


def decode_report(payload: bytes, wire: str) -> Report:
    """The report in a payload; FrameError for anything else."""
    try:
        if wire == "json":
            text = _decode_report(payload)
            kind, reason = _KIND_OF[text.type], _REASON_OF[text.reason]
            numbers = text.sequence, text.price_ticks, text.lots, text.cause
            return Report(text.id, text.symbol, kind, reason, text.side, *numbers, text.resent)
        header, order_id, symbol, kind, reason, side, resent, _, sequence, price_ticks, lots, cause = _REPORT.unpack(payload)
    except (msgspec.MsgspecError, KeyError, struct.error) as error:
        raise FrameError(f"report: {error!r}") from None
    if header != REPORT_HEADER or kind not in KINDS or reason not in REASONS:
        raise FrameError("report: the header, the kind or the reason is unknown")
    text = symbol.rstrip(b"\0").decode("ascii", "replace")
    return Report(order_id, text, kind, reason, side, sequence, price_ticks, lots, cause, bool(resent))


# -- market data on the binary wire: envelope and body


def encode_envelope(number: int, previous_id: int, *, snapshot: bool = False) -> bytes:
    """The first 32 bytes of a feed message."""
    return _FEED_ENVELOPE.pack(FEED_HEADER, number, previous_id, SNAPSHOT_FLAG if snapshot else 0)


def encode_depth(depth: Depth) -> bytes:
    """The body of a diff or a snapshot: the codec's depth frame (levels in ticks and lots)."""
    bids, asks = depth.bids, depth.asks
    counts = len(bids) | len(asks) << 16 | layout.DECIMALS
    levels: Sequence[int] = [number for level in (*bids, *asks) for number in level]
    head = depth.first_update_id, depth.final_update_id, depth.event_time_ms, symbol_bytes(depth.symbol), counts
    return _DEPTH.pack(layout.DEPTH_HEADER, *head) + struct.pack(f"<{len(levels)}q", *levels)


def encode_ticker(update_id: int, time_ms: int, symbol: str, quote: Sequence[int]) -> bytes:
    """The body of a best bid and ask; `quote`: bid ticks, bid lots, ask ticks, ask lots."""
    return _QUOTE.pack(TICKER_HEADER, update_id, time_ms, symbol_bytes(symbol), *quote)


def encode_trade(trade_id: int, time_ms: int, symbol: str, price_ticks: int, lots: int, *, buyer_made: bool) -> bytes:
    """The body of a trade."""
    return _TRADE.pack(TRADE_HEADER, trade_id, time_ms, symbol_bytes(symbol), price_ticks, lots, buyer_made)


class FeedFrame(NamedTuple):
    """A decoded feed message: a Depth, or the numbers of a ticker or trade after their header (symbol in the third place)."""

    number: int
    previous_id: int
    is_snapshot: bool
    template: int
    body: Depth | tuple[Any, ...]


def decode_feed(payload: bytes) -> FeedFrame:
    """The parts of a feed message on the binary wire; FrameError for anything else. For clients in plain Python."""
    try:
        header, number, previous_id, flags = _FEED_ENVELOPE.unpack_from(payload)
        if header != FEED_HEADER:
            raise FrameError("feed: the header of the envelope is wrong")
        (template,) = struct.unpack_from("<H", payload, FEED_ENVELOPE_BYTES + 2)
        body = payload[FEED_ENVELOPE_BYTES:]
        if template == layout.DEPTH_TEMPLATE:
            return FeedFrame(number, previous_id, bool(flags & SNAPSHOT_FLAG), template, _decode_depth(body))
        form = {TICKER_TEMPLATE: _QUOTE, TRADE_TEMPLATE: _TRADE}[template]
        _, first, time_ms, symbol, *rest = form.unpack(body)
    except (struct.error, KeyError) as error:
        raise FrameError(f"feed: {error!r}") from None
    return FeedFrame(number, previous_id, False, template, (first, time_ms, symbol_text(symbol), *rest))


def _decode_depth(body: bytes) -> Depth:
    header, first, final, time_ms, symbol, counts = _DEPTH.unpack_from(body)
    bid_count, ask_count = counts & 0xFFFF, counts >> 16 & 0xFFFF
    if header != layout.DEPTH_HEADER or counts >> 32 << 32 != layout.DECIMALS:
        raise FrameError("feed: the depth frame's header or decimals are wrong")
    numbers = struct.unpack(f"<{2 * (bid_count + ask_count)}q", body[_DEPTH.size :])
    levels = list(zip(numbers[::2], numbers[1::2], strict=True))
    return Depth(first, final, time_ms, symbol_text(symbol), levels[:bid_count], levels[bid_count:])


# -- the first text on each connection, and the last one on a feed


class Hello(msgspec.Struct, frozen=True, tag_field="type", tag="hello"):
    """The first message on a connection, a JSON text on both wires."""

    protocol: int
    channel: str
    wire: str
    run: str  # the same for all connections to one exchange process
    symbols: list[SymbolTerms]


class End(msgspec.Struct, frozen=True, tag_field="type", tag="end"):
    """The last message on a feed, a JSON text on both wires: nothing follows; send what waits, read its reports, close."""

    reason: str  # "done" or "interrupted"
    final_update_ids: dict[str, int]


def make_hello(channel: str, wire: str, run: str, symbols: list[SymbolTerms]) -> Hello:
    """The hello of this version."""
    return Hello(PROTOCOL_VERSION, channel, wire, run, symbols)


def decode_notice(text: bytes | str) -> Hello | End | None:
    """The hello or end in a text; None for any other text, such as a frame of a capture."""
    try:
        notice: Hello | End = msgspec.json.decode(text, type=Hello | End)
    except msgspec.MsgspecError:
        return None
    return notice
