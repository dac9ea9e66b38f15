"""Small captures made by hand, for the tests of tickbench.feeds."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from tickbench.feeds import Feed

FIRST_NS = 1_723_161_255_000_000_000
STEP_NS = 1_000_000

Levels = Sequence[tuple[str, str]]


def diff(first: int, final: int, *, bids: Levels = (), asks: Levels = (), previous: int | None = None) -> dict:
    """A diff; with `previous` a futures one."""
    data = {"e": "depthUpdate", "s": "XYZ", "U": first, "u": final, "b": bids, "a": asks}
    return {"stream": "xyz@depth@100ms", "data": data if previous is None else data | {"pu": previous}}


def snapshot(last: int, *, bids: Levels = (), asks: Levels = ()) -> dict:
    return {"lastUpdateId": last, "bids": bids, "asks": asks}


def ticker(update: int, bid: tuple[str, str], ask: tuple[str, str]) -> dict:
    data = {"u": update, "s": "XYZ", "b": bid[0], "B": bid[1], "a": ask[0], "A": ask[1]}
    return {"stream": "xyz@bookTicker", "data": data}


def trade() -> dict:
    return {"stream": "xyz@trade", "data": {"e": "trade", "p": "1.0", "q": "2", "b": 7}}


def spot_frames() -> list[dict]:
    """A diff too old, one that straddles the snapshot and came before it, two after; every kind of frame."""
    return [
        diff(95, 98, bids=[("9.0", "9.00")]),
        diff(99, 103, bids=[("99.5", "2.00")], asks=[("101.0", "0.00")]),
        trade(),
        snapshot(100, bids=[("99.0", "1.00"), ("98.5", "4.50")], asks=[("101.0", "3.00"), ("102.0", "5.00")]),
        ticker(104, ("99.5", "2.00"), ("102.0", "5.00")),
        diff(104, 106, asks=[("101.5", "0.25")], bids=[("50.0", "0.00")]),
        ticker(106, ("99.5", "2.00"), ("101.5", "0.25")),
        {
            "stream": "xyz@depth20@100ms",
            "data": {"lastUpdateId": 106, "bids": [["99.5", "2.00"]], "asks": []},
        },
        diff(107, 109, bids=[("99.5", "0.00")]),
        ticker(109, ("99.0", "1.00"), ("101.5", "0.25")),
    ]


def capture_bytes(frames: Sequence[dict]) -> bytes:
    return b"".join(
        b"%d %s\n" % (FIRST_NS + number * STEP_NS, json.dumps(frame, separators=(",", ":")).encode())
        for number, frame in enumerate(frames)
    )


def write_capture(path: Path, frames: Sequence[dict]) -> Path:
    data = capture_bytes(frames)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def books(feed: Feed) -> Iterator[tuple[int, tuple[dict[int, int], dict[int, int]]]]:
    """After each event: its index and the levels of a plain book, bids and asks."""
    sides: tuple[dict[int, int], dict[int, int]] = ({}, {})
    updates = list(zip(feed.side.tolist(), feed.price_ticks.tolist(), feed.quantity_lots.tolist(), strict=True))
    bounds = feed.event_start.tolist()
    for event in range(feed.event_count):
        for side, price, quantity in updates[bounds[event] : bounds[event + 1]]:
            if quantity:
                sides[side][price] = quantity
            else:
                sides[side].pop(price, None)
        yield event, sides


def final_book(feed: Feed) -> tuple[dict[int, int], dict[int, int]]:
    *_, (_, sides) = books(feed)
    return sides
