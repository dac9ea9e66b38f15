"""The exchange at work: one thread that spins over three questions: is an outcome due, is a frame due, did an order come?

    plan ──▶ frames ──▶ feed connections          orders connections ──▶ desk ──(delay)──▶ reports
                                                   (the event loop reads them between two turns)

Only CLOCK_MONOTONIC is read: a step of the wall clock moves nothing. While no client is connected it sleeps.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tickbench.engine import protocol
from tickbench.engine.exchange.connections import Connection, FeedConnection, OrdersConnection
from tickbench.engine.exchange.desk import Desk, Taken
from tickbench.engine.exchange.market import Market
from tickbench.engine.exchange.measures import Measures
from tickbench.engine.exchange.schedule import Schedule

START_DELAY_NS = 100_000_000  # from the last connection to the first frame
IDLE_S = 0.001
FRAMES_PER_TURN = 4  # orders are read between two turns: more would add to their times
OUTCOMES_PER_TURN = 8
_CHUNK = 4_096  # plan entries turned into Python numbers at a time
_FAR_NS = 1 << 62

monotonic_ns = time.monotonic_ns


@dataclass
class LinkCounts:
    """What happened to connections."""

    feed_connections: int = 0
    orders_connections: int = 0
    snapshots: int = 0
    resumptions: int = 0
    frames_resent: int = 0  # sent again to a connection that resumed
    slow_consumers: int = 0
    feed_messages_ignored: int = 0


@dataclass(frozen=True)
class Options:
    """What a run allows."""

    queue_bytes: int
    linger_s: float
    feed_only: bool


class Exchange:
    """Markets, desk and connections of one run, from the first connection to the last report."""

    def __init__(self, markets: list[Market], delays: Iterator[int], schedule: Schedule, options: Options) -> None:
        self.run = secrets.token_hex(8)
        self.markets = {market.symbol: market for market in markets}
        self.desk = Desk(markets, delays)
        self.measures = Measures()
        self.counts = LinkCounts()
        self.options = options
        self.queue_bytes = options.queue_bytes
        self.start_ns = 0
        self.end_ns = 0
        self.reason = ""
        self.planned = len(schedule.due_ns)
        self.done_entries = 0
        self.failure: Exception | None = None
        self._order = markets
        self._schedule = schedule
        self._chunk: list[tuple[int, int]] = []
        self._chunk_place = 0
        self._next_due_ns = _FAR_NS
        self.standing: set[Connection] = set()  # also those that are being closed
        self._feeds: list[FeedConnection] = []
        self._orders: list[OrdersConnection] = []
        self._last_ns = 0
        self._loop = asyncio.get_running_loop()
        self.finished = asyncio.Event()

    # -- what connections ask for

    def later(self, seconds: float, what: Callable[[], object]) -> None:
        """Call something after a while."""
        self._loop.call_later(seconds, what)

    def hello(self, channel: str, wire: str, symbols: tuple[str, ...]) -> protocol.Hello:
        """The first message of a connection."""
        return protocol.make_hello(channel, wire, self.run, [self.markets[symbol].terms for symbol in symbols])

    def feed_opened(self, feed: FeedConnection) -> None:
        """A feed connection stands and has its snapshots."""
        self.counts.feed_connections += 1
        self._feeds.append(feed)
        self._maybe_start()

    def feed_closed(self, feed: FeedConnection) -> None:
        """A feed connection is gone."""
        if feed in self._feeds:
            self._feeds.remove(feed)

    def orders_opened(self, orders: OrdersConnection) -> None:
        """An orders connection stands."""
        self.counts.orders_connections += 1
        self._orders.append(orders)
        self._maybe_start()

    def orders_closed(self, orders: OrdersConnection, *, oversized: bool) -> None:
        """An orders connection is gone."""
        self.desk.counts.oversized += oversized
        if orders in self._orders:
            self._orders.remove(orders)
            self.desk.forget(orders, cancel=orders.cancels)

    def take(self, payload: bytes, received_ns: int, orders: OrdersConnection) -> None:
        """One message of an orders connection."""
        try:
            self.desk.take(payload, orders.wire, received_ns, orders.tell, orders)
        except Exception as error:  # the library would only close the connection
            self.fail(error)

    def resend(self, feed: FeedConnection, market: Market, number: int) -> None:
        """A frame that a resumed connection missed."""
        self.counts.frames_resent += 1
        market.mark_sent(number, monotonic_ns())
        feed.send(market.payload(number, feed.wire))

    # -- the run

    def begin(self) -> None:
        """Start turning."""
        self._loop.call_soon(self._turn)

    def fail(self, error: Exception) -> None:
        """A fault of the exchange's own ends the run."""
        self.failure = error
        self.finished.set()

    def stop(self, reason: str) -> None:
        """No frame and no order any more; outcomes that wait are told."""
        if not self.reason:
            self.reason, self.end_ns, self._last_ns = reason, monotonic_ns(), monotonic_ns()
            self.desk.is_closing = reason == "interrupted"

    def _maybe_start(self) -> None:
        if self.start_ns or not self._feeds or not (self._orders or self.options.feed_only):
            return
        self.start_ns = monotonic_ns() + START_DELAY_NS
        self._load_chunk(0)

    def _load_chunk(self, first: int) -> None:
        due = (self._schedule.due_ns[first : first + _CHUNK] + self.start_ns).tolist()
        self._chunk = list(zip(due, self._schedule.symbols[first : first + _CHUNK].tolist(), strict=True))
        self._chunk_place = 0
        self._next_due_ns = due[0] if due else _FAR_NS

    def _turn(self) -> None:
        try:
            now_ns = monotonic_ns()
            if self.desk.next_due_ns <= now_ns:
                self._tell(now_ns)
            if self.reason:
                self._drain(now_ns)
            elif self._next_due_ns <= now_ns:
                self._send_due()
            for feed in self._feeds:
                if feed.behind:
                    feed.catch_up()
        except Exception as error:
            self.fail(error)
        if self.finished.is_set():
            return
        if self._feeds or self._orders or self.desk.pending or (self.start_ns and not self.reason):
            self._loop.call_soon(self._turn)
        else:
            self._loop.call_later(IDLE_S, self._turn)

    def _send_due(self) -> None:
        for _ in range(FRAMES_PER_TURN):
            due_ns = self._next_due_ns
            now_ns = monotonic_ns()
            if due_ns > now_ns:
                return
            self._send_next(self._order[self._chunk[self._chunk_place][1]], now_ns)
            self.measures.lag.add(now_ns - due_ns)
            self.done_entries += 1
            self._chunk_place += 1
            if self._chunk_place == len(self._chunk):
                self._load_chunk(self.done_entries)
                if not self._chunk:
                    self._finish_plan()
                    return
            self._next_due_ns = self._chunk[self._chunk_place][0]

    def _finish_plan(self) -> None:
        for market in self._order:
            self._send_numbers(market, market.faults.held(), monotonic_ns())
        self.stop("done")

    def _send_next(self, market: Market, now_ns: int) -> None:
        number = market.next_number
        market.next_number += 1
        if market.faults.is_clean:
            self._send_numbers(market, (number,), now_ns)
        else:
            self._send_numbers(market, market.faults.outgoing(number, market.kind(number)), now_ns)

    def _send_numbers(self, market: Market, numbers: tuple[int, ...], now_ns: int) -> None:
        feeds = [feed for feed in self._feeds if feed.wants(market.symbol)]
        for number in numbers:
            if not feeds:
                continue
            market.mark_sent(number, now_ns)
            payloads: dict[str, bytes] = {}
            for feed in feeds:
                payload = payloads.get(feed.wire)
                if payload is None:
                    payload = payloads[feed.wire] = market.payload(number, feed.wire)
                if feed.is_open:
                    feed.send(payload)

    def _tell(self, now_ns: int) -> None:
        for _ in range(OUTCOMES_PER_TURN):
            due_ns = self.desk.next_due_ns
            taken = self.desk.pop_due(now_ns)
            if taken is None:
                return
            sent_ns = monotonic_ns()
            if taken.answer is not None:
                taken.answer(taken.outcome)
            self._measure(taken, due_ns, sent_ns)
            self.desk.settle(taken)

    def _measure(self, taken: Taken, due_ns: int, sent_ns: int) -> None:
        measures = self.measures
        measures.order_to_fill.add(sent_ns - taken.received_ns)
        measures.fill_lateness.add(sent_ns - due_ns)
        if taken.tick_sent_ns:
            measures.tick_to_order.add(taken.received_ns - taken.tick_sent_ns)
            measures.tick_to_fill.add(sent_ns - taken.tick_sent_ns)

    def _drain(self, now_ns: int) -> None:
        notice = protocol.End(self.reason, {symbol: market.final_update_id for symbol, market in self.markets.items()})
        for feed in list(self._feeds):
            feed.end(notice)
        if self.desk.pending:
            self._last_ns = now_ns
            return
        has_clients = self.reason == "done" and (self._orders or any(feed.behind for feed in self._feeds))
        if has_clients and now_ns - self._last_ns < self.options.linger_s * 1e9:
            return
        code = protocol.CLOSE_DONE if self.reason == "done" else protocol.CLOSE_GOING_AWAY
        for connection in [*self._feeds, *self._orders]:
            connection.close(code, self.reason)
        self.finished.set()
