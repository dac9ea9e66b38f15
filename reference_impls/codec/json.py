"""JSON text by the standard library: what a Python engine starts from, and what the plan calls the problem (3.1)."""

import json as library

from tickbench.components.codec import exchange
from tickbench.components.codec.contract import Depth, Order, PythonCodec, check_depth
from tickbench.registry import variant

_dump = library.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


@variant(
    "codec",
    runtime="python",
    example_of="JSON by the standard library",
    capabilities=("messages", "depth", "call"),
    reference=True,
)
def json(_config: object) -> PythonCodec:
    """Make the codec: objects are dicts, orders checked field by field after parsing."""
    return PythonCodec(
        make=exchange.order_object,
        encode=_encode,
        decode=_decode,
        order_of=Order._make,
        make_depth=check_depth,
        encode_depth=_encode_depth,
        decode_depth=_decode_depth,
        depth_of=lambda depth: depth,
        load_text=library.loads,
    )


def _encode(order: dict[str, object]) -> bytes:
    return _dump(order).encode("ascii")


def _decode(frame: bytes) -> exchange.OrderFields:
    return exchange.order_from_object(library.loads(frame))


def _encode_depth(depth: Depth) -> bytes:
    return _dump(exchange.depth_object(depth)).encode("ascii")


def _decode_depth(frame: bytes) -> Depth:
    return exchange.depth_from_object(library.loads(frame))
