"""MessagePack by msgspec, an order as an array of its fields: the fastest general-purpose encoding from Python that we know."""

from typing import Annotated

import msgspec

from tickbench.components.codec.contract import FrameError, Order, PythonCodec, check_order
from tickbench.registry import variant

_Unsigned = Annotated[int, msgspec.Meta(ge=0)]


class _Order(msgspec.Struct, array_like=True, forbid_unknown_fields=True, gc=False):
    id: _Unsigned
    symbol: Annotated[str, msgspec.Meta(min_length=1, max_length=8)]
    side: Annotated[int, msgspec.Meta(ge=0, le=1)]
    quantity: _Unsigned
    price: float
    timestamp_ns: _Unsigned


_parse = msgspec.msgpack.Decoder(_Order).decode


@variant(
    "codec",
    runtime="python",
    example_of="MessagePack arrays by msgspec",
    capabilities=("messages", "call", "non_finite"),
)
def msgspec_msgpack(_config: object) -> PythonCodec:
    """Make the codec. MessagePack carries 64-bit integers and every binary64, so nothing is refused but bad orders."""
    return PythonCodec(
        make=lambda order: _Order(*check_order(order)),
        encode=msgspec.msgpack.Encoder().encode,
        decode=_decode,
        order_of=lambda found: check_order(Order(*msgspec.structs.astuple(found))),
    )


def _decode(frame: bytes) -> _Order:
    found = _parse(frame)
    if not found.symbol.isascii():
        raise FrameError("order: the symbol is not ASCII")
    return found
