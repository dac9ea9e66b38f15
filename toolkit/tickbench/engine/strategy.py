"""The strategy: what an engine buys and sells, as a function of the feed alone.

A *tick* of a symbol is a quote (best bid and ask of one update id) that is not older than the last one: after a diff or a
snapshot the book's own, or that of a ticker. Its price is the microprice, bid + spread x bid lots / (bid lots + ask lots), in
ticks. With the lots of the best levels as the book last had them it goes through the indicators, whose `score` is in -1 (sell)
… 1 (buy).

The score crosses with hysteresis: at or above `enter` the direction is up, at or below -enter it is down, and it is given up
once the score falls back below `exit`. While there is a direction, at most every `cooldown_ticks`-th tick decides an order: an
*intent*, whose side, limit, lots and cause are fixed by that tick. Time plays no part in it, so every engine decides the same
from the same feed.

An intent is sent at once if the symbol has no order in flight; else it waits in a queue of WAITING for the outcome of the one
before. The risk check comes when it is about to be sent, on the position that all earlier orders left: again the same for
every engine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from tickbench.components.codec.contract import BUY, SELL
from tickbench.components.risk.contract import RiskConfig, SymbolLimits
from tickbench.engine.protocol import SymbolTerms
from tickbench.errors import UsageError

WAITING = 64  # intents that may wait for an outcome; one more is dropped and makes a run invalid
LONG_AGO = -(1 << 40)
# A gateway's rate that the strategy never reaches: a limit in time would make orders depend on it. 1 M/s, 1,024 at once.
_ORDER_INTERVAL_NS, _BURST_ORDERS = 1_000, 1_024
_COLLAR_SHARE = 100  # 1 / this of the highest price that the feed has


@dataclass(frozen=True)
class Strategy:
    """The settings. Levels are the book's best that count for the imbalance, a side; the window is what is looked at again.

    Averages forget by 25/27 a price (MACD's slower one): of what was 512 prices ago 8e-18 is left, less than a float64 shows.
    """

    enter: float = 0.15
    exit: float = 0.05
    cooldown_ticks: int = 4
    order_lots: int = 10
    position_limit_lots: int = 500
    levels: int = 5
    window_prices: int = 512

    def __post_init__(self) -> None:
        if not 0 <= self.exit <= self.enter <= 1:
            raise UsageError(f"strategy: 0 <= exit <= enter <= 1 is needed, got exit {self.exit} and enter {self.enter}")
        for name, low, high in (("cooldown_ticks", 1, 1 << 30), ("order_lots", 1, 1 << 20), ("levels", 1, 64)):
            if not low <= getattr(self, name) <= high:
                raise UsageError(f"strategy: {name} must be {low} to {high}, got {getattr(self, name)}")
        if not self.order_lots <= self.position_limit_lots <= 1 << 30:
            raise UsageError(f"strategy: position_limit_lots must be order_lots to 2^30, got {self.position_limit_lots}")

    def risk_config(self, terms: list[SymbolTerms]) -> RiskConfig:
        """The limits of the symbols, in their order."""
        return RiskConfig(tuple(self._limits(one) for one in terms), _ORDER_INTERVAL_NS, _BURST_ORDERS)

    def _limits(self, terms: SymbolTerms) -> SymbolLimits:
        highest = terms.highest_price_ticks
        collar = max(1, highest // _COLLAR_SHARE)
        return SymbolLimits(self.order_lots, collar, self.order_lots * highest, self.position_limit_lots)


class Quote(NamedTuple):
    """Best bid and ask; lots are above 0 where a side has levels."""

    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int


class Intent(NamedTuple):
    """An order that was decided; `reference_ticks` is the price that the risk check compares it with."""

    side: int
    price_ticks: int
    lots: int
    cause: int
    reference_ticks: int
    received: int = 0  # reading of the engine's clock when its tick came in


def microprice(quote: Quote) -> float:
    """The price of a tick. In floats from the start, in this order: kernels do the same and get the same bits."""
    share = float(quote.bid_lots) / float(quote.bid_lots + quote.ask_lots)
    return float(quote.bid_ticks) + float(quote.ask_ticks - quote.bid_ticks) * share


@dataclass
class Crossing:
    """The direction of one symbol, carried from tick to tick."""

    strategy: Strategy
    direction: int = 0
    ticks: int = 0
    decided_at: int = LONG_AGO

    def decide(self, score: float, quote: Quote, cause: int, received: int = 0) -> Intent | None:
        """Take one tick's score (NaN: not known yet); the intent, if this tick decides one."""
        chosen = self.strategy
        self.ticks += 1
        if score >= chosen.enter:
            self.direction = 1
        elif score <= -chosen.enter:
            self.direction = -1
        elif self.direction * score < chosen.exit:
            self.direction = 0
        if self.direction == 0 or self.ticks - self.decided_at < chosen.cooldown_ticks:
            return None
        self.decided_at = self.ticks
        side, price = (BUY, quote.ask_ticks) if self.direction > 0 else (SELL, quote.bid_ticks)
        return Intent(side, price, chosen.order_lots, cause, (quote.bid_ticks + quote.ask_ticks) // 2, received)


@dataclass
class Counts:
    """What an engine counted. `waiting_dropped` above 0 makes a run invalid: those orders were due and never sent."""

    frames: int = 0
    depth_frames: int = 0
    level_updates: int = 0
    ticks: int = 0
    intents: int = 0
    waited: int = 0
    waiting_dropped: int = 0
    orders: int = 0
    acks: int = 0
    fills: int = 0
    expired: int = 0
    rejected: int = 0
    cancelled: int = 0
    resent: int = 0
    stray_reports: int = 0
    gaps: int = 0
    lost_frames: int = 0
    late_frames: int = 0
    untrusted_frames: int = 0
    malformed: int = 0
    book_refused: int = 0
    fill_refused: int = 0
    snapshots: int = 0
    refused: dict[str, int] = field(default_factory=dict)  # by reason of the risk check
