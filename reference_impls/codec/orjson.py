"""JSON text by orjson: the same objects and checks as the reference, parsed and written by a Rust library."""

import orjson as library

from tickbench.components.codec import exchange
from tickbench.components.codec.contract import Depth, Order, PythonCodec, check_depth
from tickbench.registry import variant


@variant("codec", runtime="python", example_of="JSON by orjson", capabilities=("messages", "depth", "call"))
def orjson(_config: object) -> PythonCodec:
    """Make the codec. orjson writes NaN as null, so such a price is refused where the object is made."""
    return PythonCodec(
        make=exchange.order_object,
        encode=library.dumps,
        decode=_decode,
        order_of=Order._make,
        make_depth=check_depth,
        encode_depth=_encode_depth,
        decode_depth=_decode_depth,
        depth_of=lambda depth: depth,
        load_text=library.loads,
    )


def _decode(frame: bytes) -> exchange.OrderFields:
    return exchange.order_from_object(library.loads(frame))


def _encode_depth(depth: Depth) -> bytes:
    return library.dumps(exchange.depth_object(depth))


def _decode_depth(frame: bytes) -> Depth:
    return exchange.depth_from_object(library.loads(frame))
