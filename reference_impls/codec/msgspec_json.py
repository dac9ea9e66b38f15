"""JSON text by msgspec, parsed straight into typed structs, which does most of the checking."""

from typing import Annotated, Literal

import msgspec

from tickbench.components.codec import exchange
from tickbench.components.codec.contract import Depth, FrameError, Order, PythonCodec, check_depth, check_head, check_order
from tickbench.registry import variant

_U64_BITS = 64
_Unsigned = Annotated[int, msgspec.Meta(ge=0)]
_Symbol = Annotated[str, msgspec.Meta(min_length=1, max_length=8)]


class _Order(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    id: _Unsigned
    symbol: _Symbol
    side: Annotated[int, msgspec.Meta(ge=0, le=1)]
    quantity: _Unsigned
    price: float
    timestamp_ns: _Unsigned


class _Depth(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The exchange's object; its one-letter names are its keys."""

    e: Literal["depthUpdate"]
    E: _Unsigned
    s: _Symbol
    U: _Unsigned
    u: _Unsigned
    b: list[tuple[str, str]]
    a: list[tuple[str, str]]


_encoder = msgspec.json.Encoder()
_parse_order = msgspec.json.Decoder(_Order).decode
_parse_depth = msgspec.json.Decoder(_Depth).decode


@variant("codec", runtime="python", example_of="JSON by msgspec, typed", capabilities=("messages", "depth", "call"))
def msgspec_json(_config: object) -> PythonCodec:
    """Make the codec. msgspec writes NaN as null, so such a price is refused where the struct is made."""
    return PythonCodec(
        make=lambda order: _Order(*check_order(order, finite=True)),
        encode=_encoder.encode,
        decode=_decode,
        order_of=lambda found: check_order(Order(*msgspec.structs.astuple(found))),
        make_depth=check_depth,
        encode_depth=_encode_depth,
        decode_depth=_decode_depth,
        depth_of=lambda depth: depth,
        load_text=msgspec.json.Decoder().decode,
    )


def _decode(frame: bytes) -> _Order:
    found = _parse_order(frame)
    if (found.id | found.quantity | found.timestamp_ns) >> _U64_BITS or not found.symbol.isascii():
        raise FrameError("order: a number is 2^64 or more, or the symbol is not ASCII")  # msgspec limits neither
    return found


def _encode_depth(depth: Depth) -> bytes:
    bids, asks = exchange.texts_of(depth.bids), exchange.texts_of(depth.asks)
    return _encoder.encode(
        _Depth("depthUpdate", depth.event_time_ms, depth.symbol, depth.first_update_id, depth.final_update_id, bids, asks)
    )


def _decode_depth(frame: bytes) -> Depth:
    found = _parse_depth(frame)
    bids, asks = exchange.levels_of(found.b), exchange.levels_of(found.a)
    return check_head(Depth(found.U, found.u, found.E, found.s, bids, asks))
