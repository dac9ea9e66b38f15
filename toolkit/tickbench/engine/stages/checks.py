"""Which variants can be a stage: found out from what they provide, never from their names."""

from __future__ import annotations

from typing import Any

from tickbench.components.codec import layout
from tickbench.components.codec.contract import NativeCodec, Order, PythonCodec
from tickbench.components.indicators.contract import Indicators
from tickbench.components.order_book.contract import NativeBook
from tickbench.engine.protocol import ORDER_ENVELOPE_BYTES, OrderMessage, encode_order
from tickbench.errors import UsageError

_SAMPLE = Order(1 << 32 | 1, "SAMPLE", 1, 3, 61_800.25, 77)


def python_side(codec: NativeCodec | PythonCodec) -> PythonCodec:
    """A codec as Python calls it."""
    return codec.python if isinstance(codec, NativeCodec) else codec


def check_codec(name: str, codec: NativeCodec | PythonCodec, wire: str) -> None:
    """UsageError unless the codec's orders are what the wire carries: tried with one order."""
    python = python_side(codec)
    encoded = python.encode(python.make(_SAMPLE))
    if wire == "binary":
        fits = encoded == encode_order(OrderMessage(_SAMPLE, 0, 0), "binary")[ORDER_ENVELOPE_BYTES:]
    else:
        fits = python.load_text is not None and python.load_text(encoded) == _SAMPLE._asdict()
    if not fits:
        raise UsageError(
            f"codec {name} does not write orders as the {wire} wire carries them: choose another codec, or --wire "
            f"{'json' if wire == 'binary' else 'binary'}"
        )


def check_indicators(name: str, indicators: Indicators) -> None:
    """UsageError unless a score can be had from the variant, one symbol at a time."""
    of_one = indicators.lanes == 1 and ("tick" in indicators.kernels or "pipeline" in indicators.kernels)
    if not (of_one or "pipeline" in indicators.functions):
        raise UsageError(f"indicators {name} gives no score for one symbol: choose one with the capability tick or pipeline")


def can_be_compiled(codec: Any, book: Any) -> bool:
    """Whether codec and book have the kernels of a compiled engine."""
    reads = isinstance(codec, NativeCodec) and (codec.decode_depth or codec.read_depth) is not None
    return reads and codec.order_bytes == layout.ORDER_BYTES and isinstance(book, NativeBook)
