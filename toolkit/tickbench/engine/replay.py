"""A feed pushed through an engine's core without sockets: the exchange's own frames and desk, an outcome after so many frames.

For oracles and tests: the code for a message is the one that runs behind a transport. Time is the number of frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat

from tickbench.engine.core import Account, Core
from tickbench.engine.exchange.desk import Desk
from tickbench.engine.exchange.market import Market
from tickbench.engine.exchange.run import make_markets
from tickbench.engine.exchange.tape import STREAMS, TRADE, open_tape
from tickbench.engine.oracle import FeedEvent, SymbolOracle, expect
from tickbench.engine.protocol import Report, SymbolTerms, encode_report
from tickbench.engine.strategy import Quote, Strategy
from tickbench.probe import python as probe


@dataclass
class Replay:
    """Markets, each begun at its own place as the exchange does it, and the desk that answers."""

    markets: list[Market]
    delay_frames: int = 3

    @classmethod
    def of(cls, captures: tuple[str, ...], symbols: int = 1, streams: tuple[str, ...] = tuple(STREAMS)) -> Replay:
        """A replay of captures (files, or synthetic feeds) as so many symbols."""
        return cls(make_markets([open_tape(one, streams) for one in captures], symbols))

    @property
    def terms(self) -> list[SymbolTerms]:
        """What the exchange's hello would say."""
        return [market.terms for market in self.markets]

    def run(self, core: Core, frames: int, slot: int) -> Desk:
        """Push the first `frames` frames of each symbol through, in turn; the desk as it stands after the last outcome."""
        desk, answers = Desk(self.markets, repeat(self.delay_frames)), list[Report]()
        feeds = [self._payloads(market, core.wire, frames) for market in self.markets]
        now = 0

        def send(order: bytes | None) -> None:
            if order is not None:
                core.on_sent(probe.now(slot), 0)
                desk.take(order, core.wire, now, answers.append, core)
                deliver()

        def deliver() -> None:
            while answers:
                send(core.on_report(encode_report(answers.pop(0), core.wire)))

        while feeds or desk.pending:
            for feed in list(feeds):
                payload = next(feed, None)
                if payload is None:
                    feeds.remove(feed)
                else:
                    send(core.on_feed(payload, probe.now(slot)))
            now += 1
            while (taken := desk.pop_due(now)) is not None:
                desk.settle(taken)
                assert taken.answer is not None
                taken.answer(taken.outcome)
                deliver()
        return desk

    @staticmethod
    def _payloads(market: Market, wire: str, frames: int) -> Iterator[bytes]:
        yield market.snapshot(market.start - 1, wire)
        for number in range(market.start, market.start + frames):
            market.mark_sent(number, 1)
            yield market.payload(number, wire)

    def expect(self, strategy: Strategy, frames: int) -> list[SymbolOracle]:
        """The oracles of all symbols after as many frames."""
        return [expect(market.terms, strategy, market_events(market, frames)) for market in self.markets]


def market_events(market: Market, frames: int) -> Iterator[FeedEvent]:
    """What the exchange sends for a symbol: the snapshot of where it begins, then `frames` frames, lap after lap."""
    first = market.books.snapshot_after(market.start - 1)
    yield FeedEvent(first.update_id, *first.levels, is_snapshot=True)
    for number in range(market.start, market.start + frames):
        lap, place = divmod(number, market.size)
        frame = market.books.tape.frames[place]
        update_id = frame.update_id + lap * market.lap_ids
        if frame.quote is not None:
            yield FeedEvent(update_id, quote=Quote(*frame.quote))
        elif frame.kind != TRADE:
            yield FeedEvent(update_id, *frame.levels, is_snapshot=place == 0)


def accounts_of(oracles: list[SymbolOracle]) -> list[Account]:
    """What all of them must end with."""
    return [one.account() for one in oracles]
