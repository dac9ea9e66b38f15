"""A fixed 64-byte frame, compiled: one cache line an order, encoded from and decoded into memory that the caller owns.

The frame is `layout`'s. Encoding is eight stores and one check, decoding one check of header, side and padding and a copy of
six fields. No allocation, no state. What the plan's sketch lacks: a header that says what the bytes are, a checked side,
aligned 64-bit fields, and an error in place of a wrong order.
"""

import numpy as np
from numpy.typing import NDArray

from tickbench.components.codec import layout, surface
from tickbench.components.codec.contract import (
    DECODE_MANY,
    ENCODE_MANY,
    FRAME_STRIDE_BYTES,
    ORDER_WORDS,
    READ,
    READ_MANY,
    BatchCodec,
    Columns,
    NativeCodec,
    refuse,
)
from tickbench.kernels.atomics import load_plain, store_plain
from tickbench.kernels.jit import kernel
from tickbench.registry import variant

_BYTES = layout.ORDER_BYTES
_ANY_ROOM_WORDS = 1 << 62  # the scratch of READ holds any frame
_COLUMNS = "uint64[::1], int64[::1], uint8[::1], uint64[::1], float64[::1], uint64[::1]"


@kernel(ENCODE_MANY)
def _encode_many(orders, frames, n):
    for i in range(n):
        if layout.encode_order(orders + 8 * ORDER_WORDS * i, frames + FRAME_STRIDE_BYTES * i, _BYTES) < 0:
            return i
    return n


@kernel(DECODE_MANY)
def _decode_many(frames, orders, n):
    for i in range(n):
        if layout.decode_order(frames + FRAME_STRIDE_BYTES * i, _BYTES, orders + 8 * ORDER_WORDS * i, ORDER_WORDS) != 0:
            return i
    return n


@kernel(READ)
def _read(frame, length_bytes, scratch, out):
    code = layout.decode_order(frame, length_bytes, scratch, ORDER_WORDS)
    if code == 0:
        store_plain(out, 0, layout.add_words(scratch))
    return code


@kernel(READ_MANY)
def _read_many(frames, scratch, out, n):
    for i in range(n):
        if _read(frames + FRAME_STRIDE_BYTES * i, _BYTES, scratch, out + 8 * i) != 0:
            return i
    return n


@kernel(READ)
def _read_depth(frame, length_bytes, scratch, out):
    code = layout.decode_depth(frame, length_bytes, scratch, _ANY_ROOM_WORDS)
    if code == 0:
        store_plain(out, 0, layout.add_record(scratch))
    return code


@kernel(f"int64({_COLUMNS}, uint8[::1])")
def _encode_columns(ids, symbols, sides, quantities, prices, timestamps_ns, frames):
    n, start = len(ids), frames.ctypes.data
    for i in range(n):
        price = np.float64(prices[i]).view(np.int64)
        frame = start + FRAME_STRIDE_BYTES * i
        words = (np.int64(ids[i]), symbols[i], np.int64(sides[i]), np.int64(quantities[i]), price, np.int64(timestamps_ns[i]))
        code = layout.encode_words(frame, _BYTES, *words)
        if code < 0:
            return code
    return n


@kernel(f"int64(uint8[::1], {_COLUMNS})")
def _decode_columns(frames, ids, symbols, sides, quantities, prices, timestamps_ns):
    n, start = len(ids), frames.ctypes.data
    for i in range(n):
        frame = start + FRAME_STRIDE_BYTES * i
        code = layout.check_order_frame(frame, _BYTES)
        if code < 0:
            return code
        ids[i], quantities[i], timestamps_ns[i] = load_plain(frame, 1), load_plain(frame, 2), load_plain(frame, 4)
        prices[i] = np.int64(load_plain(frame, 3)).view(np.float64)
        symbols[i], sides[i] = load_plain(frame, 5), load_plain(frame, 6)
    return n


def _encode_batch(orders: Columns, frames: NDArray[np.uint8]) -> None:
    surface.check_room(orders, frames)
    refuse(_encode_columns(*orders.arrays(), frames))


def _decode_batch(frames: NDArray[np.uint8], out: Columns) -> Columns:
    """Fill `out`; where a frame is refused it holds the orders before that one."""
    surface.check_room(out, frames)
    refuse(_decode_columns(frames, *out.arrays()))
    return out


@variant(
    "codec",
    runtime="native",
    example_of="a fixed little-endian frame, compiled",
    capabilities=("messages", "own_loop", "fields", "depth", "depth_fields", "call", "non_finite", "versioned"),
)
def packed(_config: object) -> NativeCodec:
    """Make the codec."""
    return NativeCodec(
        order_bytes=_BYTES,
        encode=layout.encode_order,
        decode=layout.decode_order,
        read=_read,
        encode_many=_encode_many,
        decode_many=_decode_many,
        read_many=_read_many,
        encode_depth=layout.encode_depth,
        decode_depth=layout.decode_depth,
        read_depth=_read_depth,
        python=surface.frame_codec(BatchCodec(_encode_batch, _decode_batch)),
    )
