"""A feed as the exchange replays it: every frame of a capture with its text, its binary body and its update ids.

The order is that of a client that has caught up: the snapshot, the diffs that waited for it, then everything as captured. What
a book does not need (diffs older than the snapshot, frames of other streams) is left out. A capture without a snapshot starts
with an empty one. A synthetic feed gets texts in the form of the futures exchange.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from pathlib import Path

import msgspec

from tickbench.components.codec.contract import MOST_LEVELS, Depth
from tickbench.engine.protocol import MOST_PRICE_TICKS, encode_depth, encode_ticker, encode_trade
from tickbench.errors import InputError
from tickbench.feeds import Feed, open_feed
from tickbench.feeds.decimals import DecimalTextError, Steps, count_steps
from tickbench.feeds.frames import DepthFrame, Frames, parse_frames
from tickbench.feeds.lines import capture_lines, line_error, read_capture
from tickbench.feeds.sequence import order_events
from tickbench.feeds.source import SYNTHETIC

SNAPSHOT, DIFF, TICKER, TRADE = range(4)
STREAMS = {"depth": DIFF, "ticker": TICKER, "trade": TRADE}
NO_ID = -1  # a diff without `pu`
SYNTHETIC_SYMBOL = "SYNTH"
_NS_PER_MS = 1_000_000

Level = tuple[int, int]
Sides = tuple[Sequence[Level], Sequence[Level]]  # bids, asks
Quote = tuple[int, int, int, int]  # best bid ticks and lots, best ask ticks and lots; 0 lots: no such side


@dataclass(slots=True)
class TapeFrame:
    """One frame: ids as captured (`update_id` 0 for a trade), JSON text, binary body for the capture's own symbol."""

    kind: int
    receive_ns: int
    first_id: int
    update_id: int
    previous_id: int
    text: bytes
    body: bytes
    levels: Sides = ((), ())  # of a snapshot or a diff
    quote: Quote | None = None  # of a ticker


@dataclass(frozen=True)
class Tape:
    """All frames of one feed, which symbol they are of, and the sizes of its tick and lot."""

    name: str
    sha256: str
    symbol: str
    tick_size: Decimal
    lot_size: Decimal
    highest_price_ticks: int
    frames: list[TapeFrame]


def open_tape(spec: str, streams: Iterable[str] = tuple(STREAMS)) -> Tape:
    """The tape of a capture or of "synthetic[:seed=N,events=N]".

    Raises InputError for a capture that cannot be used, UsageError for a wrong parameter.
    """
    kinds = {SNAPSHOT, DIFF} | {STREAMS[name] for name in streams}
    tape = _synthetic(open_feed(spec)) if SYNTHETIC.match(spec) else _captured(Path(spec), kinds)
    if tape.highest_price_ticks > MOST_PRICE_TICKS:
        raise InputError(
            f"{spec}: a price of {tape.highest_price_ticks} ticks of {tape.tick_size}; orders carry {MOST_PRICE_TICKS}"
        )
    return tape


# -- captures


class _Trade(msgspec.Struct):
    p: str
    q: str
    t: int = 0
    T: int = 0
    m: bool = False


class _Times(msgspec.Struct):
    E: int = 0


class _TradeFrame(msgspec.Struct):
    stream: str
    data: _Trade


class _TimedFrame(msgspec.Struct):
    data: _Times = msgspec.field(default_factory=_Times)
    E: int = 0  # of a snapshot


_trade_of = msgspec.json.Decoder(_TradeFrame).decode
_times_of = msgspec.json.Decoder(_TimedFrame).decode


def _captured(path: Path, kinds: set[int]) -> Tape:
    capture = read_capture(path)
    lines = capture_lines(capture)
    frames = parse_frames(path, lines)
    events = order_events(frames.depth).events
    if not events:
        raise InputError(f"{path}: {len(lines)} lines and no usable depth frame among them; record the stream '<symbol>@depth'")
    trades = _trades(path, lines) if TRADE in kinds else {}
    symbol = frames.symbol[:8] or "UNKNOWN"
    ticks, lots = _steps(path, frames, trades)
    builder = _Builder(symbol, ticks.count_of, lots.count_of)
    texts = [line.partition(b" ")[2].rstrip(b"\r") for line in lines]
    made: list[TapeFrame] = [] if events[0].is_snapshot else [builder.empty_snapshot(events[0])]
    first_line = next((event.line for event in events if event.is_snapshot), 0)
    timed = [
        ((max(event.line, first_line), place), builder.depth(event, texts[event.line - 1]))
        for place, event in enumerate(events)
    ]
    later = len(events)
    if TICKER in kinds:
        timed += [
            ((line, later), builder.ticker(ticker, int(lines[line - 1].partition(b" ")[0]), texts[line - 1]))
            for line, ticker in zip(frames.ticker_lines, frames.tickers, strict=True)
            if line > first_line
        ]
    timed += [
        ((line, later), builder.trade(trade, int(lines[line - 1].partition(b" ")[0]), texts[line - 1]))
        for line, trade in trades.items()
        if line > first_line
    ]
    made += [frame for _, frame in sorted(timed, key=lambda one: one[0])]
    highest = max((price for frame in made for side in frame.levels for price, _ in side), default=1)
    return Tape(path.name, capture.sha256, symbol, ticks.size, lots.size, highest, made)


def _trades(path: Path, lines: Sequence[bytes]) -> dict[int, _Trade]:
    """The trades by line."""
    trades = {}
    for number, line in enumerate(lines, 1):
        if b'rade"' not in line[:120]:
            continue
        document = line.partition(b" ")[2]
        try:
            trades[number] = _trade_of(document).data
        except msgspec.MsgspecError as error:
            raise line_error(path, number, f"broken trade ({error})", document, "Remove or repair the line.") from error
    return trades


def _steps(path: Path, frames: Frames, trades: dict[int, _Trade]) -> tuple[Steps, Steps]:
    """Ticks and lots of every decimal text in the capture."""
    pairs = list(chain.from_iterable(chain(frame.bids, frame.asks) for frame in frames.depth))
    pairs += [pair for one in frames.tickers for pair in ((one.b, one.B), (one.a, one.A))]
    pairs += [(trade.p, trade.q) for trade in trades.values()]
    try:
        ticks, lots = (count_steps(dict.fromkeys(texts), None) for texts in zip(*pairs, strict=True))
    except DecimalTextError as error:
        raise InputError(f"{path}: the price or quantity '{error.text}' {error.why}; remove or repair its line") from error
    return ticks, lots


class _Builder:
    """Makes tape frames of one capture; texts of decimals become ticks and lots by two tables."""

    def __init__(self, symbol: str, ticks: dict[str, int], lots: dict[str, int]) -> None:
        self._symbol, self._ticks, self._lots = symbol, ticks, lots

    def depth(self, event: DepthFrame, text: bytes) -> TapeFrame:
        ticks, lots = self._ticks, self._lots
        bids, asks = ([(ticks[price], lots[quantity]) for price, quantity in side] for side in (event.bids, event.asks))
        times = _times_of(text)
        first, final = event.first_sequence, event.final_sequence
        previous = NO_ID if event.previous_sequence is None else event.previous_sequence
        kind = SNAPSHOT if event.is_snapshot else DIFF
        return depth_frame(
            kind, event.receive_ns, (first, final, previous), times.E or times.data.E, self._symbol, (bids, asks), text
        )

    def empty_snapshot(self, first: DepthFrame) -> TapeFrame:
        last = first.first_sequence - 1 if first.previous_sequence is None else first.previous_sequence
        text = b'{"lastUpdateId":%d,"bids":[],"asks":[]}' % last
        return depth_frame(SNAPSHOT, first.receive_ns, (last, last, NO_ID), 0, self._symbol, ([], []), text)

    def ticker(self, one: object, receive_ns: int, text: bytes) -> TapeFrame:
        ticks, lots = self._ticks, self._lots
        quote = ticks[one.b], lots[one.B], ticks[one.a], lots[one.A]  # type: ignore[attr-defined]
        update_id = one.u  # type: ignore[attr-defined]
        body = encode_ticker(update_id, _times_of(text).data.E, self._symbol, quote)
        return TapeFrame(TICKER, receive_ns, update_id, update_id, NO_ID, text, body, quote=quote)

    def trade(self, one: _Trade, receive_ns: int, text: bytes) -> TapeFrame:
        body = encode_trade(one.t, one.T, self._symbol, self._ticks[one.p], self._lots[one.q], buyer_made=one.m)
        return TapeFrame(TRADE, receive_ns, 0, 0, NO_ID, text, body)


def depth_frame(
    kind: int,
    receive_ns: int,
    ids: tuple[int, int, int],
    time_ms: int,
    symbol: str,
    levels: Sides,
    text: bytes,
) -> TapeFrame:
    """A snapshot or diff; `ids`: first, final and previous update id. InputError for more levels than a frame can hold."""
    first, final, previous = ids
    if max(map(len, levels)) > MOST_LEVELS:
        raise InputError(f"update {final}: {max(map(len, levels))} levels on a side; the wire carries {MOST_LEVELS}")
    body = encode_depth(Depth(first, final, time_ms, symbol, *levels))
    return TapeFrame(kind, receive_ns, first, final, previous, text, body, levels)


# -- the synthetic feed


def _synthetic(feed: Feed) -> Tape:
    sides, starts = feed.side.tolist(), feed.event_start.tolist()
    levels = list(zip(feed.price_ticks.tolist(), feed.quantity_lots.tolist(), strict=True))
    frames, previous = [], NO_ID
    for k, receive_ns in enumerate(feed.receive_ns.tolist()):
        of_event = range(starts[k], starts[k + 1])
        both = [levels[i] for i in of_event if sides[i] == 0], [levels[i] for i in of_event if sides[i] == 1]
        first, final = int(feed.first_sequence[k]), int(feed.final_sequence[k])
        ids, time_ms = (first, final, previous), receive_ns // _NS_PER_MS
        if k == 0:
            kind, ids, text = SNAPSHOT, (final, final, NO_ID), snapshot_text(final, both, feed.tick_size, feed.lot_size)
        else:
            kind, text = DIFF, _diff_text(ids, time_ms, both, feed)
        frames.append(depth_frame(kind, receive_ns, ids, time_ms, SYNTHETIC_SYMBOL, both, text))
        previous = final
    highest = max(price for price, _ in levels)
    return Tape(feed.name, feed.sha256, SYNTHETIC_SYMBOL, feed.tick_size, feed.lot_size, highest, frames)


def _diff_text(ids: tuple[int, int, int], time_ms: int, levels: Sides, feed: Feed) -> bytes:
    head = '{"stream":"%s@depth@0ms","data":{"e":"depthUpdate","E":%d,"s":"%s","U":%d,"u":%d,"pu":%d,"b":[%s],"a":[%s]}}'
    numbers = SYNTHETIC_SYMBOL.lower(), time_ms, SYNTHETIC_SYMBOL, *ids
    return (head % (*numbers, *(_levels_text(side, feed.tick_size, feed.lot_size) for side in levels))).encode()


def snapshot_text(last_id: int, levels: Sides, tick_size: Decimal, lot_size: Decimal) -> bytes:
    """A snapshot as the exchange's REST interface answers."""
    bids, asks = (_levels_text(side, tick_size, lot_size) for side in levels)
    return f'{{"lastUpdateId":{last_id},"bids":[{bids}],"asks":[{asks}]}}'.encode()


def _levels_text(levels: Sequence[Level], tick_size: Decimal, lot_size: Decimal) -> str:
    return ",".join(f'["{price * tick_size:f}","{lots * lot_size:f}"]' for price, lots in levels)
