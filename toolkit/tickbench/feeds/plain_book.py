"""The simplest exact book, a dict a side: for a feed's traits and for its generator."""

from __future__ import annotations

from tickbench.feeds.model import BID

SEARCHED_TICKS = 256  # next to the market nearly every tick holds a level: a walk is shorter than a search of all


class PlainBook:
    """Levels by price; the best is found when asked for."""

    def __init__(self) -> None:
        self.levels: tuple[dict[int, int], dict[int, int]] = ({}, {})
        self._best: list[int | None] = [None, None]

    def update(self, side: int, price_ticks: int, quantity_lots: int) -> bool:
        """Set a level, or delete it with quantity 0; tells whether the book held it."""
        levels = self.levels[side]
        if quantity_lots == 0:
            return levels.pop(price_ticks, None) is not None
        was_held = price_ticks in levels
        levels[price_ticks] = quantity_lots
        best = self._best[side]
        if best is None or (price_ticks > best if side == BID else price_ticks < best):
            self._best[side] = price_ticks
        return was_held

    def best_ticks(self, side: int) -> int | None:
        """Highest bid or lowest ask; None for an empty side."""
        levels, best = self.levels[side], self._best[side]
        if best is None or best in levels:
            return best
        step = -1 if side == BID else 1
        walk = (price for price in range(best, best + step * SEARCHED_TICKS, step) if price in levels)
        found = next(walk, None)
        if found is None and levels:
            found = max(levels) if side == BID else min(levels)
        self._best[side] = found
        return found

    def quote(self) -> tuple[int, int, int, int]:
        """Best bid ticks and lots, best ask ticks and lots; the book must hold both sides."""
        bid, ask = self.best_ticks(0), self.best_ticks(1)
        assert bid is not None
        assert ask is not None
        return bid, self.levels[0][bid], ask, self.levels[1][ask]
