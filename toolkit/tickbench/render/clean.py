"""What a document shows of values that nobody vouches for."""

import unicodedata
from typing import Any

from markupsafe import Markup

MOST_LETTERS = 2_000  # of one text in a document; the run file has the rest
_SHOWN_CONTROLS = frozenset("\n\t")


def shown(value: Any) -> Any:
    """Text without hidden characters and of a bearable length, numbers without noise, all else as it is."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, float):
        return f"{value:.10g}"
    if not isinstance(value, str):
        return value
    cut = value if len(value) <= MOST_LETTERS else value[:MOST_LETTERS]
    if not cut.isprintable():
        cut = "".join(map(_visible, cut))
    return cut if len(value) <= MOST_LETTERS else f"{cut}… ({len(value):,} letters)"


def _visible(letter: str) -> str:
    if letter in _SHOWN_CONTROLS or letter.isprintable() or unicodedata.category(letter) == "Zs":
        return letter
    return f"⟨U+{ord(letter):04X}⟩"
