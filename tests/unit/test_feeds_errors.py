"""Unusable input: one error that names the file and the line, and no other exception whatever the bytes."""

from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from feed_samples import capture_bytes, diff, spot_frames, ticker, write_capture
from tickbench.errors import InputError, TickbenchError, UsageError
from tickbench.feeds import open_feed

GOOD = capture_bytes(spot_frames())
GOOD_LINES = GOOD.splitlines(keepends=True)


def error_of(path: Path, **sizes: Decimal) -> str:
    with pytest.raises(InputError) as caught:
        open_feed(str(path), cache=False, **sizes)
    return str(caught.value)


def with_line(number: int, line: bytes) -> bytes:
    return b"".join([*GOOD_LINES[: number - 1], line + b"\n", *GOOD_LINES[number:]])


@pytest.mark.parametrize(
    ("line", "saw"),
    [
        (b'1723161255 {"stream":"x@trade","data":', "broken frame"),
        (b'{"stream":"x@trade","data":{}}', "no receive time"),
        (b"", "no receive time"),
        (b'-5 {"stream":"x@trade","data":{}}', "no receive time"),
        (b'9999999999999999999 {"stream":"x@trade","data":{}}', "no receive time"),
        (b"1723161255", "broken frame"),
        (b"1723161255 [1, 2]", "broken frame"),
        (b"1723161255 " + b"[" * 100_000, "broken frame"),
        (b'1723161255 {"stream":"x@depth","data":{"u":1,"b":[],"a":[]}}', "broken frame"),
        (b'1723161255 {"stream":"x@depth","data":{"U":1,"u":-1,"b":[],"a":[]}}', "broken frame"),
        (b'1723161255 {"stream":"x@depth","data":{"U":1,"u":18446744073709551616,"b":[],"a":[]}}', "broken"),
        (b'1723161255 {"stream":"x@depth","data":{"U":9,"u":1,"b":[],"a":[]}}', "update id 9"),
        (b'1723161255 {"stream":"x@depth","data":{"U":1,"u":1,"b":[["1"]],"a":[]}}', "broken frame"),
        (b'1723161255 {"stream":"x@depth","data":{"U":1,"u":1,"b":[[1.5,2]],"a":[]}}', "broken frame"),
        (b'1723161255 {"stream":"x@depth","data":{"s":"ABC","U":1,"u":1,"b":[],"a":[]}}', "symbol ABC"),
        (b'1723161255 {"lastUpdateId":"x"}', "broken frame"),
        (b'1723161255 {"stream":"x@trade\xff","data":{}}', "not UTF-8"),
    ],
)
def test_a_broken_line_is_named(tmp_path, line, saw):
    path = tmp_path / "x.jsonl"
    path.write_bytes(with_line(7, line))
    message = error_of(path)
    assert message.startswith(f"{path}, line 7: ")
    assert saw in message


@pytest.mark.parametrize(
    "text",
    ["-61800.30", "NaN", "Infinity", "1e5", "", " 1", "1.", ".5", "+1", "1_0", "٣", "1\\n2", "1" * 5_000,
     "9223372036854775808", "0." + "0" * 30 + "1"],
)  # fmt: skip
@pytest.mark.parametrize("place", ["price", "quantity", "ticker price", "ticker quantity"])
def test_an_odd_decimal_is_named_with_its_line(tmp_path, text, place):
    text = text.replace("\\n", "\n")
    good = ("100", "1")
    pair = (text, "1") if place.endswith("price") else ("100", text)
    odd = ticker(7, pair, ("101", "1")) if place.startswith("ticker") else diff(6, 7, asks=[good, pair])
    fine = [diff(1, 5, bids=[("99", "2"), ("98", "3")])]
    message = error_of(write_capture(tmp_path / "x.jsonl", [*fine, odd]))
    assert message.startswith(f"{tmp_path / 'x.jsonl'}, line 2: a {place.removeprefix('ticker ')} ")
    assert "\n" not in message
    assert len(message) < len(str(tmp_path)) + 250


def test_what_was_seen_is_shortened_and_escaped(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"\x1b[31m\x00" + b"y" * 500 + b"\n")
    message = error_of(path)
    seen = message.split("saw '")[1].split("'.")[0]
    assert seen.startswith("\\x1b[31m\\x00yyy")
    assert len(seen) == 80


def test_a_truncated_gzip_names_the_line_where_it_ends(tmp_path):
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress(GOOD, compresslevel=0)[: len(GOOD_LINES[0]) + 40])
    assert "line 2: the gzip data ends too early" in error_of(path)


@pytest.mark.parametrize("stored", [GOOD, b"\x1f\x8bgarbage", gzip.compress(GOOD, mtime=0) + b"tail", b"\x1f\x8b\x08"])
def test_garbage_for_gzip_is_named(tmp_path, stored):
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(stored)
    assert f"{path}, line " in error_of(path)
    assert "the gzip data" in error_of(path)


@pytest.mark.parametrize("stored", [b"", gzip.compress(b"", mtime=0)], ids=["no byte", "gzip of nothing"])
def test_an_empty_file_is_named(tmp_path, stored):
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(stored)
    assert f"{path}, line 1: " in error_of(path)


def test_a_capture_without_depth_frames_says_what_to_record(tmp_path):
    message = error_of(write_capture(tmp_path / "x.jsonl", [ticker(1, ("1", "1"), ("2", "1"))]))
    assert "1 lines and no depth frame" in message
    assert "no usable depth frame holds" in error_of(write_capture(tmp_path / "y.jsonl", [diff(1, 2)]))


def test_a_missing_file_a_directory_and_a_device_are_refused(tmp_path):
    assert "no such file" in error_of(tmp_path / "absent.jsonl")
    assert "is a directory" in error_of(tmp_path)
    assert "no regular file" in error_of(Path("/dev/null"))
    assert "cannot be read" in error_of(Path("x\0y"))


def test_a_price_off_the_given_tick_size_is_named(tmp_path):
    path = write_capture(tmp_path / "x.jsonl", spot_frames())
    assert "line 2: a price is no multiple of 1; saw '99.5'" in error_of(path, tick_size=Decimal(1))
    assert "a quantity is no multiple of 0.5; saw '0.25'" in error_of(path, lot_size=Decimal("0.5"))


@pytest.mark.parametrize("size", ["0", "-1", "NaN", "Infinity", "1e-30"])
def test_an_impossible_size_is_a_usage_error(tmp_path, size):
    with pytest.raises(UsageError, match="the tick size is"):
        open_feed(str(tmp_path / "x.jsonl"), tick_size=Decimal(size))


@pytest.mark.parametrize("spec", ["synthetic:sede=1", "synthetic:events=0", "synthetic:seed=-1", "synthetic:events=1e3"])
def test_an_unknown_parameter_of_the_synthetic_feed_is_a_usage_error(spec):
    with pytest.raises(UsageError, match=r"synthetic: "):
        open_feed(spec, cache=False)


def mutations() -> st.SearchStrategy[bytes]:
    """The sample with a few pieces overwritten, removed or doubled."""
    edit = st.tuples(
        st.integers(0, len(GOOD)),
        st.integers(0, 40),
        st.one_of(st.binary(max_size=8), st.sampled_from(PIECES)),
    )
    return st.lists(edit, min_size=1, max_size=4).map(apply_edits)


PIECES = [
    b'"',
    b"[",
    b"}",
    b"\n",
    b"-",
    b"e9",
    b"null",
    b'"u":',
    b"0" * 30,
    b"\xff",
    b'"lastUpdateId":3',
    b"\\ud800",
]


def apply_edits(edits: list[tuple[int, int, bytes]]) -> bytes:
    data = GOOD
    for start, length, piece in edits:
        data = data[:start] + piece + data[start + length :]
    return data


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=mutations(), packed=st.booleans(), cut=st.integers(0, 30))
def test_mutated_captures_raise_nothing_but_our_errors(tmp_path, data, packed, cut):
    path = tmp_path / ("x.jsonl.gz" if packed else "x.jsonl")
    stored = gzip.compress(data) if packed else data
    path.write_bytes(stored[: len(stored) - cut])
    feed, message = None, ""
    try:
        feed = open_feed(str(path), cache=False)
    except TickbenchError as error:
        message = str(error)
    if feed is None:
        assert message.startswith(str(path))
        assert message.isprintable()
    else:
        assert feed.event_start[-1] == feed.update_count > 0
        assert feed.price_ticks.min() >= 0
        assert feed.quantity_lots.min() >= 0
