"""The messages between exchange and engine: what goes in comes out, what is none is refused, offsets are as documented."""

import random
import struct
from decimal import Decimal

import pytest

from tickbench.components.codec import layout
from tickbench.components.codec.contract import Depth, FrameError, Order
from tickbench.engine import digest, protocol
from tickbench.engine.protocol import OrderMessage, Report, make_terms

ORDER = OrderMessage(Order(7 << 32 | 5, "BTCUSDT", 1, 1_000, 61_800.2, 77), 5_123_107_852_948, 3)
REPORT = Report(7 << 32 | 5, "BTCUSDT", protocol.FILL, 0, 1, 3, 618_002, 1_000, 5_123_107_852_948, True)


@pytest.mark.parametrize("wire", protocol.WIRES)
def test_orders_and_reports_come_back_as_they_were(wire):
    assert protocol.decode_order(protocol.encode_order(ORDER, wire), wire) == ORDER
    assert protocol.decode_report(protocol.encode_report(REPORT, wire), wire) == REPORT


def test_the_binary_order_is_the_envelope_and_the_codecs_own_frame():
    frame = protocol.encode_order(ORDER, "binary")
    assert len(frame) == 88
    assert struct.unpack_from("<HHHHQQ", frame) == (16, 17, 0x5442, 1, ORDER.cause, ORDER.sequence)
    body = bytearray(frame[24:])
    address = (layout.np.frombuffer(body, dtype=layout.np.uint8)).ctypes.data
    assert layout.check_order_frame(address, len(body)) == 0


@pytest.mark.parametrize("wire", protocol.WIRES)
def test_no_byte_string_is_taken_for_an_order_that_it_is_not(wire):
    draw, good = random.Random(1), protocol.encode_order(ORDER, wire)
    for length in range(len(good)):
        with pytest.raises(FrameError):
            protocol.decode_order(good[:length], wire)
    for _ in range(2_000):
        broken = bytearray(good)
        broken[draw.randrange(len(broken))] = draw.randrange(256)
        try:
            found = protocol.decode_order(bytes(broken), wire)
        except FrameError:
            continue
        assert wire == "json" or protocol.encode_order(found, wire) == bytes(broken)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"null",
        b'{"type":"order"}',
        b"[" * 900,
        b'{"type":"x","cause":1,"sequence":1,"order":{}}',
        b"\xff\xfe",
        b'{"a":1}',
    ],
)
def test_hostile_texts_are_refused(text):
    with pytest.raises(FrameError):
        protocol.decode_order(text, "json")


def test_feed_messages_come_back_as_they_were():
    depth = Depth(11, 12, 1_723, "BTCUSDT", [(618_002, 5)], [(618_003, 7), (618_004, 0)])
    found = protocol.decode_feed(protocol.encode_envelope(9, 10, snapshot=True) + protocol.encode_depth(depth))
    assert found == (9, 10, True, layout.DEPTH_TEMPLATE, depth)
    ticker = protocol.decode_feed(protocol.encode_envelope(1, 0) + protocol.encode_ticker(3, 4, "A", (1, 2, 3, 4)))
    assert ticker.body == (3, 4, "A", 1, 2, 3, 4)
    trade = protocol.decode_feed(protocol.encode_envelope(1, 0) + protocol.encode_trade(3, 4, "A", 1, 2, buyer_made=True))
    assert trade.body == (3, 4, "A", 1, 2, 1)
    for broken in (b"", b"x" * 31, protocol.encode_envelope(1, 0), protocol.encode_envelope(1, 0) + b"x" * 64):
        with pytest.raises(FrameError):
            protocol.decode_feed(broken)


@pytest.mark.parametrize("tick_size", ["0.01", "0.1", "0.05", "5", "0.000001", "0.00025"])
def test_a_price_in_ticks_survives_its_float(tick_size):
    terms, draw = make_terms("A", Decimal(tick_size), Decimal("0.001"), 1), random.Random(2)
    for ticks in [1, protocol.MOST_PRICE_TICKS, *(draw.randrange(1, protocol.MOST_PRICE_TICKS) for _ in range(2_000))]:
        price = terms.price_of(ticks)
        assert price == float(ticks * Decimal(tick_size))
        assert terms.ticks_of(price) == ticks
        assert terms.ticks_of(price + float(tick_size) / 3) == -1


@pytest.mark.parametrize("price", [0.0, -0.1, float("inf"), float("nan"), 1e300, 5e-324])
def test_prices_that_are_none_have_no_ticks(price):
    assert make_terms("A", Decimal("0.1"), Decimal("0.001"), 1).ticks_of(price) == -1


def test_the_digest_is_the_same_compiled_and_tells_everything_apart():
    draw, state, compiled = random.Random(3), 0, 0
    for word in (0, 1, (1 << 64) - 1, *(draw.randrange(1 << 64) for _ in range(200))):
        state, compiled = digest.mix(state, word), int(digest.mix_compiled(compiled, word))
        assert state == compiled
    order = (11, 1, 0, 100, 5, 9)
    states = {digest.mix_order(0, *order)} | {
        digest.mix_order(0, *(value + (place == changed) for place, value in enumerate(order))) for changed in range(len(order))
    }
    assert len(states) == 1 + len(order)
    whole = digest.digest_of_words([("A", 1, 2, 3, 4), ("B", 5, 6, 7, 8)])
    assert whole == digest.digest_of_words([("B", 5, 6, 7, 8), ("A", 1, 2, 3, 4)])
    assert whole != digest.digest_of_words([("A", 1, 2, 3, 5), ("B", 5, 6, 7, 8)])
