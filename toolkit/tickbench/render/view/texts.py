"""Texts of a run file, which may be of any length: cut to what a table can show."""

import re
from collections.abc import Iterable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar, cast

MOST_NAME = 200
MOST_TEXT = 2_000  # sentences: readings and reasons are longer than names
_ELLIPSIS = "…"
_NAMES = frozenset({"id", "name", "title", "run", "scenario", "variant", "component", "workload", "operation", "base", "new"})
_NUMBERS_ONLY = frozenset({"columns", "edges_ns", "nines", "latency_ns", "x", "y", "low", "high", "counts"})
_NO_ANCHOR = re.compile(r"[^a-z0-9]+")
_ANCHOR = 60

View = TypeVar("View")


def cut(text: str, most: int = MOST_NAME) -> str:
    """At most `most` characters of a text."""
    return text if len(text) <= most else text[: most - 1] + _ELLIPSIS


def shortened(value: View) -> View:
    """A view with every text cut: names to MOST_NAME, sentences to MOST_TEXT characters."""
    return cast("View", _shortened(value, ""))


def _shortened(value: Any, field: str) -> Any:
    if isinstance(value, str):
        return cut(value, MOST_NAME if field in _NAMES else MOST_TEXT)
    if isinstance(value, tuple):
        if not value or isinstance(value[0], int | float):
            return value
        parts = tuple(_shortened(one, field) for one in value)
        return value if all(a is b for a, b in zip(parts, value, strict=True)) else parts
    if is_dataclass(value) and not isinstance(value, type):
        return _changed(value)
    return value


def _changed(value: Any) -> Any:
    changes = {}
    for one in fields(value):
        old = getattr(value, one.name)
        if one.name in _NUMBERS_ONLY or old is None or isinstance(old, int | float):
            continue
        new = _shortened(old, one.name)
        if new is not old:
            changes[one.name] = new
    return replace(value, **changes) if changes else value


def anchors(names: Iterable[str]) -> list[str]:
    """One identifier a name for links within a page: lower case letters, digits and hyphens, none of them twice."""
    found: dict[str, None] = {}
    for index, name in enumerate(names):
        plain = _NO_ANCHOR.sub("-", name[:_ANCHOR].lower()).strip("-") or "part"
        found[plain if plain not in found else f"{plain}-{index}"] = None
    return list(found)
