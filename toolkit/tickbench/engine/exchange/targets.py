"""What a connection asks for: /feed?symbols=A,B&wire=binary&from=A:123 or /orders?wire=json&on_disconnect=keep."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from tickbench.engine.protocol import FEED_PATH, ORDERS_PATH, WIRES
from tickbench.errors import InputError

_MOST_TARGET_CHARACTERS = 4_096
_MOST_ID_DIGITS = 20


class UnknownPathError(InputError):
    """Neither the feed nor the orders."""


@dataclass(frozen=True)
class FeedTarget:
    """Symbols in the order asked for, the wire, and from which update id on, for the symbols that say so."""

    symbols: tuple[str, ...]
    wire: str
    resume: dict[str, int]


@dataclass(frozen=True)
class OrdersTarget:
    """The wire, and whether a lost connection cancels what was not told yet."""

    wire: str
    cancel_on_disconnect: bool


def parse_target(target: str, known: Collection[str]) -> FeedTarget | OrdersTarget:
    """What a request target asks for; InputError (UnknownPathError for the path) for anything that is not defined."""
    if len(target) > _MOST_TARGET_CHARACTERS:
        raise InputError(f"the target has {len(target)} characters; at most {_MOST_TARGET_CHARACTERS} are taken")
    try:
        parts = urlsplit(target)
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
    except ValueError as error:
        raise InputError(f"the target is no path with a query: {error}") from None
    values = dict(query)
    allowed = {FEED_PATH: ("symbols", "wire", "from"), ORDERS_PATH: ("wire", "on_disconnect")}.get(parts.path)
    if allowed is None:
        raise UnknownPathError(f"there is {FEED_PATH} and {ORDERS_PATH}")
    if len(values) != len(query) or not set(values) <= set(allowed):
        raise InputError(f"{parts.path} takes {', '.join(allowed)}, each once")
    wire = values.get("wire", "json")
    if wire not in WIRES:
        raise InputError(f"wire must be one of {', '.join(WIRES)}")
    if parts.path == ORDERS_PATH:
        return OrdersTarget(wire, _choice(values.get("on_disconnect", "keep"), ("keep", "cancel")) == "cancel")
    symbols = tuple(values["symbols"].split(",")) if "symbols" in values else tuple(known)
    if len(set(symbols)) != len(symbols) or not set(symbols) <= set(known):
        raise InputError(f"symbols must be some of {', '.join(known)}, each once")
    return FeedTarget(symbols, wire, _resume(values.get("from", ""), symbols))


def _choice(value: str, choices: tuple[str, ...]) -> str:
    if value not in choices:
        raise InputError(f"on_disconnect must be one of {', '.join(choices)}")
    return value


def _resume(text: str, symbols: tuple[str, ...]) -> dict[str, int]:
    resume = {}
    for part in filter(None, text.split(",")):
        symbol, _, number = part.partition(":")
        if symbol not in symbols or not (number.isdecimal() and number.isascii() and len(number) <= _MOST_ID_DIGITS):
            raise InputError("from must be SYMBOL:UPDATE_ID, of symbols that are asked for, with commas between")
        resume[symbol] = int(number)
    return resume
