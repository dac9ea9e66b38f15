"""The same frame without decoding: fields are read where the bytes arrived, after one check of header, side and padding.

In kernels that is a load at a fixed offset, in Python a numpy structured dtype over the buffer. A frame that may be
overwritten while it is read (a ring) must be held until the reader is done: a view owns nothing.
"""

import numpy as np
from numpy.typing import NDArray

from tickbench.components.codec import layout, surface
from tickbench.components.codec.contract import (
    FRAME_STRIDE_BYTES,
    READ,
    READ_MANY,
    SELL,
    BatchCodec,
    Columns,
    FrameError,
    NativeCodec,
    refuse,
)
from tickbench.kernels.atomics import store_plain
from tickbench.kernels.jit import kernel
from tickbench.registry import variant

_BYTES = layout.ORDER_BYTES
_PADDING = np.dtype({"names": ["low", "high"], "formats": ["<u8", "<u8"], "offsets": [48, 56], "itemsize": _BYTES})


@kernel(READ)
def _read(frame, length_bytes, scratch, out):
    code = layout.check_order_frame(frame, length_bytes)
    if code == 0:
        store_plain(out, 0, layout.add_fields(frame))
    return code


@kernel(READ_MANY)
def _read_many(frames, scratch, out, n):
    for i in range(n):
        if _read(frames + FRAME_STRIDE_BYTES * i, _BYTES, scratch, out + 8 * i) != 0:
            return i
    return n


@kernel(READ)
def _read_depth(frame, length_bytes, scratch, out):
    levels = layout.check_depth_frame(frame, length_bytes)
    if levels < 0:
        return levels
    store_plain(out, 0, layout.add_depth(frame, levels))
    return 0


def _encode_batch(orders: Columns, frames: NDArray[np.uint8]) -> None:
    """Assign the columns to the fields of the frames."""
    surface.check_room(orders, frames)
    if (orders.sides > SELL).any():
        raise FrameError("order: a side is neither 0 (buy) nor 1 (sell)")
    found = frames.view(layout.ORDER_DTYPE)
    zeros = frames.view(_PADDING)
    zeros["low"] = zeros["high"] = 0
    found["header"], found["side"] = layout.ORDER_HEADER, orders.sides
    found["id"], found["quantity"], found["timestamp_ns"] = orders.ids, orders.quantities, orders.timestamps_ns
    found["price"], found["symbol"] = orders.prices, orders.symbols


def _decode_batch(frames: NDArray[np.uint8], out: Columns) -> Columns:
    """Columns that are views into the frames: checked, not copied."""
    surface.check_room(out, frames)
    refuse(layout.check_order_frames(frames))
    found = frames.view(layout.ORDER_DTYPE)
    return Columns(*(found[name] for name in ("id", "symbol", "side", "quantity", "price", "timestamp_ns")))


@variant(
    "codec",
    runtime="native",
    example_of="fields read in place, no decoding",
    capabilities=("fields", "depth_fields", "non_finite", "versioned"),
)
def view(_config: object) -> NativeCodec:
    """Make the codec; it has no decode kernel, for there is nothing to decode."""
    return NativeCodec(
        order_bytes=_BYTES,
        encode=layout.encode_order,
        decode=None,
        read=_read,
        encode_many=None,
        decode_many=None,
        read_many=_read_many,
        encode_depth=layout.encode_depth,
        read_depth=_read_depth,
        python=surface.frame_codec(BatchCodec(_encode_batch, _decode_batch)),
    )
