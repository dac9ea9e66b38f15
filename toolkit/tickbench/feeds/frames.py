"""Lines of a raw Binance capture to typed frames.

A line is `<receive time, ns since the epoch> <JSON as received>`. Frames of combined streams look like
`{"stream": …, "data": …}`, a REST depth snapshot has no stream. Field names are the exchange's:
https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams (diff depth, book ticker) and
https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams (the same,
with `pu`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, TypeAlias

import msgspec

from tickbench.feeds.decimals import INT64_MAX
from tickbench.feeds.lines import line_error, shown
from tickbench.feeds.profile import BURST_GAP_NS

INT64_DIGITS = 19
DIFF_STREAM = re.compile(r"@depth(@\d+ms)?\Z")  # "@depth20@100ms" repeats the top 20 instead: not a diff
RECEIVE_TIME_REMEDY = "A line is '<receive time, ns since the epoch> <JSON frame>'; remove or repair it."
FRAME_REMEDY = "Remove or repair the line."

Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=INT64_MAX)]
Levels: TypeAlias = list[tuple[str, str]]


class _Envelope(msgspec.Struct, gc=False):
    stream: str = ""
    data: msgspec.Raw = msgspec.Raw()
    lastUpdateId: msgspec.Raw = msgspec.Raw()  # noqa: N815  the exchange's name


class _Diff(msgspec.Struct, gc=False):
    U: Count
    u: Count
    b: Levels
    a: Levels
    s: str = ""
    pu: Count | None = None


class _Snapshot(msgspec.Struct, gc=False):
    lastUpdateId: Count  # noqa: N815  the exchange's name
    bids: Levels
    asks: Levels


class _BookTicker(msgspec.Struct, gc=False):
    u: Count
    b: str
    B: str
    a: str
    A: str
    s: str = ""


@dataclass(slots=True)
class DepthFrame:
    """One diff or one snapshot; a snapshot's sequence numbers are both its `lastUpdateId`."""

    line: int
    receive_ns: int
    is_snapshot: bool
    first_sequence: int
    final_sequence: int
    previous_sequence: int | None  # `pu`: futures only
    bids: Levels
    asks: Levels


@dataclass(slots=True)
class Frames:
    """Everything that a capture says, in the order of the file."""

    depth: list[DepthFrame] = field(default_factory=list)
    tickers: list[_BookTicker] = field(default_factory=list)
    ticker_lines: list[int] = field(default_factory=list)
    symbol: str = ""
    total: int = 0
    trades: int = 0
    other: int = 0
    receive_time_steps_back: int = 0
    burst_frames: int = 0


_decode_envelope = msgspec.json.Decoder(_Envelope).decode
_decode_diff = msgspec.json.Decoder(_Diff).decode
_decode_snapshot = msgspec.json.Decoder(_Snapshot).decode
_decode_ticker = msgspec.json.Decoder(_BookTicker).decode
_NOTHING = msgspec.Raw()


def parse_frames(path: Path, lines: Sequence[bytes]) -> Frames:
    """Decode every line.

    Raises:
        InputError: naming the file and the line, for a line without a receive time, broken JSON, a frame of
        a known
            stream that lacks a field or has another type, or a second symbol.
    """
    frames = Frames(total=len(lines))
    before_ns = -BURST_GAP_NS
    for number, line in enumerate(lines, 1):
        stamp, _, document = line.partition(b" ")
        receive_ns = int(stamp) if stamp.isdigit() and len(stamp) <= INT64_DIGITS else -1
        if not 0 <= receive_ns <= INT64_MAX:
            raise line_error(path, number, "no receive time", line, RECEIVE_TIME_REMEDY)
        frames.receive_time_steps_back += receive_ns < before_ns
        frames.burst_frames += receive_ns - before_ns < BURST_GAP_NS
        before_ns = receive_ns
        try:
            _take_frame(frames, number, receive_ns, document)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            what = f"broken frame ({shown(error)})"
            raise line_error(path, number, what, document, FRAME_REMEDY) from error
    return frames


def _take_frame(frames: Frames, number: int, receive_ns: int, document: bytes) -> None:
    envelope = _decode_envelope(document)
    stream = envelope.stream
    if stream.endswith("@bookTicker"):
        ticker = _decode_ticker(envelope.data)
        _check_symbol(frames, ticker.s)
        frames.tickers.append(ticker)
        frames.ticker_lines.append(number)
    elif DIFF_STREAM.search(stream):
        diff = _decode_diff(envelope.data)
        _check_symbol(frames, diff.s)
        if diff.u < diff.U:
            raise ValueError(f"first update id {diff.U} is after the final one {diff.u}")
        frames.depth.append(DepthFrame(number, receive_ns, False, diff.U, diff.u, diff.pu, diff.b, diff.a))
    elif not stream and envelope.lastUpdateId != _NOTHING:
        snapshot = _decode_snapshot(document)
        last = snapshot.lastUpdateId
        frames.depth.append(DepthFrame(number, receive_ns, True, last, last, None, snapshot.bids, snapshot.asks))
    elif stream.endswith(("@trade", "@aggTrade")):
        frames.trades += 1
    else:
        frames.other += 1


def _check_symbol(frames: Frames, symbol: str) -> None:
    if symbol != frames.symbol:
        if frames.symbol and symbol:
            raise ValueError(f"symbol {symbol} after {frames.symbol}: one capture holds one symbol")
        frames.symbol = symbol or frames.symbol
