"""The text form of both messages: an order as a JSON object, a depth frame as the exchange's `depthUpdate` object.

The exchange (Binance spot, diff. depth stream) writes prices and quantities as decimal strings of 8 places:
``{"e":"depthUpdate","E":…,"s":"BTCUSDT","U":…,"u":…,"b":[["61737.63000000","0.00000000"],…],"a":[…]}``. A book wants ticks and
lots, so both directions convert, with integers only: a price that is no multiple of the tick is refused, not rounded.
"""

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from tickbench.components.codec.contract import (
    I64_LIMIT,
    PRICE_DECIMALS,
    QUANTITY_DECIMALS,
    SYMBOL_BYTES,
    U64_LIMIT,
    Depth,
    FrameError,
    Order,
    check_head,
    check_order,
)

_TICKS, _LOTS = 10**PRICE_DECIMALS, 10**QUANTITY_DECIMALS  # in one unit of the currency
# The exchange prints 8 places, whatever the tick: 2 or 5 of them count, the others are zeros.
_PRINTED = re.compile(r"(?:[0-9]+\.[0-9]{2}0{6} [0-9]+\.[0-9]{5}0{3} )*")
_EXACT_INT = 1 << 53  # up to which every integer is a binary64
OrderFields = tuple[int, str, int, int, float, int]
_DEPTH_KEYS = frozenset("eEsUuba")
_EVENT = "depthUpdate"


def texts_of(levels: Iterable[tuple[int, int]]) -> list[list[str]]:
    """Levels in ticks and lots as the exchange prints them."""
    return [[f"{price // _TICKS}.{price % _TICKS:02}000000", f"{lots // _LOTS}.{lots % _LOTS:05}000"] for price, lots in levels]


def levels_of(pairs: Iterable[Sequence[str]]) -> list[tuple[int, int]]:
    """Printed levels in ticks and lots; FrameError where one is no pair of decimals, or no multiple of tick and lot.

    All of them are checked by one match, which costs a quarter of looking at each.
    """
    texts = [text for price, quantity in pairs for text in (price, quantity)]
    line = " ".join([*texts, ""])
    digits = line.replace(".", "").split(" ")[:-1]
    if _PRINTED.fullmatch(line) is None or len(digits) != len(texts):
        raise FrameError(f"depth: not all levels are multiples of the tick and the lot in decimals: {line[:200]}")
    prices, lots = [int(text[:-6]) for text in digits[::2]], [int(text[:-3]) for text in digits[1::2]]
    if digits and max(*prices, *lots) >= I64_LIMIT:
        raise FrameError("depth: a price or quantity is 2^63 ticks or lots or more")
    return list(zip(prices, lots, strict=True))


def order_object(order: Order) -> dict[str, Any]:
    """The JSON object of an order; FrameError where a field is out of range or the price not finite (RFC 8259, 6)."""
    return check_order(order, finite=True)._asdict()


def order_from_object(found: Any) -> OrderFields:
    """The fields of the order in a parsed JSON object; FrameError where it is none. A price may be written as an integer.

    Written out, not through `check_order`, for it is part of what decoding costs: 0.5 us instead of 1.8.
    """
    try:
        order_id, symbol, side = found["id"], found["symbol"], found["side"]
        quantity, price, timestamp_ns = found["quantity"], found["price"], found["timestamp_ns"]
    except (KeyError, TypeError, IndexError):
        raise FrameError(f"order: expected an object with the keys {', '.join(Order._fields)}, got {found!r}") from None
    if type(price) is int and -_EXACT_INT <= price <= _EXACT_INT:
        price = float(price)
    if not (
        len(found) == len(Order._fields)
        and type(order_id) is type(side) is type(quantity) is type(timestamp_ns) is int
        and 0 <= order_id < U64_LIMIT
        and 0 <= quantity < U64_LIMIT
        and 0 <= timestamp_ns < U64_LIMIT
        and 0 <= side <= 1
        and type(price) is float
        and -math.inf < price < math.inf
        and type(symbol) is str
        and 1 <= len(symbol) <= SYMBOL_BYTES
        and symbol.isascii()
        and symbol.isprintable()
    ):
        raise FrameError(f"order: a field has another type, is out of range or unknown: {found!r}")
    return order_id, symbol, side, quantity, price, timestamp_ns


def depth_object(depth: Depth) -> dict[str, Any]:
    """The `depthUpdate` object of a depth frame."""
    return {
        "e": _EVENT,
        "E": depth.event_time_ms,
        "s": depth.symbol,
        "U": depth.first_update_id,
        "u": depth.final_update_id,
        "b": texts_of(depth.bids),
        "a": texts_of(depth.asks),
    }


def depth_from_object(found: Any) -> Depth:
    """The depth frame in a parsed `depthUpdate` object; FrameError where it is none."""
    if type(found) is not dict or found.keys() != _DEPTH_KEYS or found["e"] != _EVENT:
        raise FrameError(f"depth: expected a {_EVENT} object with the keys {', '.join(sorted(_DEPTH_KEYS))}")
    try:
        bids, asks = levels_of(found["b"]), levels_of(found["a"])
    except (TypeError, ValueError) as error:
        raise FrameError(f"depth: the levels are not pairs of decimals: {error}") from None
    return check_head(Depth(found["U"], found["u"], found["E"], found["s"], bids, asks))
