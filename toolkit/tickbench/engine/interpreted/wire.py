"""Frames and orders by a codec variant: what a feed message says, and the bytes of an order, on either wire."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from tickbench.components.codec import layout
from tickbench.components.codec.contract import Depth, FrameError, Order, PythonCodec
from tickbench.engine.protocol import (
    FEED_ENVELOPE_BYTES,
    FEED_HEADER,
    ORDER_HEADER,
    SNAPSHOT_FLAG,
    TICKER_TEMPLATE,
    FeedFrame,
    SymbolTerms,
    decode_feed,
)
from tickbench.engine.strategy import Quote

_ENVELOPE = struct.Struct("<QQQQ")
_DEPTH_START = struct.pack("<Q", layout.DEPTH_HEADER)
_ORDER_START = struct.Struct("<QQQ")
NO_NUMBER = -1  # the JSON wire does not number its frames


class Parsed(NamedTuple):
    """A feed message: levels of a depth frame (`bids` is not None), or a quote, or neither (a trade); 0: no previous id."""

    symbol: str
    number: int
    first_id: int = 0
    final_id: int = 0
    previous_id: int = 0
    is_snapshot: bool = False
    bids: Sequence[tuple[int, int]] | None = None
    asks: Sequence[tuple[int, int]] = ()
    quote: Quote | None = None


class JsonWire:
    """Texts of the exchange by a codec that loads any text; decimals become ticks and lots by one multiplication each."""

    name = "json"

    def __init__(self, codec: PythonCodec, terms: Sequence[SymbolTerms]) -> None:
        assert codec.load_text is not None
        self._load, self._make, self._encode = codec.load_text, codec.make, codec.encode
        self._terms = {one.symbol.lower(): (one.symbol, one.price_divisor, one.price_numerator, *_lots(one)) for one in terms}

    def parse(self, payload: bytes) -> Parsed:
        """The message; FrameError (a ValueError) or LookupError for a text that is none."""
        found = self._load(payload)
        name, _, stream = found["stream"].partition("@")
        symbol, *scales = self._terms[name]
        data = found["data"]
        if stream == "snapshot":
            last = data["lastUpdateId"]
            sides = _levels(data["bids"], *scales), _levels(data["asks"], *scales)
            return Parsed(symbol, NO_NUMBER, last, last, 0, True, *sides)
        if stream.startswith("depth"):
            sides = _levels(data["b"], *scales), _levels(data["a"], *scales)
            return Parsed(symbol, NO_NUMBER, data["U"], data["u"], data.get("pu") or 0, False, *sides)
        if stream == "bookTicker":
            bid, ask = _levels(((data["b"], data["B"]), (data["a"], data["A"])), *scales)
            return Parsed(symbol, NO_NUMBER, final_id=data["u"], quote=Quote(*bid, *ask))
        return Parsed(symbol, NO_NUMBER)

    def encode(self, order: Order, cause: int, sequence: int) -> bytes:
        """The payload of an order."""
        return b'{"type":"order","cause":%d,"sequence":%d,"order":%b}' % (cause, sequence, self._encode(self._make(order)))


def _lots(terms: SymbolTerms) -> tuple[int, int]:
    numerator, divisor = Decimal(terms.lot_size).as_integer_ratio()
    return divisor, numerator


def _levels(
    pairs: Sequence[Sequence[str]], divisor: int, numerator: int, lot_divisor: int, lot_numerator: int
) -> list[tuple[int, int]]:
    return [(round(float(p) * divisor / numerator), round(float(q) * lot_divisor / lot_numerator)) for p, q in pairs]


class BinaryWire:
    """Blocks: the envelope by struct, the body of a depth frame by the codec where it reads those."""

    name = "binary"

    def __init__(self, codec: PythonCodec, _terms: Sequence[SymbolTerms]) -> None:
        self._make, self._encode = codec.make, codec.encode
        self._decode: Callable[[bytes], Any] | None = codec.decode_depth
        self._depth_of: Callable[[Any], Depth] | None = codec.depth_of

    def parse(self, payload: bytes) -> Parsed:
        """The message; FrameError for bytes that are none."""
        body = payload[FEED_ENVELOPE_BYTES:]
        if self._decode is None or self._depth_of is None or body[:8] != _DEPTH_START:
            frame = decode_feed(payload)
        else:
            header, number, previous, flags = _ENVELOPE.unpack_from(payload)
            if header != FEED_HEADER:
                raise FrameError("feed: the header of the envelope is wrong")
            depth = self._depth_of(self._decode(body))
            frame = FeedFrame(number, previous, bool(flags & SNAPSHOT_FLAG), layout.DEPTH_TEMPLATE, depth)
        return _parsed(frame)

    def encode(self, order: Order, cause: int, sequence: int) -> bytes:
        """The payload of an order."""
        return _ORDER_START.pack(ORDER_HEADER, cause, sequence) + self._encode(self._make(order))


def _parsed(frame: FeedFrame) -> Parsed:
    body = frame.body
    if isinstance(body, Depth):
        first, final, sides = body.first_update_id, body.final_update_id, (body.bids, body.asks)
        return Parsed(body.symbol, frame.number, first, final, frame.previous_id, frame.is_snapshot, *sides)
    if frame.template == TICKER_TEMPLATE:
        return Parsed(body[2], frame.number, final_id=body[0], quote=Quote(*body[3:7]))
    return Parsed(body[2], frame.number)


WIRES: dict[str, type[JsonWire] | type[BinaryWire]] = {"json": JsonWire, "binary": BinaryWire}
