"""The desk: takes orders, answers each exactly once, fills them against the book as of their cause. Knows no network.

An order is decided when it is taken: its outcome depends on the feed and on the order, not on time. What waits is only the
report. Outcomes of one symbol come in the order in which its orders were taken, whatever delays were drawn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush

from tickbench.components.codec.contract import FrameError, symbol_word
from tickbench.components.positions.contract import FLAT, Position
from tickbench.components.positions.model import fill_position
from tickbench.engine import protocol
from tickbench.engine.digest import mix_order
from tickbench.engine.exchange.market import Market
from tickbench.engine.protocol import (
    ACK,
    CANCELLED,
    EXPIRED,
    FILL,
    REJECT,
    OrderMessage,
    Report,
)

MOST_SESSIONS = 4_096  # upper halves of ids: each costs a number for good
_ID_BITS = 32
_BUY = 0

Answer = Callable[[Report], None]


@dataclass(slots=True)
class Taken:
    """An order that used up its sequence number, and where its outcome is to be told."""

    message: OrderMessage
    received_ns: int
    tick_sent_ns: int  # 0: not known any more
    outcome: Report
    answer: Answer | None  # None: nobody waits, as the connection is gone
    owner: object
    is_due: bool = False  # the outcome was told, or would have been


@dataclass
class Account:
    """One symbol: its market, the digest of its orders and its position."""

    market: Market
    word: int
    state: int = 0
    position: Position = FLAT
    last_due_ns: int = 0
    orders: int = 0


@dataclass
class Counts:
    """What happened to messages on order connections; every message is in exactly one of the first five."""

    orders: int = 0  # taken: acknowledged, or rejected with their sequence number used up
    resent: int = 0
    malformed: int = 0
    refused: dict[str, int] = field(default_factory=dict)  # by reason, sequence number not used up
    oversized: int = 0
    rejected: dict[str, int] = field(default_factory=dict)  # of `orders`, by reason
    fills: int = 0
    expired: int = 0
    cancelled: int = 0
    untold: int = 0  # outcomes whose connection was gone
    skipped_ids: int = 0


class Desk:
    """Orders in, reports out through the `answer` of whoever sent them."""

    def __init__(self, markets: list[Market], delays: Iterator[int]) -> None:
        self.accounts = {one.symbol: Account(one, symbol_word(one.symbol) % (1 << 64)) for one in markets}
        self.counts = Counts()
        self.is_closing = False
        self._delays = delays
        self._known: dict[int, Taken] = {}
        self._oldest: deque[int] = deque()
        self._highest: dict[int, int] = {}  # by upper half of the id
        self._sequences: dict[tuple[int, str], int] = {}
        self._waiting: list[tuple[int, int, Taken]] = []
        self._pending: dict[object, int] = {}
        self._order_number = 0

    @property
    def pending(self) -> int:
        """Orders whose outcome was not told yet."""
        return len(self._waiting)

    @property
    def next_due_ns(self) -> int:
        """When the next outcome is to be told; far away if there is none."""
        return self._waiting[0][0] if self._waiting else 1 << 62

    def take(self, payload: bytes, wire: str, received_ns: int, answer: Answer, owner: object) -> None:
        """Answer one message: with an ack (and later an outcome), a rejection, or what was recorded before."""
        try:
            message = protocol.decode_order(payload, wire)
        except FrameError:
            self.counts.malformed += 1
            answer(Report(0, "", REJECT, protocol.MALFORMED, 0, 0, 0, 0, 0))
            return
        known = self._known.get(message.order.id)
        if known is not None:
            self._repeat(known, message, answer, owner)
            return
        reason = self._refusal(message, owner)
        if reason:
            self._refuse(message, reason, answer)
            return
        self._record(message, received_ns, answer, owner)

    def _repeat(self, known: Taken, message: OrderMessage, answer: Answer, owner: object) -> None:
        if known.message != message:
            self._refuse(message, protocol.ID_REUSED, answer)
            return
        self.counts.resent += 1
        if known.is_due:
            answer(known.outcome._replace(resent=True))
            return
        self._move(known, answer, owner)
        answer(_ack(message)._replace(resent=True))

    def _move(self, known: Taken, answer: Answer | None, owner: object) -> None:
        self._pending[known.owner] -= 1
        self._pending[owner] = self._pending.get(owner, 0) + 1
        known.answer, known.owner = answer, owner

    def _refuse(self, message: OrderMessage, reason: int, answer: Answer) -> None:
        name = protocol.REASONS[reason]
        self.counts.refused[name] = self.counts.refused.get(name, 0) + 1
        answer(_report(message, REJECT, reason))

    def _refusal(self, message: OrderMessage, owner: object) -> int:
        """Why an order is refused without using up its sequence number; 0 if it is not."""
        order = message.order
        session, counter = order.id >> _ID_BITS, order.id & (1 << _ID_BITS) - 1
        if self.is_closing:
            return protocol.CLOSING
        if order.symbol not in self.accounts:
            return protocol.UNKNOWN_SYMBOL
        is_full = session not in self._highest and len(self._highest) >= MOST_SESSIONS
        if session == 0 or is_full or counter <= self._highest.get(session, 0):
            return protocol.STALE_ID
        if message.sequence != self._sequences.get((session, order.symbol), 0) + 1:
            return protocol.OUT_OF_SEQUENCE
        if self._pending.get(owner, 0) >= protocol.MOST_PENDING:
            return protocol.TOO_MANY_PENDING
        return 0

    def _record(self, message: OrderMessage, received_ns: int, answer: Answer, owner: object) -> None:
        order, cause, sequence = message
        session, counter = order.id >> _ID_BITS, order.id & (1 << _ID_BITS) - 1
        account = self.accounts[order.symbol]
        self.counts.skipped_ids += counter - self._highest.get(session, 0) - 1
        self._highest[session] = counter
        self._sequences[session, order.symbol] = sequence
        self.counts.orders += 1
        account.orders += 1
        ticks = account.market.terms.ticks_of(order.price)
        account.state = mix_order(account.state, account.word, sequence, order.side, ticks, order.quantity, cause)
        outcome, tick_sent_ns = self._decide(message, account, ticks)
        taken = Taken(message, received_ns, tick_sent_ns, outcome, answer, owner)
        self._remember(taken)
        if outcome.kind == REJECT:
            taken.is_due = True
            name = protocol.REASONS[outcome.reason]
            self.counts.rejected[name] = self.counts.rejected.get(name, 0) + 1
            answer(outcome)
            return
        answer(_ack(message))
        account.last_due_ns = due_ns = max(received_ns + next(self._delays), account.last_due_ns)
        self._order_number += 1
        self._pending[owner] = self._pending.get(owner, 0) + 1
        heappush(self._waiting, (due_ns, self._order_number, taken))

    def _decide(self, message: OrderMessage, account: Account, price_ticks: int) -> tuple[Report, int]:
        """What becomes of a new order, and when its tick was sent."""
        order, cause, _ = message
        if not 1 <= order.quantity <= protocol.MOST_ORDER_LOTS:
            return _report(message, REJECT, protocol.BAD_QUANTITY), 0
        if price_ticks < 1:
            return _report(message, REJECT, protocol.BAD_PRICE), 0
        found = account.market.find(cause)
        if found is None:
            return _report(message, REJECT, protocol.UNKNOWN_CAUSE), 0
        (bid, bid_lots, ask, ask_lots), tick_sent_ns = found
        price, there = (ask, ask_lots) if order.side == _BUY else (bid, bid_lots)
        reaches = price_ticks >= price if order.side == _BUY else price_ticks <= price
        if not (there and reaches):
            return _report(message, EXPIRED), tick_sent_ns
        return _report(message, FILL)._replace(price_ticks=price, lots=min(order.quantity, there)), tick_sent_ns

    def _remember(self, taken: Taken) -> None:
        self._known[taken.message.order.id] = taken
        self._oldest.append(taken.message.order.id)
        while len(self._oldest) > protocol.REMEMBERED_ORDERS and self._known[self._oldest[0]].is_due:
            del self._known[self._oldest.popleft()]

    def pop_due(self, now_ns: int) -> Taken | None:
        """The next order whose outcome is due; the caller tells it, then calls `settle`."""
        if not self._waiting or self._waiting[0][0] > now_ns:
            return None
        taken = heappop(self._waiting)[2]
        taken.is_due = True
        self._pending[taken.owner] -= 1
        return taken

    def settle(self, taken: Taken) -> None:
        """Account an outcome: count it, and move the position."""
        outcome = taken.outcome
        self.counts.untold += taken.answer is None
        if outcome.kind == CANCELLED:
            self.counts.cancelled += 1
        elif outcome.kind == EXPIRED:
            self.counts.expired += 1
        else:
            self.counts.fills += 1
            account = self.accounts[outcome.symbol]
            signed_lots = outcome.lots if outcome.side == _BUY else -outcome.lots
            account.position = fill_position(account.position, signed_lots, outcome.price_ticks)

    def forget(self, owner: object, *, cancel: bool) -> None:
        """A connection is gone: its orders go on and wait to be asked for, or are cancelled."""
        for _, _, taken in self._waiting:
            if taken.owner is owner:
                taken.answer = None
                if cancel:
                    taken.outcome = _report(taken.message, CANCELLED)


def _report(message: OrderMessage, kind: int, reason: int = protocol.NO_REASON) -> Report:
    order, cause, sequence = message
    return Report(order.id, order.symbol, kind, reason, order.side, sequence, 0, 0, cause)


def _ack(message: OrderMessage) -> Report:
    return _report(message, ACK)
