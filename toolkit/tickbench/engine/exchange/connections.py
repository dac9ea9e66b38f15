"""The two kinds of connections: a feed that never waits for its client, and orders with their reports."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import msgspec
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from tickbench.engine import protocol
from tickbench.engine.exchange.targets import FeedTarget, OrdersTarget
from tickbench.engine.protocol import Report

if TYPE_CHECKING:
    from tickbench.engine.exchange.service import Exchange

CATCH_UP_FRAMES = 64  # sent in a turn to a connection that resumes, so that others wait at most 1 ms
monotonic_ns = time.monotonic_ns


class Connection(WSListener):
    """What both kinds share."""

    transport: WSTransport

    def __init__(self, exchange: Exchange, wire: str) -> None:
        self._exchange = exchange
        self.wire = wire
        self.is_open = False
        self._kind = WSMsgType.TEXT if wire == "json" else WSMsgType.BINARY

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport, self.is_open = transport, True
        self._exchange.standing.add(self)
        transport.underlying_transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        self.is_open = False
        self._exchange.standing.discard(self)

    def send_notice(self, notice: protocol.Hello | protocol.End) -> None:
        """A JSON text on either wire."""
        if self.is_open:
            self.transport.send(WSMsgType.TEXT, msgspec.json.encode(notice))

    @property
    def waiting_bytes(self) -> int:
        """What the client did not take yet, beyond the buffers of the kernel."""
        return int(self.transport.underlying_transport.get_write_buffer_size())

    def check_queue(self) -> None:
        """Close the connection where more than the allowed bytes wait."""
        if self.waiting_bytes > self._exchange.queue_bytes:
            self._exchange.counts.slow_consumers += 1
            self.close(protocol.CLOSE_SLOW_CONSUMER, f"slow consumer: {self.waiting_bytes} bytes wait")

    def close(self, code: int, reason: str) -> None:
        """Say why, and end the connection; after a while also that of a client who does not read."""
        if not self.is_open:
            return
        self.is_open = False
        # the library types its own codes; ours, from 4000 on, are as valid
        self.transport.send_close(code, reason.encode())  # type: ignore[arg-type]
        self._exchange.later(self._exchange.options.linger_s, lambda: self.transport.disconnect(False))

    def answer_close(self, frame: WSFrame) -> None:
        """The client closes."""
        if self.is_open:
            self.is_open = False
            self.transport.send_close(frame.get_close_code())
        self.transport.disconnect()


class FeedConnection(Connection):
    """Market data to one client; `behind` holds, for symbols that resume, the number of the frame that it needs next."""

    def __init__(self, exchange: Exchange, target: FeedTarget) -> None:
        super().__init__(exchange, target.wire)
        self.symbols = frozenset(target.symbols)
        self._target = target
        self._has_end = False
        self.behind: dict[str, int] = {}

    def on_ws_connected(self, transport: WSTransport) -> None:
        super().on_ws_connected(transport)
        try:
            self._welcome()
        except Exception as error:  # the library would only close the connection
            self._exchange.fail(error)

    def _welcome(self) -> None:
        """Hello, and a snapshot for each symbol that does not resume; frames follow as the client reads them."""
        exchange = self._exchange
        self.send_notice(exchange.hello("feed", self.wire, self._target.symbols))
        for symbol in self._target.symbols:
            market = exchange.markets[symbol]
            cause = self._target.resume.get(symbol)
            number = market.resume_at(cause) if cause is not None else None
            if number is None:
                exchange.counts.snapshots += 1
                self.transport.send(self._kind, market.snapshot(market.next_number - 1, self.wire))
            else:
                exchange.counts.resumptions += 1
            self.behind[symbol] = market.next_number if number is None else number
        exchange.feed_opened(self)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type == WSMsgType.CLOSE:
            self.answer_close(frame)
        elif frame.msg_type != WSMsgType.PONG:
            self._exchange.counts.feed_messages_ignored += 1

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        super().on_ws_disconnected(transport)
        self._exchange.feed_closed(self)

    def wants(self, symbol: str) -> bool:
        """Whether a frame that is due now goes to this connection at once."""
        return self.is_open and symbol in self.symbols and symbol not in self.behind

    def send(self, payload: bytes) -> None:
        """One frame; closes the connection where more than the allowed bytes wait."""
        self.transport.send(self._kind, payload)
        self.check_queue()

    def catch_up(self) -> None:
        """Send some of what was missed, while at most half of the allowed bytes wait."""
        for symbol, first in list(self.behind.items()):
            market, number = self._exchange.markets[symbol], first
            last = min(market.next_number, first + CATCH_UP_FRAMES)
            while number < last and self.is_open and 2 * self.waiting_bytes <= self._exchange.queue_bytes:
                self._exchange.resend(self, market, number)
                number += 1
            self.behind[symbol] = number
            if number >= market.next_number and 2 * self.waiting_bytes <= self._exchange.queue_bytes:
                del self.behind[symbol]

    def end(self, notice: protocol.End) -> None:
        """Say that nothing follows, once, after everything that was missed."""
        if not self.behind and not self._has_end:
            self._has_end = True
            self.send_notice(notice)


class OrdersConnection(Connection):
    """Orders from one client, reports to it."""

    def __init__(self, exchange: Exchange, target: OrdersTarget) -> None:
        super().__init__(exchange, target.wire)
        self.cancels = target.cancel_on_disconnect

    def on_ws_connected(self, transport: WSTransport) -> None:
        super().on_ws_connected(transport)
        exchange = self._exchange
        self.send_notice(exchange.hello("orders", self.wire, tuple(exchange.markets)))
        exchange.orders_opened(self)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        received_ns = monotonic_ns()
        kind = frame.msg_type
        if kind == self._kind and frame.fin:
            self._exchange.take(frame.get_payload_as_bytes(), received_ns, self)
        elif kind == WSMsgType.CLOSE:
            self.answer_close(frame)
        elif kind != WSMsgType.PONG:
            self._exchange.take(b"", received_ns, self)  # a fragment, or a frame of the other wire: malformed

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        super().on_ws_disconnected(transport)
        sent = transport.close_handshake and transport.close_handshake.sent
        self._exchange.orders_closed(self, oversized=bool(sent and sent.code == WSCloseCode.MESSAGE_TOO_BIG))

    def tell(self, report: Report) -> None:
        """One report; a client that is gone will ask for it."""
        if self.is_open:
            self.transport.send(self._kind, protocol.encode_report(report, self.wire))
            self.check_queue()
