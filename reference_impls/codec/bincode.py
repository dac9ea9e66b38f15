"""The plan's own choice (3.1): the 41 bytes that bincode's fixed-width encoding gives for its struct, compiled.

    0 u64 id | 8 char[8] symbol | 16 u8 side | 17 u64 quantity | 25 f64 price | 33 u64 timestamp     little-endian

It is the shortest of the binary forms, and what it leaves out is what `packed` is for: no header, so another struct of 41
bytes is read as an order without a word; three fields lie across words and one across a cache line where messages follow
each other. bincode itself checks neither side nor the rest of the buffer; here both are refused.
"""

from tickbench.components.codec.contract import (
    BAD_SIDE,
    DECODE,
    DECODE_MANY,
    ENCODE,
    ENCODE_MANY,
    FRAME_STRIDE_BYTES,
    ID,
    NO_ROOM,
    ORDER_WORDS,
    OVERSIZED,
    PRICE,
    QUANTITY,
    SELL,
    SIDE,
    SYMBOL,
    TIMESTAMP_NS,
    TRUNCATED,
    NativeCodec,
)
from tickbench.components.codec.surface import kernel_codec
from tickbench.components.codec.unaligned import load_byte, load_word, store_byte, store_word
from tickbench.kernels.atomics import load_plain, store_plain
from tickbench.kernels.jit import kernel
from tickbench.registry import variant

_BYTES = 41


@kernel(ENCODE)
def _encode(order, frame, capacity_bytes):
    side = load_plain(order, SIDE)
    if capacity_bytes < _BYTES:
        return NO_ROOM
    if side & ~SELL:
        return BAD_SIDE
    order_id, symbol, quantity = load_plain(order, ID), load_plain(order, SYMBOL), load_plain(order, QUANTITY)
    price, timestamp_ns = load_plain(order, PRICE), load_plain(order, TIMESTAMP_NS)
    store_word(frame, order_id)
    store_word(frame + 8, symbol)
    store_byte(frame + 16, side)
    store_word(frame + 17, quantity)
    store_word(frame + 25, price)
    store_word(frame + 33, timestamp_ns)
    return _BYTES


@kernel(DECODE)
def _decode(frame, length_bytes, order, capacity_words):
    if length_bytes != _BYTES:
        return TRUNCATED if length_bytes < _BYTES else OVERSIZED
    side = load_byte(frame + 16)
    if side > SELL:
        return BAD_SIDE
    if capacity_words < ORDER_WORDS:
        return NO_ROOM
    order_id, symbol, quantity = load_word(frame), load_word(frame + 8), load_word(frame + 17)
    price, timestamp_ns = load_word(frame + 25), load_word(frame + 33)
    store_plain(order, ID, order_id)
    store_plain(order, SYMBOL, symbol)
    store_plain(order, SIDE, side)
    store_plain(order, QUANTITY, quantity)
    store_plain(order, PRICE, price)
    store_plain(order, TIMESTAMP_NS, timestamp_ns)
    return 0


@kernel(ENCODE_MANY)
def _encode_many(orders, frames, n):
    for i in range(n):
        if _encode(orders + 8 * ORDER_WORDS * i, frames + FRAME_STRIDE_BYTES * i, _BYTES) < 0:
            return i
    return n


@kernel(DECODE_MANY)
def _decode_many(frames, orders, n):
    for i in range(n):
        if _decode(frames + FRAME_STRIDE_BYTES * i, _BYTES, orders + 8 * ORDER_WORDS * i, ORDER_WORDS) != 0:
            return i
    return n


@variant(
    "codec",
    runtime="native",
    example_of="the plan's bincode image, compiled",
    capabilities=("messages", "own_loop", "call", "non_finite"),
)
def bincode(_config: object) -> NativeCodec:
    """Make the codec."""
    return NativeCodec(
        order_bytes=_BYTES,
        encode=_encode,
        decode=_decode,
        read=None,
        encode_many=_encode_many,
        decode_many=_decode_many,
        read_many=None,
        python=kernel_codec(_encode, _decode, _BYTES),
    )
