"""The order in which depth frames make a book: Binance's rules for a local order book.

Spot (https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams, "How to manage a local
order book correctly"): drop diffs with u <= lastUpdateId; the first kept one has
U <= lastUpdateId + 1 <= u; then each U is the previous u + 1.

USD-M futures (same site, "How to manage a local order book correctly" under derivatives,
usds-margined-futures, websocket-market-streams): drop diffs with u < lastUpdateId; the first kept one has
U <= lastUpdateId <= u; then each pu is the previous u.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tickbench.feeds.frames import DepthFrame
from tickbench.feeds.model import SequenceGap


@dataclass(slots=True)
class EventOrder:
    """Frames in the order of their sequence numbers, and what was found on the way."""

    events: list[DepthFrame] = field(default_factory=list)
    gaps: list[SequenceGap] = field(default_factory=list)
    last_diff: DepthFrame | None = None
    dropped_before_snapshot: int = 0
    dropped_out_of_order: int = 0


def order_events(frames: Sequence[DepthFrame]) -> EventOrder:
    """Put snapshots before the first diff that goes beyond them, drop obsolete diffs, note every gap.

    A snapshot reflects the book at its `lastUpdateId`, whenever its answer arrived: diffs that came earlier
    in the file and go beyond it are applied after it, as a live client does from its buffer. Without a
    snapshot all diffs are kept.
    """
    order = EventOrder()
    snapshots = _rising(order, [frame for frame in frames if frame.is_snapshot])
    waiting = snapshots[::-1]
    for diff in frames:
        if diff.is_snapshot:
            continue
        while waiting and _goes_beyond(diff, waiting[-1]):
            order.events.append(waiting.pop())
        if waiting and not order.events:
            order.dropped_before_snapshot += 1
        else:
            _append_diff(order, diff)
    order.events += waiting[::-1]
    return order


def _rising(order: EventOrder, snapshots: list[DepthFrame]) -> list[DepthFrame]:
    """Snapshots newer than all before them: an older answer that came late would turn the book back."""
    newest = -1
    kept = []
    for snapshot in snapshots:
        if snapshot.final_sequence > newest:
            kept.append(snapshot)
            newest = snapshot.final_sequence
        else:
            order.dropped_out_of_order += 1
    return kept


def _goes_beyond(diff: DepthFrame, snapshot: DepthFrame) -> bool:
    if diff.previous_sequence is None:
        return diff.final_sequence > snapshot.final_sequence
    return diff.final_sequence >= snapshot.final_sequence


def _append_diff(order: EventOrder, diff: DepthFrame) -> None:
    last = order.last_diff
    if last is not None and diff.final_sequence <= last.final_sequence:
        order.dropped_out_of_order += 1  # sent twice, or overtaken: the later state is in the book already
        return
    before = last or (order.events[0] if order.events else None)
    if before is not None:
        gap = _gap_between(before, diff, len(order.events))
        if gap is not None:
            order.gaps.append(gap)
    order.events.append(diff)
    order.last_diff = diff


def _gap_between(before: DepthFrame, diff: DepthFrame, event: int) -> SequenceGap | None:
    """The gap between the last diff, or the first snapshot, and the diff that follows.

    Diffs are compared with each other also across a later snapshot: it mends the book, yet updates are
    missing. After the first futures snapshot `pu <= lastUpdateId` is asked: the documented U <=
    lastUpdateId implies it, and where no update of the symbol lies between pu and U nothing is missing.
    """
    if diff.previous_sequence is None:
        seen, expected = diff.first_sequence, before.final_sequence + 1
    else:
        seen, expected = diff.previous_sequence, before.final_sequence
    follows = seen <= expected if before.is_snapshot else seen == expected
    return None if follows else SequenceGap(event, diff.line, expected, seen)
