"""What a codec provides: the messages, how a variant encodes and decodes them, and what it must refuse.

Two messages. An `Order` is the plan's (3.1). A `Depth` is a market-data frame in integer ticks of 10^-PRICE_DECIMALS and lots
of 10^-QUANTITY_DECIMALS. A codec turns a message into a frame (bytes on the wire) and back; what comes back is exactly what
was given, or an error is raised (ValueError, or a negative code from a kernel), never another message.

Compiled codecs work on messages in memory: an order is ORDER_WORDS words in the order of its fields, unsigned numbers and the
price as their 64 bits, the symbol as its 8 bytes. A depth record is DEPTH_HEAD_WORDS words and two words a level.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tickbench.errors import InputError

U64_LIMIT = 1 << 64
I64_LIMIT = 1 << 63
SYMBOL_BYTES = 8
BUY, SELL = 0, 1
PRICE_DECIMALS, QUANTITY_DECIMALS = 2, 5  # of BTCUSDT on the spot exchange: tick 0.01, lot 0.00001
MOST_LEVELS = (1 << 16) - 1  # a side: the counts are 16 bits wide

ID, SYMBOL, SIDE, QUANTITY, PRICE, TIMESTAMP_NS = range(6)  # words of an order in memory, the plan's order of fields
ORDER_WORDS = 6
FIRST_ID, FINAL_ID, TIME_MS, DEPTH_SYMBOL, BID_COUNT, ASK_COUNT = range(6)  # words of a depth record, then its levels
DEPTH_HEAD_WORDS = 6

# Kernels of a compiled codec. All return 0 or a size where they succeed, and one of the codes below where they refuse.
ENCODE = "int64(int64, int64, int64)"  # (message, frame, capacity_bytes) -> bytes written
DECODE = "int64(int64, int64, int64, int64)"  # (frame, length_bytes, message, capacity_words) -> 0
READ = "int64(int64, int64, int64, int64)"  # (frame, length_bytes, scratch, out) -> 0; out[0] = all fields added up
ENCODE_MANY = "int64(int64, int64, int64)"  # (orders, frames, n) -> orders encoded before the first error
DECODE_MANY = "int64(int64, int64, int64)"  # (frames, orders, n) -> frames decoded before the first error
READ_MANY = "int64(int64, int64, int64, int64)"  # (frames, scratch, out, n) -> frames read before the first error
FRAME_STRIDE_BYTES = 64  # from one order's frame to the next in memory, whatever its length: each has a cache line

TRUNCATED, OVERSIZED, UNKNOWN_TEMPLATE, UNKNOWN_VERSION, BAD_SIDE, BAD_PADDING, NO_ROOM, BAD_LEVELS = range(-1, -9, -1)
CODES = {
    TRUNCATED: "the frame is too short",
    OVERSIZED: "the frame is too long",
    UNKNOWN_TEMPLATE: "the header names another block length, template or schema",
    UNKNOWN_VERSION: "the header names a version that is not known",
    BAD_SIDE: "the side is neither 0 (buy) nor 1 (sell)",
    BAD_PADDING: "the padding is not zero",
    NO_ROOM: "the caller's buffer is too small",
    BAD_LEVELS: "the level counts, decimals or levels are out of range",
}


class FrameError(InputError, ValueError):
    """Bytes that are no message, or a message that its format cannot carry."""


class Order(NamedTuple):
    """The plan's order: unsigned 64-bit id, quantity and timestamp; 1 to 8 ASCII characters; side 0 or 1; binary64 price."""

    id: int
    symbol: str
    side: int
    quantity: int
    price: float
    timestamp_ns: int


class Depth(NamedTuple):
    """Levels that changed between two update ids: (price in ticks, quantity in lots), both below 2^63; quantity 0 deletes."""

    first_update_id: int
    final_update_id: int
    event_time_ms: int
    symbol: str
    bids: Sequence[tuple[int, int]]
    asks: Sequence[tuple[int, int]]


@dataclass
class Columns:
    """Many orders, one array a field: uint64, int64 (8 bytes of symbol), uint8, uint64, float64, uint64, all of length n."""

    ids: NDArray[np.uint64]
    symbols: NDArray[np.int64]
    sides: NDArray[np.uint8]
    quantities: NDArray[np.uint64]
    prices: NDArray[np.float64]
    timestamps_ns: NDArray[np.uint64]

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """The six arrays, in the order of an order's fields."""
        return (self.ids, self.symbols, self.sides, self.quantities, self.prices, self.timestamps_ns)

    @classmethod
    def empty(cls, n: int) -> "Columns":
        """Room for n orders."""
        ids, quantities, timestamps_ns = (np.zeros(n, dtype=np.uint64) for _ in range(3))
        return cls(ids, np.zeros(n, np.int64), np.zeros(n, np.uint8), quantities, np.zeros(n, np.float64), timestamps_ns)


@dataclass
class BatchCodec:
    """Columns into frames and back, one call for many orders. Both raise ValueError for what they must refuse.

    `encode(columns, frames)` fills a uint8 array of n * FRAME_STRIDE_BYTES. `decode(frames, out)` returns the columns: `out`
    filled, or views into the frames.
    """

    encode: Callable[[Columns, NDArray[np.uint8]], object]
    decode: Callable[[NDArray[np.uint8], Columns], Columns]


@dataclass
class PythonCodec:
    """A codec as Python calls it.

    `make` builds the object that the library encodes (a dict, a struct, a tuple) and raises ValueError for an order that the
    format cannot carry; an application does that anyway, so it is not timed. `order_of` reads such an object back. `decode`
    checks all that it must refuse. The four functions for depth frames are the same; None where a variant has none.
    """

    make: Callable[[Order], Any]
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    order_of: Callable[[Any], Order]
    make_depth: Callable[[Depth], Any] | None = None
    encode_depth: Callable[[Any], bytes] | None = None
    decode_depth: Callable[[bytes], Any] | None = None
    depth_of: Callable[[Any], Depth] | None = None
    batch: BatchCodec | None = None  # by default a list comprehension
    load_text: Callable[[bytes], Any] | None = None  # of a codec of JSON: any text into plain objects, ValueError for none


@dataclass
class NativeCodec:
    """A compiled codec: kernels with the signatures above, None for what it does not do, and itself as Python calls it.

    `order_bytes` is the length of an order's frame; `owner` lives as long as the codec does.
    """

    order_bytes: int
    encode: Any
    decode: Any
    read: Any
    encode_many: Any
    decode_many: Any
    read_many: Any
    python: PythonCodec
    encode_depth: Any = None
    decode_depth: Any = None
    read_depth: Any = None
    owner: Any = None


def refuse(code: int) -> None:
    """Raise FrameError for a negative code of a kernel."""
    if code < 0:
        raise FrameError(f"codec: {CODES.get(code, code)}")


def check_order(order: Order, *, finite: bool = False) -> Order:
    """The order itself; FrameError where a field is out of range, or the price not finite where `finite` asks for that."""
    for name in ("id", "quantity", "timestamp_ns"):
        value = getattr(order, name)
        if type(value) is not int or not 0 <= value < U64_LIMIT:
            raise FrameError(f"order: {name} must be an integer from 0 to 2^64 - 1, got {value!r}")
    if type(order.side) is not int or order.side not in (BUY, SELL):
        raise FrameError(f"order: side must be 0 (buy) or 1 (sell), got {order.side!r}")
    if type(order.price) is not float or (finite and not math.isfinite(order.price)):
        raise FrameError(f"order: price must be a {'finite ' if finite else ''}float, got {order.price!r}")
    symbol_word(order.symbol)
    return order


def check_head(depth: Depth) -> Depth:
    """The depth frame itself; FrameError where a number, the symbol or a count is out of range. Levels are not looked at."""
    for name in ("first_update_id", "final_update_id", "event_time_ms"):
        value = getattr(depth, name)
        if type(value) is not int or not 0 <= value < U64_LIMIT:
            raise FrameError(f"depth: {name} must be an integer from 0 to 2^64 - 1, got {value!r}")
    symbol_word(depth.symbol)
    if max(len(depth.bids), len(depth.asks)) > MOST_LEVELS:
        raise FrameError(f"depth: at most {MOST_LEVELS} levels a side, got {len(depth.bids)} and {len(depth.asks)}")
    return depth


def check_depth(depth: Depth) -> Depth:
    """The depth frame itself; FrameError where something is out of range."""
    for levels in (depth.bids, depth.asks):
        if not all(0 <= value < I64_LIMIT for level in levels for value in level):
            raise FrameError("depth: ticks and lots are from 0 to 2^63 - 1")
    return check_head(depth)


def symbol_word(symbol: str) -> int:
    """The symbol's bytes, zero-padded to 8, as a signed little-endian word; FrameError unless 1 to 8 printable ASCII."""
    if type(symbol) is not str or not 1 <= len(symbol) <= SYMBOL_BYTES or not (symbol.isascii() and symbol.isprintable()):
        raise FrameError(f"symbol must be 1 to 8 printable ASCII characters, got {symbol!r}")
    return int.from_bytes(symbol.encode("ascii").ljust(SYMBOL_BYTES, b"\0"), "little", signed=True)


def symbol_text(padded: bytes) -> str:
    """The symbol in 8 zero-padded bytes; FrameError if zeros stand before its end or it is not printable ASCII."""
    try:
        text = padded.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError:
        raise FrameError(f"symbol must be ASCII, got {padded!r}") from None
    symbol_word(text)
    return text


def word_bytes(word: int) -> bytes:
    """The 8 bytes of a word, as they lie in memory."""
    return (word % U64_LIMIT).to_bytes(8, "little")
