"""Frames and outcomes through a second core of the same stages before the feed is connected: code and caches are warm then."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from tickbench.components.codec.contract import Depth
from tickbench.engine.core import Core
from tickbench.engine.protocol import (
    FILL,
    Report,
    SymbolTerms,
    decode_order,
    encode_depth,
    encode_envelope,
    encode_report,
)
from tickbench.probe import python as probe

FRAMES = 400
_LEVELS = 40
_SWING = 16  # frames between two turns of the book's imbalance, so that the strategy buys and sells


def warm_up(core: Core, terms: SymbolTerms, slot: int, frames: int = FRAMES) -> int:
    """Drive `core`, which is thrown away, through frames of a made-up market; how many orders it sent."""
    middle, orders = max(2 * _LEVELS, terms.highest_price_ticks // 2), 0
    for k in range(frames):
        up = (k // _SWING) % 2
        moved = middle + (k % 7) * (1 if up else -1)
        bids = [(moved - 1 - i, 1 + (9 * up + k + i) % 17) for i in range(_LEVELS)]
        asks = [(moved + 1 + i, 1 + (9 * (1 - up) + k + i) % 17) for i in range(_LEVELS)]
        order = core.on_feed(_frame(core.wire, terms, k, bids, asks), probe.now(slot))
        while order is not None:
            orders += 1
            core.on_sent(probe.now(slot), 0)
            order = core.on_report(_fill(order, core.wire, terms))
    return orders


def _frame(wire: str, terms: SymbolTerms, k: int, bids: list[tuple[int, int]], asks: list[tuple[int, int]]) -> bytes:
    """Snapshot after snapshot: each clears the book and fills it again."""
    if wire == "binary":
        depth = Depth(k + 1, k + 1, 0, terms.symbol, bids, asks)
        return encode_envelope(k, 0, snapshot=True) + encode_depth(depth)
    tick, lot = Decimal(terms.tick_size), Decimal(terms.lot_size)
    sides = ([[f"{price * tick:f}", f"{lots * lot:f}"] for price, lots in side] for side in (bids, asks))
    data = dict(zip(("bids", "asks"), sides, strict=True)) | {"lastUpdateId": k + 1}
    return msgspec.json.encode({"stream": f"{terms.symbol.lower()}@snapshot", "data": data})


def _fill(payload: bytes, wire: str, terms: SymbolTerms) -> bytes:
    order, cause, sequence = decode_order(payload, wire)
    price = terms.ticks_of(order.price)
    return encode_report(Report(order.id, order.symbol, FILL, 0, order.side, sequence, price, order.quantity, cause), wire)
