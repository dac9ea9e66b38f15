"""Decimal texts to whole multiples of a step (a tick, a lot), exactly: integers throughout, no floats."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from math import gcd

from tickbench.errors import UsageError

INT64_MAX = 2**63 - 1
# What exchanges send: digits, perhaps a point and digits. No sign, exponent, space or name ("NaN"). The
# lengths bound the work for a hostile text; 18 decimals are those of the finest-grained tokens (ETH's wei).
PLAIN_DECIMAL = re.compile(r"([0-9]{1,19})(?:\.([0-9]{1,18}))?\Z")


class DecimalTextError(ValueError):
    """A text is no whole multiple of the step; the caller knows in which line it stood."""

    def __init__(self, text: str, why: str) -> None:
        super().__init__(why)
        self.text = text
        self.why = why


@dataclass(frozen=True, slots=True)
class Steps:
    """The step and, for each text, how many of it the text is."""

    size: Decimal
    count_of: dict[str, int]


def count_steps(texts: Iterable[str], given_size: Decimal | None) -> Steps:
    """Express decimal texts in steps of the given size, or of the largest size that divides them all.

    An inferred size is the greatest common divisor: the exchange's own as soon as two texts are one step
    apart, and a multiple of it for a handful of texts that happen to share a larger divisor.

    Raises:
        DecimalTextError: a text is no plain decimal, no multiple of the given size, or over int64.
    """
    parsed = {text: _digits_and_decimals(text) for text in texts}
    decimals = max((places for _, places in parsed.values()), default=0)
    if given_size is not None:
        exponent = given_size.as_tuple().exponent
        assert isinstance(exponent, int)  # check_size has refused NaN and infinities
        decimals = max(decimals, -exponent)
    scaled = {text: digits * 10 ** (decimals - places) for text, (digits, places) in parsed.items()}
    step = gcd(*scaled.values()) or 1 if given_size is None else int(given_size.scaleb(decimals))
    for text, value in scaled.items():
        if value % step:
            raise DecimalTextError(text, f"is no multiple of {given_size}")
        if value // step > INT64_MAX:
            raise DecimalTextError(text, "does not fit into 64 bits")
    return Steps(plain(Decimal(step).scaleb(-decimals)), {text: value // step for text, value in scaled.items()})


def plain(size: Decimal) -> Decimal:
    """The same number without trailing zeros or exponent, so that equal sizes have equal texts."""
    return Decimal(f"{size.normalize():f}")


def check_size(name: str, size: Decimal | None) -> Decimal | None:
    """Refuse a given tick or lot size that is not a positive, finite number of at most 18 decimals.

    Raises:
        UsageError: naming the size.
    """
    if size is None:
        return None
    if not size.is_finite() or not PLAIN_DECIMAL.match(f"{size:f}") or size == 0:
        raise UsageError(f"{name} is {size}: give a positive decimal number, for example 0.01")
    return plain(size)


def _digits_and_decimals(text: str) -> tuple[int, int]:
    match = PLAIN_DECIMAL.match(text)
    if match is None:
        raise DecimalTextError(text, "is no plain decimal number >= 0")
    whole, fraction = match[1], match[2] or ""
    return int(whole + fraction), len(fraction)
