"""The text form of both messages: an order as a JSON object, a depth frame as the exchange's `depthUpdate` object.

The exchange (Binance spot, diff. depth stream) writes prices and quantities as decimal strings of 8 places:
``{"e":"depthUpdate","E":…,"s":"BTCUSDT","U":…,"u":…,"b":[["61737.63000000","0.00000000"],…],"a":[…]}``. A book wants ticks and
lots, so both directions convert, with integers only: a price that is no multiple of the tick is refused, not rounded.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from tickbench.components.codec.contract import (
    PRICE_DECIMALS,
    QUANTITY_DECIMALS,
    Depth,
    FrameError,
    Order,
    check_depth,
    check_order,
)

TEXT_DECIMALS = 8  # places that the exchange prints, whatever the tick
_PRICE_UNIT, _QUANTITY_UNIT = 10 ** (TEXT_DECIMALS - PRICE_DECIMALS), 10 ** (TEXT_DECIMALS - QUANTITY_DECIMALS)
_ORDER_KEYS = frozenset(Order._fields)
_DEPTH_KEYS = frozenset("eEsUuba")
_EVENT = "depthUpdate"


def decimal_text(value: int, unit: int) -> str:
    """`value` times `unit`, in 10^-8, as the exchange prints it."""
    digits = str(value * unit).rjust(TEXT_DECIMALS + 1, "0")
    return f"{digits[:-TEXT_DECIMALS]}.{digits[-TEXT_DECIMALS:]}"


def whole_units(text: str, unit: int) -> int:
    """A decimal of 8 places as a multiple of `unit`; FrameError if it is another number or no number."""
    digits = text[: -TEXT_DECIMALS - 1] + text[-TEXT_DECIMALS:]
    if text[-TEXT_DECIMALS - 1 : -TEXT_DECIMALS] != "." or not (digits.isascii() and digits.isdigit()):
        raise FrameError(f"depth: expected a decimal of {TEXT_DECIMALS} places, got {text!r}")
    value, rest = divmod(int(digits), unit)
    if rest or len(digits) == TEXT_DECIMALS:
        raise FrameError(f"depth: {text!r} is no multiple of the tick or lot")
    return value


def texts_of(levels: Iterable[tuple[int, int]]) -> list[list[str]]:
    """Levels in ticks and lots as the exchange prints them."""
    return [[decimal_text(price, _PRICE_UNIT), decimal_text(lots, _QUANTITY_UNIT)] for price, lots in levels]


def levels_of(pairs: Iterable[Iterable[str]]) -> list[tuple[int, int]]:
    """Printed levels in ticks and lots; FrameError where one is no pair of decimals."""
    return [(whole_units(price, _PRICE_UNIT), whole_units(quantity, _QUANTITY_UNIT)) for price, quantity in pairs]


def order_object(order: Order) -> dict[str, Any]:
    """The JSON object of an order; FrameError where a field is out of range or the price not finite (RFC 8259, 6)."""
    return check_order(order, finite=True)._asdict()


def order_from_object(found: Any) -> Order:
    """The order in a parsed JSON object; FrameError where it is no order. A price may be written as an integer."""
    if type(found) is not dict or found.keys() != _ORDER_KEYS:
        raise FrameError(f"order: expected an object with the keys {', '.join(Order._fields)}, got {found!r}")
    order = Order(**found)
    if type(order.price) is int and abs(order.price) <= 1 << 53:
        order = order._replace(price=float(order.price))
    return check_order(order, finite=True)


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
    return depth_from_texts(found)


def depth_from_texts(found: Mapping[str, Any]) -> Depth:
    """The depth frame in an object whose keys are there; FrameError where a value is wrong."""
    try:
        bids, asks = levels_of(found["b"]), levels_of(found["a"])
    except (TypeError, ValueError) as error:
        raise FrameError(f"depth: the levels are not pairs of decimals: {error}") from None
    return check_depth(Depth(found["U"], found["u"], found["E"], found["s"], bids, asks))
