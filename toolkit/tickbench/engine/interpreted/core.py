"""A core in Python around any variants: each stage is a call, its time goes into the same slots as in the compiled one."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

from tickbench.components.codec.contract import BUY, FrameError, Order, symbol_word
from tickbench.components.order_book.contract import ASK, BID, BookConfig
from tickbench.components.positions.accounting import MAX_LOTS
from tickbench.components.positions.contract import MapConfig
from tickbench.components.risk.contract import ACCEPTED, REASONS
from tickbench.engine import protocol
from tickbench.engine.core import Account, Setting
from tickbench.engine.digest import mix_order
from tickbench.engine.interpreted.signals import Signal
from tickbench.engine.interpreted.wire import NO_NUMBER, WIRES, Parsed
from tickbench.engine.pages import STAGES, EnginePage
from tickbench.engine.profiles import Stages
from tickbench.engine.protocol import SymbolTerms
from tickbench.engine.stages.checks import python_side
from tickbench.engine.strategy import WAITING, Counts, Crossing, Intent, Quote, Strategy, microprice
from tickbench.probe import python as probe

_STAGE = {name: 1 + place for place, name in enumerate(STAGES)}
_LEVELS_A_SIDE = 1 << 17
_U64 = 1 << 64


@dataclass
class _Flight:
    """The order of a symbol whose outcome is not known."""

    id: int
    intent: Intent
    payload: bytes


@dataclass
class _Symbol:
    """One symbol: its book, its signal and its orders."""

    number: int
    terms: SymbolTerms
    word: int
    book: Any
    signal: Signal
    crossing: Crossing
    trusted: bool = False
    last_id: int = 0
    quote_id: int = 0
    frame_number: int = -1
    flight: _Flight | None = None
    waiting: deque[Intent] = field(default_factory=deque)
    sequence: int = 0
    state: int = 0
    position_lots: int = 0


class InterpretedCore:
    """Meets `core.Core`."""

    def __init__(self, stages: Stages, setting: Setting, strategy: Strategy, page: EnginePage, wire: str) -> None:
        terms, self.wire = list(setting.terms), wire
        self._strategy, self._slots = strategy, page.slots
        self._wire = WIRES[wire](python_side(stages.codec.build(None)), terms)
        self._risk = stages.risk.build(strategy.risk_config(terms))
        self._positions = stages.positions.build(MapConfig(max(64, len(terms))))
        indicators = stages.indicators.build(None)
        self._symbols = {}
        for number, one in enumerate(terms):
            config = BookConfig.for_prices(
                one.highest_price_ticks, level_capacity=_LEVELS_A_SIDE, event_capacity=1024, threads=1
            )
            book, signal = stages.order_book.build(config), Signal(indicators, strategy)
            word = symbol_word(one.symbol) % _U64
            self._symbols[one.symbol] = _Symbol(number, one, word, book, signal, Crossing(strategy))
        self._session, self._counter = setting.session, 0
        self._counts = Counts()
        self._ns_per_tick = page.page.clock.ns_per_tick
        self._has_waited, self._parsed_at = False, 0

    # -- the feed

    def on_feed(self, payload: bytes, received: int) -> bytes | None:
        """As `Core.on_feed`."""
        slots, self._parsed_at = self._slots, 0
        since = probe.begin(slots["message"])
        probe.stage(slots["message"], _STAGE["parse"])
        self._counts.frames += 1
        try:
            parsed = self._wire.parse(payload)
            symbol = self._symbols[parsed.symbol]
        except (FrameError, ValueError, LookupError, TypeError, AttributeError):
            self._counts.malformed += 1
            probe.cancel(slots["message"])
            return None
        self._parsed_at = probe.lap(slots["parse"], since)
        message = self._on_parsed(symbol, parsed, received)
        probe.lap(slots["compiled"], self._parsed_at)
        probe.end(slots["message"])
        return message

    def _on_parsed(self, symbol: _Symbol, parsed: Parsed, received: int) -> bytes | None:
        if parsed.is_snapshot and not symbol.trusted:
            symbol.frame_number = parsed.number  # what mends a gap may have the number of the last frame
        elif not self._is_new(symbol, parsed.number):
            return None
        if parsed.bids is not None:
            if not self._follows(symbol, parsed):
                return None
            quote = self._apply(symbol, parsed)
            if parsed.final_id < symbol.quote_id:
                return None
        elif parsed.quote is not None and symbol.trusted and parsed.final_id > symbol.quote_id:
            quote = parsed.quote
        else:
            return None
        symbol.quote_id = parsed.final_id
        return self._tick(symbol, quote, parsed.final_id, received)

    def _is_new(self, symbol: _Symbol, number: int) -> bool:
        if number == NO_NUMBER:
            return True
        if number <= symbol.frame_number:
            self._counts.late_frames += 1
            return False
        if symbol.frame_number >= 0:
            self._counts.lost_frames += number - symbol.frame_number - 1
        symbol.frame_number = number
        return True

    def _follows(self, symbol: _Symbol, parsed: Parsed) -> bool:
        if parsed.is_snapshot:
            self._counts.snapshots += 1
            symbol.trusted, symbol.quote_id = True, 0
            return True
        if not symbol.trusted:
            self._counts.untrusted_frames += 1
            return False
        if parsed.final_id <= symbol.last_id:
            self._counts.late_frames += 1
            return False
        if parsed.first_id <= symbol.last_id + 1 or (parsed.previous_id and parsed.previous_id <= symbol.last_id):
            return True
        self._counts.gaps += 1
        symbol.trusted = False
        return False

    def _apply(self, symbol: _Symbol, parsed: Parsed) -> Quote:
        """Update the book; its quote after that."""
        slots, book, counts = self._slots, symbol.book, self._counts
        probe.stage(slots["message"], _STAGE["order_book"])
        since = probe.now(slots["order_book"])
        if parsed.is_snapshot:
            for side in (BID, ASK):
                for price, _ in book.top(side, book.level_count(side)) or ():
                    book.update(side, price, 0)
        for side, levels in ((BID, parsed.bids or ()), (ASK, parsed.asks)):
            for price, lots in levels:
                counts.book_refused += book.update(side, price, lots) < 0
            counts.level_updates += len(levels)
        best = book.best()
        for side in (BID, ASK):
            symbol.signal.set_lots(side, book.top(side, self._strategy.levels) or [])
        symbol.last_id = parsed.final_id
        counts.depth_frames += 1
        probe.lap(slots["order_book"], since)
        return Quote(*best)

    def _tick(self, symbol: _Symbol, quote: Quote, cause: int, received: int) -> bytes | None:
        slots, counts = self._slots, self._counts
        if quote.bid_lots <= 0 or quote.ask_lots <= 0:
            return None
        probe.stage(slots["message"], _STAGE["signal"])
        since = probe.now(slots["signal"])
        counts.ticks += 1
        score = symbol.signal.score(microprice(quote))
        intent = symbol.crossing.decide(score, quote, cause, received)
        probe.lap(slots["signal"], since)
        if intent is None:
            return None
        counts.intents += 1
        if symbol.flight is None:
            self._has_waited = False
            return self._dispatch(symbol, intent)
        if len(symbol.waiting) >= WAITING:
            counts.waiting_dropped += 1
        else:
            counts.waited += 1
            symbol.waiting.append(intent)
        return None

    # -- orders

    def _dispatch(self, symbol: _Symbol, intent: Intent) -> bytes | None:
        slots = self._slots
        probe.stage(slots["message"], _STAGE["risk"])
        since = probe.now(slots["risk"])
        now_ns = round(since * self._ns_per_tick)
        self._risk.update(symbol.number, intent.reference_ticks, symbol.position_lots)
        signed_lots = intent.lots if intent.side == BUY else -intent.lots
        reason = self._risk.check(symbol.number, signed_lots, intent.price_ticks, now_ns)
        since = probe.lap(slots["risk"], since)
        if reason != ACCEPTED:
            refused = self._counts.refused
            refused[REASONS[reason]] = refused.get(REASONS[reason], 0) + 1
            return None
        probe.stage(slots["message"], _STAGE["serialise"])
        self._counter += 1
        symbol.sequence += 1
        self._counts.orders += 1
        identity = self._session << 32 | self._counter
        words = symbol.sequence, intent.side, intent.price_ticks, intent.lots, intent.cause
        symbol.state = mix_order(symbol.state, symbol.word, *words)
        price = symbol.terms.price_of(intent.price_ticks)
        order = Order(identity, symbol.terms.symbol, intent.side, intent.lots, price, now_ns)
        payload = self._wire.encode(order, intent.cause, symbol.sequence)
        symbol.flight = _Flight(identity, intent, payload)
        self._order_received = intent.received
        probe.lap(slots["serialise"], since)
        return payload

    def on_report(self, payload: bytes) -> bytes | None:
        """As `Core.on_report`."""
        slots, counts = self._slots, self._counts
        since = probe.now(slots["fill"])
        try:
            report = protocol.decode_report(payload, self.wire)
        except FrameError:
            counts.malformed += 1
            return None
        if report.kind == protocol.ACK:
            counts.acks += 1
            return None
        symbol = self._symbols.get(report.symbol)
        if symbol is None or symbol.flight is None or symbol.flight.id != report.id:
            counts.stray_reports += 1
            return None
        probe.begin(slots["message"])
        probe.stage(slots["message"], _STAGE["fill"])
        self._settle(symbol, symbol.flight, report)
        probe.lap(slots["fill"], since)
        probe.cancel(slots["message"])
        self._has_waited, message = True, None
        while symbol.waiting and message is None:
            message = self._dispatch(symbol, symbol.waiting.popleft())
        return message

    def _settle(self, symbol: _Symbol, flight: _Flight, report: protocol.Report) -> None:
        slots, counts = self._slots, self._counts
        symbol.flight = None
        if report.kind == protocol.FILL:
            probe.stage(slots["message"], _STAGE["position"])
            since = probe.now(slots["position"])
            signed_lots = report.lots if flight.intent.side == BUY else -report.lots
            held = self._positions.fill(symbol.word, signed_lots, report.price_ticks)
            if held < -MAX_LOTS:
                counts.fill_refused += 1
            else:
                symbol.position_lots = held
            probe.lap(slots["position"], since)
            probe.lap(slots["tick_to_fill"], flight.intent.received)
            counts.fills += 1
        elif report.kind == protocol.REJECT:
            counts.rejected += 1
        elif report.kind == protocol.EXPIRED:
            counts.expired += 1
        else:
            counts.cancelled += 1

    def on_sent(self, since: int, received: int) -> None:
        """As `Core.on_sent`."""
        probe.lap(self._slots["order_wait" if self._has_waited else "receive_to_send"], self._order_received)
        probe.lap(self._slots["send"], since)

    # -- state

    @property
    def needs_snapshot(self) -> bool:
        """As `Core.needs_snapshot`."""
        return any(one.last_id and not one.trusted for one in self._symbols.values())

    def in_flight(self) -> list[bytes]:
        """As `Core.in_flight`."""
        return [one.flight.payload for one in self._symbols.values() if one.flight is not None]

    def waiting(self) -> int:
        """As `Core.waiting`."""
        return sum(len(one.waiting) for one in self._symbols.values())

    def kill(self, on: bool) -> None:
        """As `Core.kill`."""
        self._risk.kill(on)

    def last_ids(self) -> dict[str, int]:
        """As `Core.last_ids`."""
        return {symbol: max(one.last_id, one.quote_id) for symbol, one in self._symbols.items() if one.trusted}

    def counts(self) -> Counts:
        """As `Core.counts`."""
        return replace(self._counts, refused=dict(self._counts.refused))

    def accounts(self) -> list[Account]:
        """As `Core.accounts`."""
        return [
            Account(symbol, one.sequence, one.state, *self._positions.read(one.word)) for symbol, one in self._symbols.items()
        ]
