"""The 64-byte frame by the standard library's struct module: the layout of `packed`, field by field from Python."""

import struct as library

from tickbench.components.codec import layout
from tickbench.components.codec.contract import (
    SELL,
    FrameError,
    Order,
    PythonCodec,
    check_order,
    symbol_text,
    symbol_word,
    word_bytes,
)
from tickbench.registry import variant

_FRAME = library.Struct("<QQQdQ8sB15s")  # header, id, quantity, price, timestamp, symbol, side, padding
_ZEROS = bytes(15)
_Message = tuple[int, int, int, float, int, bytes, int, bytes]


@variant(
    "codec",
    runtime="python",
    example_of="a fixed layout by the struct module",
    capabilities=("messages", "call", "non_finite", "versioned"),
)
def struct(_config: object) -> PythonCodec:
    """Make the codec: an order is the tuple that `Struct.pack` takes."""
    return PythonCodec(make=_make, encode=_encode, decode=_decode, order_of=_order_of)


def _make(order: Order) -> _Message:
    check_order(order)
    symbol = word_bytes(symbol_word(order.symbol))
    return (layout.ORDER_HEADER, order.id, order.quantity, order.price, order.timestamp_ns, symbol, order.side, _ZEROS)


def _encode(order: _Message) -> bytes:
    return _FRAME.pack(*order)


def _decode(frame: bytes) -> _Message:
    try:
        order = _FRAME.unpack(frame)  # refuses every other length
    except library.error as error:
        raise FrameError(f"order: {error}") from None
    if order[0] != layout.ORDER_HEADER or order[6] > SELL or order[7] != _ZEROS:
        raise FrameError(f"order: header {order[0]:#x}, side {order[6]} or the padding is wrong")
    return order


def _order_of(order: _Message) -> Order:
    return Order(order[1], symbol_text(order[5]), order[6], order[2], order[3], order[4])
