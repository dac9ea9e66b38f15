"""The codec's bytes are what the layouts say, what comes back is what was given, and broken codecs are found out."""

import json
import math
import re
import struct
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tickbench.components.codec import COMPONENT, contract, drivers, exchange, layout, samples
from tickbench.components.codec.contract import Depth, FrameError, Order
from tickbench.components.codec.oracle import same, verify
from tickbench.components.codec.results import python_side
from tickbench.components.component import Job
from tickbench.kernels.clock import calibrate
from tickbench.kernels.hdr import Histogram
from tickbench.registry import discover

_variants, _ = discover("codec")
VARIANTS = {one.name: one for one in _variants}
CODECS = {name: python_side(one.build(None)) for name, one in VARIANTS.items() if not one.null}
every_codec = pytest.mark.parametrize("name", CODECS)
framed = pytest.mark.parametrize("name", ["packed", "view", "struct"])
with_depth = pytest.mark.parametrize("name", [name for name, one in CODECS.items() if one.make_depth])

GOLDEN = Order(0x0102030405060708, "BTCUSDT", 1, 0x1112131415161718, -1.5, 0xF1F2F3F4F5F6F7F8)
# By hand from the layout: -1.5 is sign 1, exponent 1023, fraction 0.5, so 0xBFF8000000000000.
GOLDEN_FRAME = bytes.fromhex(
    "38000100 42540100 0807060504030201 1817161514131211 000000000000f8bf f8f7f6f5f4f3f2f1"
    "4254435553445400 01 00000000000000 0000000000000000"
)
GOLDEN_BINCODE = bytes.fromhex("0807060504030201 4254435553445400 01 1817161514131211 000000000000f8bf f8f7f6f5f4f3f2f1")
GOLDEN_DEPTH = Depth(0x0A, 0x0B, 0x0C0D, "BTC", [(0x0102, 0x03)], [(0x0405, 0), (0x06, 0x07)])
GOLDEN_DEPTH_FRAME = bytes.fromhex(
    "28000200 42540100 0a00000000000000 0b00000000000000 0d0c000000000000 4254430000000000 0100 0200 02 05 0000"
    "0201000000000000 0300000000000000 0504000000000000 0000000000000000 0600000000000000 0700000000000000"
)

_u64 = st.integers(0, 2**64 - 1)
_symbols = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=8)
_orders = st.builds(Order, _u64, _symbols, st.integers(0, 1), _u64, st.floats(allow_nan=False), _u64)
_levels = st.lists(st.tuples(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1)), max_size=5)


@pytest.fixture(scope="module")
def clock():
    return calibrate(0.002)


@framed
def test_an_order_is_the_golden_frame(name):
    codec = CODECS[name]
    assert codec.encode(codec.make(GOLDEN)) == GOLDEN_FRAME
    assert codec.order_of(codec.decode(GOLDEN_FRAME)) == GOLDEN


def test_the_plans_image_is_the_golden_one():
    codec = CODECS["bincode"]
    assert codec.encode(codec.make(GOLDEN)) == GOLDEN_BINCODE
    assert codec.order_of(codec.decode(GOLDEN_BINCODE)) == GOLDEN
    assert struct.pack("<Q8sBQdQ", *GOLDEN._replace(symbol=b"BTCUSDT")) == GOLDEN_BINCODE


def test_struct_and_numpy_read_the_frame_alike():
    fields = struct.unpack("<4HQQdQ8sB15s", GOLDEN_FRAME)
    assert fields[:4] == (56, 1, 0x5442, 1)
    assert fields[4:] == (GOLDEN.id, GOLDEN.quantity, -1.5, GOLDEN.timestamp_ns, b"BTCUSDT\0", 1, bytes(15))
    row = np.frombuffer(GOLDEN_FRAME, dtype=layout.ORDER_DTYPE)[0]
    assert (row["id"], row["quantity"], row["price"], row["side"]) == (GOLDEN.id, GOLDEN.quantity, -1.5, 1)
    assert row["timestamp_ns"] == GOLDEN.timestamp_ns
    assert int(row["symbol"]) == contract.symbol_word("BTCUSDT")


@pytest.mark.parametrize("name", ["packed", "view"])
def test_a_depth_frame_is_the_golden_one(name):
    codec = CODECS[name]
    assert codec.encode_depth(codec.make_depth(GOLDEN_DEPTH)) == GOLDEN_DEPTH_FRAME
    assert codec.depth_of(codec.decode_depth(GOLDEN_DEPTH_FRAME)) == GOLDEN_DEPTH


@pytest.mark.parametrize("name", ["json", "orjson", "msgspec_json"])
def test_depth_text_has_the_exchanges_form(name):
    codec = CODECS[name]
    depth = Depth(1, 2, 3, "BTCUSDT", [(6_173_763, 0), (5, 154_698)], [])
    text = codec.encode_depth(codec.make_depth(depth))
    assert json.loads(text) == {
        "e": "depthUpdate",
        "E": 3,
        "s": "BTCUSDT",
        "U": 1,
        "u": 2,
        "b": [["61737.63000000", "0.00000000"], ["0.05000000", "1.54698000"]],
        "a": [],
    }
    for wrong in (
        '"61737.63000001"',
        '"61737.63"',
        '"-1.00000000"',
        '"1e5"',
        '"61737.63000000 1.00000000"',
        "61737.63",
        "null",
    ):
        with pytest.raises(ValueError, match=r"."):
            codec.decode_depth(text.replace(b'"61737.63000000"', wrong.encode()))


@every_codec
@settings(max_examples=60, deadline=None)
@given(order=_orders)
def test_every_order_comes_back_to_the_last_bit(name, order):
    codec = CODECS[name]
    if "non_finite" not in VARIANTS[name].capabilities and not math.isfinite(order.price):
        with pytest.raises(FrameError):
            codec.encode(codec.make(order))
        return
    assert same(codec.order_of(codec.decode(codec.encode(codec.make(order)))), order)


@with_depth
@settings(max_examples=30, deadline=None)
@given(ids=st.tuples(_u64, _u64, _u64), symbol=_symbols, bids=_levels, asks=_levels)
def test_every_depth_frame_comes_back(name, ids, symbol, bids, asks):
    codec = CODECS[name]
    depth = Depth(*ids, symbol, bids, asks)
    assert codec.depth_of(codec.decode_depth(codec.encode_depth(codec.make_depth(depth)))) == depth


@framed
@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, 63), value=st.integers(0, 255))
def test_a_damaged_frame_is_refused_or_is_another_good_order(name, at, value):
    codec = CODECS[name]
    frame = GOLDEN_FRAME[:at] + bytes([value]) + GOLDEN_FRAME[at + 1 :]
    try:
        order = codec.order_of(codec.decode(frame))
    except ValueError:
        return
    assert codec.encode(codec.make(order)) == frame  # one form for each order: nothing was ignored


@every_codec
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=130))
def test_noise_raises_nothing_but_value_errors(name, data):
    codec = CODECS[name]
    for decode, to_message in ((codec.decode, codec.order_of), (codec.decode_depth, codec.depth_of)):
        if decode is not None:
            with suppress(ValueError):
                to_message(decode(data))


@pytest.mark.parametrize("name", ["json", "orjson", "msgspec_json"])
@pytest.mark.parametrize(
    "change",
    [{"id": True}, {"id": 1.0}, {"id": "1"}, {"price": "1"}, {"price": None}, {"side": 1.0}, {"symbol": 7}, {"more": 1}],
)
def test_text_with_a_wrong_type_is_refused(name, change):
    codec = CODECS[name]
    text = json.dumps({**GOLDEN._asdict(), **change})
    with pytest.raises(ValueError, match=r"."):
        codec.order_of(codec.decode(text.encode()))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e999"])
def test_text_that_is_no_finite_price_is_refused(text):
    for name in ("json", "orjson", "msgspec_json"):
        frame = re.sub(r"-1\.5", text, json.dumps(GOLDEN._asdict())).encode()
        with pytest.raises(ValueError, match=r"."):
            CODECS[name].decode(frame)


def test_a_nan_keeps_its_payload_in_the_kernels():
    packed = VARIANTS["packed"].build(None)
    order = samples.order_words([GOLDEN])[0]
    order[contract.PRICE] = 0x7FF8_0000_DEAD_BEEF
    frame, back = np.zeros(8, dtype=np.int64), np.zeros(contract.ORDER_WORDS, dtype=np.int64)
    assert packed.encode(order.ctypes.data, frame.ctypes.data, 64) == 64
    assert packed.decode(frame.ctypes.data, 64, back.ctypes.data, contract.ORDER_WORDS) == 0
    assert back.tolist() == order.tolist()


def _broken(name, **changes):
    """The variant, with some of its kernels or functions replaced."""

    def build(config):
        codec = VARIANTS[name].build(config)
        return replace(codec, **{key: change(getattr(codec, key)) for key, change in changes.items()})

    return replace(VARIANTS[name], build=build)


def _lossy_price(codec):
    return replace(codec, order_of=lambda found: codec.order_of(found)._replace(price=abs(codec.order_of(found).price)))


def _batch_that_swaps(codec):
    def decode(frames, out):
        found = codec.batch.decode(frames, out)
        return replace(found, ids=found.quantities, quantities=found.ids)

    return replace(codec, batch=replace(codec.batch, decode=decode))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("json", {"order_of": lambda f: lambda found: f(found)._replace(price=f(found).price + 0.0)}),  # loses -0.0
        ("json", {"make": lambda _: Order._asdict}),  # lets everything in
        ("json", {"decode": lambda f: lambda frame: f(frame.rstrip(b"\0"))}),  # ignores what follows
        ("struct", {"decode": lambda f: lambda frame: f(frame[:64])}),
        ("struct", {"decode": lambda f: lambda frame: f(frame[:49] + bytes(15) if len(frame) == 64 else frame)}),
        ("struct", {"decode": lambda f: lambda frame: f(GOLDEN_FRAME[:8] + frame[8:])}),  # any header will do
        ("packed", {"python": _lossy_price}),
        ("packed", {"python": _batch_that_swaps}),
        ("packed", {"encode": lambda f: lambda order, frame, room: f(order, frame, 64)}),  # room ignored
        ("packed", {"decode": lambda f: lambda frame, length, order, room: f(frame, 64, order, room)}),  # length ignored
        ("packed", {"decode_many": lambda _: lambda _frames, _orders, n: n}),
        ("packed", {"encode_many": lambda _: lambda _orders, _frames, n: n}),
    ],
    ids=range(12),
)
def test_the_oracle_finds_a_broken_codec(name, changes):
    assert verify(VARIANTS[name], None).passed
    assert not verify(_broken(name, **changes), None).passed


def test_the_drivers_go_over_every_message():
    packed = VARIANTS["packed"].build(None)
    words = samples.order_words(samples.orders(5, 9))
    frames = np.zeros((9, 64), dtype=np.uint8)
    assert drivers.drive_encode(packed.encode, words.ctypes.data, frames.ctypes.data, 9, 3) == 3 * 9 * 64
    assert frames.view(layout.ORDER_DTYPE)["id"].ravel().tolist() == words[:, contract.ID].tolist()


def test_levels_convert_exactly():
    big = 2**63 - 1
    texts = exchange.texts_of([(big, big), (0, 1)])
    assert texts == [["92233720368547758.07000000", "92233720368547.75807000"], ["0.00000000", "0.00001000"]]
    assert exchange.levels_of(texts) == [(big, big), (0, 1)]
    with pytest.raises(FrameError, match=r"2\^63"):
        exchange.levels_of([["92233720368547758.08000000", "0.00000000"]])


def test_bytes_of_an_order_are_counted():
    codec = CODECS["json"]
    lengths = [len(codec.encode(codec.make(order))) for order in samples.orders(1, 100)]
    assert 100 < sum(lengths) / len(lengths) < 140
    assert COMPONENT.workloads["encode"].requires == {"messages"}


@pytest.mark.parametrize(
    ("name", "workload"),
    [
        pytest.param(name, workload, id=f"{name}-{workload.name}")
        for name in ("json", "packed", "view", "bincode", "null")
        for workload in COMPONENT.workloads.values()
        if workload.requires <= VARIANTS[name].capabilities
    ],
)
def test_what_a_timed_run_leaves_is_right(name, workload, clock):
    variant = VARIANTS[name]
    parameters = {**workload.parameters, **({"orders": 20} if "orders" in workload.parameters else {})}
    result = workload.run(Job(variant, clock, parameters=parameters, seconds=0.001, seed=3))
    assert result.verification.passed, result.verification.detail
    assert result.operations > 0
    assert variant.null or result.counters["bytes_per_message"] > 40


@pytest.mark.parametrize(
    "workload",
    ["encode", "decode", "read_fields", "encode_many", "encode_depth", "decode_depth", "encode_timed", "decode_depth_timed"],
)
def test_a_timed_run_that_does_nothing_is_found_out(workload, clock):
    idle = VARIANTS["null"].build(None)
    kernel = {"read_fields": "read"}.get(workload, workload).removesuffix("_timed")
    variant = _broken("packed", **{kernel: lambda _: getattr(idle, kernel)})
    found = COMPONENT.workloads[workload]
    result = found.run(Job(variant, clock, parameters=found.parameters, seconds=0.001, seed=3))
    assert not result.verification.passed


def test_one_wrong_message_among_many_timed_ones_is_found_out(clock):
    """The last pass leaves right frames, so only the checksums can tell: one of the earlier messages was wrong."""
    workload = COMPONENT.workloads["encode_timed"]

    class Pace:
        def serve_timed(self, run, _operations_each):
            run(16, Histogram())
            run.total += 1  # as a frame with another content would
            run(16, kept := Histogram())
            return kept

    job = Job(VARIANTS["packed"], clock, parameters=workload.parameters, seconds=0.001, seed=3, pace=Pace())
    found = workload.run(job).verification
    assert not found.passed
    assert "checksums" in found.detail


def test_one_wrong_answer_to_python_is_found_out(clock):
    workload, count = COMPONENT.workloads["decode_depth_timed"], [0]
    codec = VARIANTS["msgspec_json"].build(None)

    def wrong_once(frame):
        count[0] += 1
        found = codec.decode_depth(frame)
        return found._replace(event_time_ms=1) if count[0] == 700 else found

    variant = replace(VARIANTS["msgspec_json"], build=lambda _: replace(codec, decode_depth=wrong_once))
    found = workload.run(Job(variant, clock, parameters=workload.parameters, seconds=0.001, seed=3)).verification
    assert not found.passed
    assert "1 were wrong" in found.detail
