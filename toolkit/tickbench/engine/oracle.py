"""The oracle: what an engine has to do on a feed, reckoned slowly in plain Python, without network, variants or kernels.

Written from the definitions of the strategy, the indicators and the positions. Only what the definitions themselves share with
the engines is used: the settings, the microprice, the numbers of the digest. An order is filled at once; that its outcome
comes later on the wire changes nothing, since the next order of the symbol waits for it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tickbench.components.codec.contract import BUY, symbol_word
from tickbench.components.indicators import contract
from tickbench.components.positions.contract import FLAT, Position
from tickbench.components.positions.model import fill_position
from tickbench.components.risk.contract import SymbolLimits
from tickbench.engine.core import Account
from tickbench.engine.digest import mix_order
from tickbench.engine.protocol import SymbolTerms
from tickbench.engine.strategy import Crossing, Intent, Quote, Strategy, microprice

_U64 = 1 << 64
Level = tuple[int, int]


@dataclass(frozen=True)
class FeedEvent:
    """A depth frame (`quote` is None: levels of both sides, `is_snapshot` replaces the book) or a ticker's quote."""

    update_id: int
    bids: Sequence[Level] = ()
    asks: Sequence[Level] = ()
    is_snapshot: bool = False
    quote: Quote | None = None


class Average:
    """An exponential average that begins with the mean of the values first … begin."""

    def __init__(self, gain: float, first: int, begin: int) -> None:
        self.gain, self.first, self.begin = gain, first, begin
        self.kept: list[float] = []
        self.value = math.nan

    def take(self, at: int, value: float) -> float:
        """Value number `at`; NaN before the beginning."""
        if at > self.begin:
            self.value += self.gain * (value - self.value)
        elif at >= self.first:
            self.kept.append(value)
            if at == self.begin:
                self.value = math.fsum(self.kept) / len(self.kept)
        return self.value


class Score:
    """The indicators of one symbol by their definitions (`components.indicators.contract`)."""

    def __init__(self) -> None:
        self.seen = 0
        self.last = math.nan
        self.window: deque[float] = deque(maxlen=contract.BOLLINGER_PERIOD)
        self.ema = Average(contract.EMA_GAIN, 0, contract.EMA_PERIOD - 1)
        period = contract.RSI_PERIOD
        self.gains, self.losses = Average(1 / period, 1, period), Average(1 / period, 1, period)
        begin, at = contract.MACD_BEGIN, contract.LOOKBACK["macd"]
        self.fast = Average(contract.FAST_GAIN, contract.MACD_SLOW - contract.MACD_FAST, begin)
        self.slow, self.signal = Average(contract.SLOW_GAIN, 0, begin), Average(contract.SIGNAL_GAIN, begin, at)

    def take(self, price: float, bids: list[int], asks: list[int]) -> float:
        """The score of the next price and the lots of the best levels."""
        t = self.seen
        self.window.append(price)
        ema = self.ema.take(t, price)
        change = price - self.last
        gain, loss = self.gains.take(t, max(change, 0.0)), self.losses.take(t, max(-change, 0.0))
        line = self.fast.take(t, price) - self.slow.take(t, price)
        histogram = line - self.signal.take(t, line)
        self.seen, self.last = t + 1, price
        if t < contract.LOOKBACK["macd"]:
            return math.nan
        middle = math.fsum(self.window) / len(self.window)
        half_width = 2 * math.sqrt(math.fsum((one - middle) ** 2 for one in self.window) / len(self.window))
        rsi = 100 * gain / (gain + loss) if gain + loss else 0.0
        bid, ask = sum(bids), sum(asks)
        imbalance = (bid - ask) / (bid + ask) if bid + ask else 0.0
        votes = [(50 - rsi) * 0.02, imbalance]
        votes += [_vote(one, half_width) for one in (middle - price, histogram, ema - middle)]
        return math.fsum(votes) / len(votes)


def _vote(value: float, scale: float) -> float:
    return max(-1.0, min(1.0, value / scale)) if scale else 0.0


@dataclass
class SymbolOracle:
    """One symbol, from event to event. `margin` is how close a score ever came to a threshold: where it is below rounding
    errors (1e-9, generously), two right engines might differ."""

    terms: SymbolTerms
    strategy: Strategy
    limits: SymbolLimits
    levels: tuple[dict[int, int], dict[int, int]] = field(default_factory=lambda: ({}, {}))
    quote_id: int = 0
    ticks: int = 0
    intents: int = 0
    refused: int = 0
    fills: int = 0
    orders: list[Intent] = field(default_factory=list)
    state: int = 0
    position: Position = FLAT
    margin: float = math.inf

    def __post_init__(self) -> None:
        self._crossing, self._score = Crossing(self.strategy), Score()
        self._top: list[list[int]] = [[], []]

    def take(self, event: FeedEvent) -> None:
        """The next event of the feed; none is missing and none comes twice."""
        quote = event.quote
        if quote is None:
            quote = self._apply(event)
            if event.update_id < self.quote_id:
                return
        elif event.update_id <= self.quote_id:
            return
        self.quote_id = event.update_id
        if quote.bid_lots <= 0 or quote.ask_lots <= 0:
            return
        self.ticks += 1
        score = self._score.take(microprice(quote), *self._top)
        for threshold in (self.strategy.enter, -self.strategy.enter, self.strategy.exit, -self.strategy.exit):
            self.margin = min(self.margin, abs(score - threshold)) if score == score else self.margin  # noqa: PLR0124  NaN
        intent = self._crossing.decide(score, quote, event.update_id)
        if intent is not None:
            self.intents += 1
            self._order(intent, quote)

    def _apply(self, event: FeedEvent) -> Quote:
        if event.is_snapshot:
            self.levels, self.quote_id = ({}, {}), 0
        for held, levels in zip(self.levels, (event.bids, event.asks), strict=True):
            for price, lots in levels:
                if lots:
                    held[price] = lots
                else:
                    held.pop(price, None)
        bids, asks = self.levels
        wanted = self.strategy.levels
        self._top = [[bids[p] for p in sorted(bids)[: -wanted - 1 : -1]], [asks[p] for p in sorted(asks)[:wanted]]]
        bid, ask = max(bids, default=-1), min(asks, default=-1)
        return Quote(bid, bids.get(bid, 0), ask, asks.get(ask, 0))

    def _order(self, intent: Intent, quote: Quote) -> None:
        side, price, lots, cause = intent.side, intent.price_ticks, intent.lots, intent.cause
        if self._is_refused(intent):
            self.refused += 1
            return
        self.orders.append(intent)
        word = symbol_word(self.terms.symbol) % _U64
        self.state = mix_order(self.state, word, len(self.orders), side, price, lots, cause)
        there = quote.ask_lots if side == BUY else quote.bid_lots  # the limit is the other side's best: it always reaches
        filled = min(lots, there)
        self.position = fill_position(self.position, filled if side == BUY else -filled, price)
        self.fills += 1

    def _is_refused(self, intent: Intent) -> bool:
        limits, lots = self.limits, intent.lots
        ends = self.position.quantity_lots + (lots if intent.side == BUY else -lots)
        return (
            lots > limits.max_order_lots
            or intent.reference_ticks == 0
            or abs(intent.price_ticks - intent.reference_ticks) > limits.collar_ticks
            or lots * intent.price_ticks > limits.max_notional_lot_ticks
            or (ends if intent.side == BUY else -ends) > limits.position_limit_lots
        )

    def account(self) -> Account:
        """What an engine must end with."""
        return Account(self.terms.symbol, len(self.orders), self.state, *self.position)


def expect(terms: SymbolTerms, strategy: Strategy, events: Iterable[FeedEvent]) -> SymbolOracle:
    """The oracle of one symbol after all its events."""
    (limits,) = strategy.risk_config([terms]).symbols
    oracle = SymbolOracle(terms, strategy, limits)
    for event in events:
        oracle.take(event)
    return oracle
