"""Whether a codec gives back exactly what it was given, and refuses everything else.

Prices are compared by their 64 bits, so that -0.0 is not 0.0. What must be refused: every proper prefix of a frame, a frame
with something behind it, a side that is neither 0 nor 1, numbers outside 64 bits, symbols that are too long; where the
variant is `versioned` also another block length, template, schema or version, and padding that is not zero. Refused means
ValueError; any other exception, or an order, fails the variant.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tickbench.components.codec import samples
from tickbench.components.codec.contract import (
    FRAME_STRIDE_BYTES,
    U64_LIMIT,
    BatchCodec,
    Columns,
    Depth,
    NativeCodec,
    Order,
    PythonCodec,
)
from tickbench.components.codec.native_oracle import native_checks
from tickbench.components.codec.results import NOTHING_TO_CHECK, python_side
from tickbench.components.component import MarketFeed, Verification
from tickbench.components.shared.digest import digest_of
from tickbench.registry import Variant

Checks = Iterator[tuple[bool, str]]  # whether a check passed, and what was wrong if not

_SOME = (1, 50)  # seed and number of ordinary orders
_PLAIN = Order(0x0102030405060708, "BTCUSDT", 0, 5_000, 61737.63, 1_723_161_255_208_000_000)
_BAD_ORDERS = (
    _PLAIN._replace(id=-1),
    _PLAIN._replace(id=U64_LIMIT),
    _PLAIN._replace(quantity=U64_LIMIT),
    _PLAIN._replace(timestamp_ns=-1),
    _PLAIN._replace(side=2),
    _PLAIN._replace(side=-1),
    _PLAIN._replace(symbol=""),
    _PLAIN._replace(symbol="ABCDEFGHI"),
    _PLAIN._replace(symbol="É"),
    _PLAIN._replace(symbol="A\0B"),
)


def verify(variant: Variant, _feed: MarketFeed | None) -> Verification:
    """Try all of the above on one variant; the first check that fails is told."""
    if variant.null:
        return NOTHING_TO_CHECK
    checks = 0
    for passed, detail in _all_checks(variant):
        checks += 1
        if not passed:
            return Verification(False, checks, detail)
    return Verification(True, checks, f"{checks} round trips and refusals are right", _digest())


def _digest() -> str:
    """Of the orders that every codec gave back and of those that it refused; what only some can do is left out."""
    return digest_of([samples.order_words([*samples.edge_orders(), *samples.orders(*_SOME)]), repr(_BAD_ORDERS)])


def _all_checks(variant: Variant) -> Checks:
    codec: NativeCodec | PythonCodec = variant.build(None)
    python, abilities = python_side(codec), variant.capabilities
    yield from order_checks(python, non_finite="non_finite" in abilities)
    yield from refusal_checks("order", python.decode, _frame(python, _PLAIN))
    yield from _side_checks(python)
    if "versioned" in abilities:
        yield from header_checks("order", python.decode, _frame(python, _PLAIN), padding=range(49, 64))
    if python.make_depth is not None:
        yield from _depth_checks(python, versioned="versioned" in abilities)
    if python.batch is not None:
        yield from _batch_checks(python.batch, python)
    if isinstance(codec, NativeCodec):
        yield from native_checks(codec, versioned="versioned" in abilities)


def same(a: Order, b: Order) -> bool:
    """Whether two orders are equal to the last bit, and of the same types."""
    if type(a.price) is not float or type(b.price) is not float:
        return False
    return a._replace(price=0.0) == b._replace(price=0.0) and samples.price_word(a.price) == samples.price_word(b.price)


def _frame(codec: PythonCodec, order: Order) -> bytes:
    return codec.encode(codec.make(order))


def raises_value_error(function: Callable[..., Any], *arguments: Any) -> tuple[bool, str]:
    """Whether a call refuses as it should; other exceptions count as wrong."""
    try:
        answer = function(*arguments)
    except ValueError:
        return True, ""
    except Exception as error:
        return False, f"raised {type(error).__name__} ({error}), not ValueError"
    return False, f"gave {answer!r}"


def order_checks(codec: PythonCodec, *, non_finite: bool) -> Checks:
    """Round trips of ordinary orders and of every edge; bad orders, and prices that the format lacks, are refused."""
    for order in (*samples.edge_orders(), *samples.orders(*_SOME)):
        try:
            back = codec.order_of(codec.decode(_frame(codec, order)))
        except Exception as error:
            yield False, f"{order}: {type(error).__name__}: {error}"
            return
        yield same(back, order), f"{order} came back as {back}"
    for order in samples.non_finite_orders():
        if non_finite:
            back = codec.order_of(codec.decode(_frame(codec, order)))
            yield same(back, order), f"{order} came back as {back}"
        else:
            refused, seen = raises_value_error(_frame, codec, order)
            yield refused, f"{order} has a price that the format lacks: encoding {seen}"
    for order in _BAD_ORDERS:
        refused, seen = raises_value_error(_frame, codec, order)
        yield refused, f"{order!r} is no order: encoding {seen}"


def refusal_checks(what: str, decode: Callable[[bytes], Any], frame: bytes) -> Checks:
    """Every proper prefix, and the frame with something behind it."""
    for length in range(len(frame)):
        refused, seen = raises_value_error(decode, frame[:length])
        yield refused, f"{what}: {length} of {len(frame)} bytes: decoding {seen}"
    for more in (b"\0", b"x", frame):
        refused, seen = raises_value_error(decode, frame + more)
        yield refused, f"{what}: {len(more)} bytes too many: decoding {seen}"


def _side_checks(codec: PythonCodec) -> Checks:
    """Find the byte that holds the side by encoding both, and put other sides there."""
    buy, sell = _frame(codec, _PLAIN), _frame(codec, _PLAIN._replace(side=1))
    differing = [at for at, (a, b) in enumerate(zip(buy, sell, strict=True)) if a != b]
    yield len(differing) == 1, f"order: buy and sell differ in bytes {differing}, expected in one"
    at = differing[0]
    for step in (2, 3, 7, 0x80):
        refused, seen = raises_value_error(codec.decode, _with_byte(buy, at, (buy[at] + step) & 0xFF))
        yield refused, f"order: side byte {(buy[at] + step) & 0xFF:#x}: decoding {seen}"


def _with_byte(frame: bytes, at: int, value: int) -> bytes:
    return frame[:at] + bytes([value]) + frame[at + 1 :]


def header_checks(what: str, decode: Callable[[bytes], Any], frame: bytes, padding: range) -> Checks:
    """Every bit of the header and of the padding, flipped."""
    for at in (*range(8), *padding):
        for bit in range(8):
            refused, seen = raises_value_error(decode, _with_byte(frame, at, frame[at] ^ 1 << bit))
            yield refused, f"{what}: bit {bit} of byte {at} flipped: decoding {seen}"


def _depth_checks(codec: PythonCodec, *, versioned: bool) -> Checks:
    make, encode, decode, depth_of = codec.make_depth, codec.encode_depth, codec.decode_depth, codec.depth_of
    assert make is not None and encode is not None and decode is not None and depth_of is not None  # noqa: PT018
    for depth in (*samples.edge_depths(), *samples.depths(1, 20, 30)):
        try:
            back = depth_of(decode(encode(make(depth))))
        except Exception as error:
            yield False, f"{depth}: {type(error).__name__}: {error}"
            return
        yield _plain(back) == _plain(depth), f"{depth} came back as {back}"
    plain = samples.depths(2, 1, 3)[0]
    for bad in (plain._replace(bids=[(-1, 1)]), plain._replace(asks=[(1, 1 << 63)]), plain._replace(symbol="ABCDEFGHI")):
        refused, seen = raises_value_error(lambda depth: encode(make(depth)), bad)
        yield refused, f"{bad} is no depth frame: encoding {seen}"
    frame = encode(make(plain))
    yield from refusal_checks("depth", decode, frame)
    if versioned:
        yield from header_checks("depth", decode, frame, padding=range(40, 48))


def _plain(depth: Depth) -> tuple[Any, ...]:
    return (*depth[:4], [tuple(level) for level in depth.bids], [tuple(level) for level in depth.asks])


def _batch_checks(batch: BatchCodec, python: PythonCodec) -> Checks:
    """Columns against the frames of single calls, byte for byte, and back; refusals as for single frames."""
    orders = [*samples.edge_orders(), *samples.orders(2, 30), *samples.non_finite_orders()]
    columns, n = samples.columns(orders), len(orders)
    frames, out = np.full(n * FRAME_STRIDE_BYTES, 0xEE, dtype=np.uint8), Columns.empty(n)
    batch.encode(columns, frames)
    rows = frames.reshape(n, FRAME_STRIDE_BYTES)
    for row, order in zip(rows, orders, strict=True):
        frame = _frame(python, order)
        yield row.tobytes()[: len(frame)] == frame, f"batch: {order}: the frame differs from that of a single call"
    for found, expected in zip(batch.decode(frames, out).arrays(), columns.arrays(), strict=True):
        yield found.tobytes() == expected.tobytes(), f"batch: a column came back as {found!r}, expected {expected!r}"
    bad_sides = Columns(*(array.copy() for array in columns.arrays()))
    bad_sides.sides[n // 2] = 2
    short = Columns(*(array[:-1] for array in columns.arrays()))
    for what, arguments in (("side 2", (bad_sides, frames)), ("a column too short", (short, frames))):
        refused, seen = raises_value_error(batch.encode, *arguments)
        yield refused, f"batch: {what}: encoding {seen}"
    batch.encode(columns, frames)
    for at in (0, 2, 4, 6, 48, 49, 63):
        spoilt = frames.copy()
        spoilt[FRAME_STRIDE_BYTES * (n - 1) + at] ^= 0x10
        refused, seen = raises_value_error(batch.decode, spoilt, out)
        yield refused, f"batch: byte {at} of the last frame is wrong: decoding {seen}"
    refused, seen = raises_value_error(batch.decode, frames[:-1], out)
    yield refused, f"batch: a byte too few: decoding {seen}"
