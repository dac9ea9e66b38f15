"""Compiled codecs as Python calls them, one message a call: a dispatch of a kernel costs more than its work.

Not safe for two threads: each codec has one buffer. Bytes are copied out of it, so that a frame is a bytes object as with the
other libraries.
"""

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tickbench.components.codec import layout, samples
from tickbench.components.codec.contract import (
    DEPTH_HEAD_WORDS,
    FRAME_STRIDE_BYTES,
    ORDER_WORDS,
    OVERSIZED,
    BatchCodec,
    Columns,
    Depth,
    FrameError,
    Order,
    PythonCodec,
    check_depth,
    check_order,
    refuse,
    symbol_text,
    symbol_word,
    word_bytes,
)
from tickbench.kernels.memory import WORD_BYTES, Block

_ORDER = struct.Struct("<Q8sQQdQ")  # an order in memory: id, symbol, side, quantity, price, timestamp
_Fields = tuple[int, bytes, int, int, float, int]


def check_room(orders: Columns, frames: NDArray[np.uint8]) -> None:
    """Raise FrameError unless the columns are equally long and the frames have the room of exactly that many orders."""
    n = len(orders.ids)
    if any(len(array) != n for array in orders.arrays()) or frames.nbytes != n * FRAME_STRIDE_BYTES:
        raise FrameError(f"batch: {n} orders need columns of that length and {n * FRAME_STRIDE_BYTES} bytes of frames")


def kernel_codec(encode: Any, decode: Any, order_bytes: int) -> PythonCodec:
    """A Python side for the kernels of a codec of orders."""
    surface = _Surface(encode, decode, order_bytes)
    return PythonCodec(make=_make, encode=surface.encode, decode=surface.decode, order_of=_order_of)


def frame_codec(batch: BatchCodec) -> PythonCodec:
    """A Python side for the frames of `layout`, depth frames and batches included."""
    codec = kernel_codec(layout.encode_order, layout.decode_order, layout.ORDER_BYTES)
    codec.make_depth = lambda depth: samples.depth_words(check_depth(depth))
    codec.encode_depth, codec.decode_depth, codec.depth_of = _encode_depth, _decode_depth, _depth_of
    codec.batch = batch
    return codec


class _Surface:
    """The buffer of one order's frame and of one order in memory."""

    def __init__(self, encode: Any, decode: Any, order_bytes: int) -> None:
        self._encode, self._decode, self._order_bytes = encode, decode, order_bytes
        self._frame, self._order = Block(FRAME_STRIDE_BYTES // WORD_BYTES), Block(ORDER_WORDS)
        self._bytes = memoryview(self._frame.array.view(np.uint8))  # type: ignore[arg-type]  # arrays are buffers
        self._order_memory = memoryview(self._order.array)  # type: ignore[arg-type]  # as above
        self._sent = self._bytes[:order_bytes]
        self._frame_address, self._order_address = self._frame.address, self._order.address

    def encode(self, order: _Fields) -> bytes:
        """The order's frame."""
        _ORDER.pack_into(self._order_memory, 0, *order)
        if self._encode(self._order_address, self._frame_address, self._order_bytes) != self._order_bytes:
            raise FrameError(f"order: {order} was refused")
        return bytes(self._sent)

    def decode(self, frame: bytes) -> _Fields:
        """The order in a frame; FrameError where it is none."""
        length_bytes = len(frame)
        if length_bytes > FRAME_STRIDE_BYTES:
            refuse(OVERSIZED)
        self._bytes[:length_bytes] = frame
        refuse(self._decode(self._frame_address, length_bytes, self._order_address, ORDER_WORDS))
        return _ORDER.unpack_from(self._order_memory)


def _make(order: Order) -> _Fields:
    check_order(order)
    return (order.id, word_bytes(symbol_word(order.symbol)), *order[2:])


def _order_of(order: _Fields) -> Order:
    return Order(order[0], symbol_text(order[1]), *order[2:])


def _encode_depth(record: NDArray[np.int64]) -> bytes:
    frame = np.zeros(len(record) + 16, dtype=np.int64)
    length_bytes = layout.encode_depth(record.ctypes.data, frame.ctypes.data, frame.nbytes)
    refuse(length_bytes)
    return frame.tobytes()[:length_bytes]


def _decode_depth(data: bytes) -> NDArray[np.int64]:
    frame = np.zeros(len(data) // 8 + 1, dtype=np.int64)  # a copy that is aligned
    frame.view(np.uint8)[: len(data)] = np.frombuffer(data, dtype=np.uint8)
    record = np.zeros(DEPTH_HEAD_WORDS + len(frame) // 2 * 2, dtype=np.int64)  # more than its levels need
    refuse(layout.decode_depth(frame.ctypes.data, len(data), record.ctypes.data, len(record)))
    return record


def _depth_of(record: NDArray[np.int64]) -> Depth:
    first_id, final_id, time_ms = record[:3].view(np.uint64).tolist()
    symbol, bids, asks = record[3:DEPTH_HEAD_WORDS].tolist()
    levels = [(price, lots) for price, lots in record[DEPTH_HEAD_WORDS:].reshape(-1, 2).tolist()][: bids + asks]
    return Depth(first_id, final_id, time_ms, symbol_text(word_bytes(symbol)), levels[:bids], levels[bids:])
