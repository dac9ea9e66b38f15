"""Seeded messages: orders and depth frames as an engine sees them, the edges of every field, and their forms in memory."""

import math
import struct

import numpy as np
from numpy.typing import NDArray

from tickbench.components.codec.contract import (
    BUY,
    I64_LIMIT,
    SELL,
    U64_LIMIT,
    Columns,
    Depth,
    Order,
    symbol_word,
)

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT", "DOGEBTC", "ADAUSDT", "AVAXBTC")
_DAY_NS = 1_723_161_600_000_000_000  # 2024-08-09 00:00 UTC
_INT_EDGES = (0, 1, (1 << 53) + 1, I64_LIMIT - 1, I64_LIMIT, U64_LIMIT - 1)  # 2^53 + 1: the first that binary64 lacks
_PRICE_EDGES = (0.0, -0.0, 5e-324, -2.2250738585072009e-308, 0.1, 61737.63, 2.0**53, -1.7976931348623157e308)


def orders(seed: int, n: int) -> list[Order]:
    """Orders of 8 symbols: ids in sequence, quantities up to a million, prices in cents around 60,000, ns apart."""
    draw = np.random.default_rng(seed)
    quantities = draw.integers(1, 1_000_000, n).tolist()
    prices = (np.round(draw.normal(6_000_000, 50_000, n)) / 100).tolist()
    gaps_ns = np.cumsum(draw.integers(200, 2_000_000, n)).tolist()
    sides, symbols = draw.integers(0, 2, n).tolist(), draw.integers(0, len(SYMBOLS), n).tolist()
    first_id = int(draw.integers(1 << 40, 1 << 41))
    return [
        Order(first_id + i, SYMBOLS[symbols[i]], sides[i], quantities[i], prices[i], _DAY_NS + gaps_ns[i]) for i in range(n)
    ]


def edge_orders() -> list[Order]:
    """Orders with every edge of every field: unsigned 64-bit numbers, binary64 prices, symbols of 1 and of 8 characters."""
    plain = Order(7, "BTCUSDT", BUY, 5, 61737.63, _DAY_NS)
    edges = [plain._replace(id=value) for value in _INT_EDGES]
    edges += [plain._replace(quantity=value) for value in _INT_EDGES]
    edges += [plain._replace(timestamp_ns=value) for value in _INT_EDGES]
    edges += [plain._replace(price=price) for price in _PRICE_EDGES]
    return [*edges, plain._replace(side=SELL), plain._replace(symbol="A"), plain._replace(symbol="ABCDEFGH")]


def non_finite_orders() -> list[Order]:
    """Orders whose prices JSON has no text for."""
    return [Order(1, "BTCUSDT", BUY, 1, price, 1) for price in (math.nan, math.inf, -math.inf)]


def depths(seed: int, n: int, levels: int) -> list[Depth]:
    """Depth frames of 1 to `levels` levels a side around a wandering price; a third of the levels are deletions."""
    draw = np.random.default_rng(seed)
    update_id, price_ticks, found = int(draw.integers(1 << 35, 1 << 36)), 6_173_763, []
    for i in range(n):
        price_ticks += int(draw.integers(-50, 51))
        sides = []
        for sign in (-1, 1):
            count = int(draw.integers(1, levels + 1))
            offsets = np.cumsum(draw.integers(1, 40, count)).tolist()
            lots = (draw.integers(1, 500_000, count) * (draw.random(count) > 1 / 3)).tolist()
            sides.append([(price_ticks + sign * offset, size) for offset, size in zip(offsets, lots, strict=True)])
        last_id = update_id + int(draw.integers(1, 50))
        found.append(Depth(update_id, last_id, 1_723_161_600_000 + 100 * i, "BTCUSDT", sides[0], sides[1]))
        update_id = last_id + 1
    return found


def edge_depths() -> list[Depth]:
    """Depth frames without levels, with one, with many on one side, and with the largest numbers."""
    big = I64_LIMIT - 1
    return [
        Depth(1, 1, 1, "A", [], []),
        Depth(U64_LIMIT - 1, U64_LIMIT - 1, U64_LIMIT - 1, "ABCDEFGH", [(big, big)], []),
        Depth(5, 9, 1_723_161_600_000, "BTCUSDT", [], [(k, 0) for k in range(300)]),
        Depth(0, I64_LIMIT, 0, "BTCUSDT", [(1, 1), (0, 0)], [(100, 100_000)]),
    ]


def price_word(price: float) -> int:
    """The 64 bits of a price, as a signed word."""
    word: int = struct.unpack("<q", struct.pack("<d", price))[0]
    return word


def order_words(many: list[Order]) -> NDArray[np.int64]:
    """Orders in memory, shape (n, ORDER_WORDS)."""
    rows = [
        (signed(o.id), symbol_word(o.symbol), o.side, signed(o.quantity), price_word(o.price), signed(o.timestamp_ns))
        for o in many
    ]
    return np.array(rows, dtype=np.int64)


def depth_words(depth: Depth) -> NDArray[np.int64]:
    """A depth record."""
    head = (signed(depth.first_update_id), signed(depth.final_update_id), signed(depth.event_time_ms))
    counts = (symbol_word(depth.symbol), len(depth.bids), len(depth.asks))
    levels = [value for level in (*depth.bids, *depth.asks) for value in level]
    return np.array([*head, *counts, *levels], dtype=np.int64)


def columns(many: list[Order]) -> Columns:
    """Orders as one array a field."""
    found = Columns.empty(len(many))
    for row, one in enumerate(many):
        found.symbols[row] = symbol_word(one.symbol)
        for array, value in zip(found.arrays(), one, strict=True):
            if array is not found.symbols:
                array[row] = value
    return found


def signed(value: int) -> int:
    """An unsigned 64-bit number as the signed one with the same bits."""
    return value - U64_LIMIT if value >= I64_LIMIT else value
