"""Transports on asyncio: `websockets`, which one writes first, and `picows`, which reads frames in compiled code."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from tickbench.engine.core import Core
from tickbench.engine.session import BEAT_S, Session
from tickbench.errors import InputError, NotMeasurableError
from tickbench.probe import python as probe

_RETRY_PAUSE_S = 0.05
_HELLO_S = 5.0
_closing: set[asyncio.Task[None]] = set()  # an event loop holds its tasks weakly

Receive = Callable[[bytes, int, bool], bytes | None]  # payload, when it was there, whether a text; an order to send


class Connection:
    """One connection of either library: `opened` opens it, `lost` says that it is gone."""

    def __init__(self) -> None:
        self.lost = asyncio.Event()
        self.send: Callable[[bytes], None] = lambda _payload: None
        self.send_later: Callable[[bytes], Awaitable[None]] = self._send
        self.close: Callable[[], Any] = lambda: None

    async def _send(self, payload: bytes) -> None:
        self.send(payload)


class Handler:
    """What both libraries hand their messages to; `orders` is the connection on which orders go out."""

    def __init__(self, session: Session) -> None:
        self._session, self._slots = session, session.page.slots
        self._is_json = session.wire == "json"
        self.orders = Connection()
        self.gap = False

    def on_feed(self, payload: bytes, received: int, is_text: bool) -> bytes | None:
        """A message of the feed."""
        core = self._session.core
        probe.lap(self._slots["websocket_receive"], received)
        if is_text and (not self._is_json or payload.startswith(b'{"type"')):
            self._session.on_feed_text(payload)
            return None
        order = core.on_feed(payload, received)
        self.gap = self.gap or core.needs_snapshot
        return order

    def on_report(self, payload: bytes, _received: int, _is_text: bool) -> bytes | None:
        """A message of the orders connection."""
        return self._session.core.on_report(payload)

    async def deliver(self, order: bytes, received: int) -> None:
        """Send an order where sending may have to wait."""
        since = probe.now(self._slots["send"])
        await self.orders.send_later(order)
        self._session.core.on_sent(since, received)

    def deliver_now(self, order: bytes, received: int) -> None:
        """Send an order where it is handed over at once."""
        since = probe.now(self._slots["send"])
        self.orders.send(order)
        self._session.core.on_sent(since, received)


async def serve(session: Session, make_core: Callable[[Session], Core], library: str) -> None:
    """As `spinning.serve`, on an event loop."""
    connect = {"websockets": _connect_websockets, "picows": _connect_picows}[library]
    handler = Handler(session)
    orders = await _open_orders(session, connect, handler)
    core = make_core(session)
    session.start(core)
    feed = await _open_feed(session, connect, handler)
    try:
        while not session.is_over:
            await asyncio.sleep(BEAT_S)
            session.beat()
            if handler.gap:
                handler.gap, _ = False, feed.close()
                session.links.resynced += 1
                feed = await _retry(session, lambda: _open_feed(session, connect, handler)) or feed
            elif feed.lost.is_set() and not session.reason:
                session.lost("feed")
                feed = await _retry(session, lambda: _open_feed(session, connect, handler)) or feed
            if orders.lost.is_set() and not session.is_over:
                session.lost("orders")
                orders = await _retry(session, lambda: _open_orders(session, connect, handler)) or orders
    finally:
        feed.close()
        orders.close()
        await asyncio.sleep(0)


async def _retry(session: Session, attempt: Callable[[], Any]) -> Connection | None:
    deadline = asyncio.get_running_loop().time() + session.retry_s
    while True:
        try:
            connection: Connection = await attempt()
        except (OSError, InputError, TimeoutError) as error:
            if asyncio.get_running_loop().time() >= deadline:
                session.stop(f"exchange lost: {error}", 0.0)
                return None
            await asyncio.sleep(_RETRY_PAUSE_S)
            session.beat()
        else:
            return connection


async def _open_orders(session: Session, connect: Any, handler: Handler) -> Connection:
    hello: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def receive(payload: bytes, received: int, is_text: bool) -> bytes | None:
        if hello.done():
            return handler.on_report(payload, received, is_text)
        hello.set_result(payload)
        return None

    connection: Connection = await connect(session, session.orders_target(), receive, handler)
    pending = session.on_hello(await asyncio.wait_for(hello, _HELLO_S))
    handler.orders = connection
    for payload in pending:
        await connection.send_later(payload)
    return connection


async def _open_feed(session: Session, connect: Any, handler: Handler) -> Connection:
    seen = [False]

    def receive(payload: bytes, received: int, is_text: bool) -> bytes | None:
        if seen[0]:
            return handler.on_feed(payload, received, is_text)
        seen[0] = True  # the first is the hello, which the orders connection has told already
        return None

    connection: Connection = await connect(session, session.feed_target(), receive, handler)
    return connection


async def _connect_websockets(session: Session, url: str, receive: Receive, handler: Handler) -> Connection:
    try:
        from websockets.asyncio.client import connect
        from websockets.exceptions import WebSocketException
    except ModuleNotFoundError as error:
        raise NotMeasurableError(f"the websockets transport needs {error.name}: pip install {error.name}") from error
    connection, slot = Connection(), session.page.slots["websocket_receive"]
    try:
        stream = await connect(url, compression=None, max_size=None, max_queue=None, ping_interval=None, proxy=None)
    except WebSocketException as error:
        raise InputError(f"{url}: {error}") from error
    stream.transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    is_text = session.wire == "json"

    async def send(payload: bytes) -> None:
        with contextlib.suppress(WebSocketException, OSError):
            await stream.send(payload, text=is_text)

    async def read() -> None:
        with contextlib.suppress(WebSocketException, OSError):
            async for message in stream:
                received, text = probe.now(slot), isinstance(message, str)
                order = receive(message.encode() if isinstance(message, str) else message, received, text)
                if order is not None:
                    await handler.deliver(order, received)
        connection.lost.set()

    connection.send_later = send
    reader = asyncio.create_task(read())

    def close() -> None:
        reader.cancel()
        _closing.add(task := asyncio.create_task(stream.close()))
        task.add_done_callback(_closing.discard)

    connection.close = close
    return connection


async def _connect_picows(session: Session, url: str, receive: Receive, handler: Handler) -> Connection:
    try:
        from picows import WSCloseCode, WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect
    except ModuleNotFoundError as error:
        raise NotMeasurableError(f"the picows transport needs {error.name}: pip install {error.name}") from error
    connection, slot = Connection(), session.page.slots["websocket_receive"]

    class Listener(WSListener):
        def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
            received = probe.now(slot)
            if frame.msg_type in (WSMsgType.TEXT, WSMsgType.BINARY):
                order = receive(frame.get_payload_as_bytes(), received, frame.msg_type == WSMsgType.TEXT)
                if order is not None:
                    handler.deliver_now(order, received)
            elif frame.msg_type == WSMsgType.CLOSE:
                transport.disconnect()

        def on_ws_disconnected(self, transport: WSTransport) -> None:
            connection.lost.set()

    try:
        transport, _ = await ws_connect(Listener, url, max_frame_size=8 << 20)
    except WSError as error:
        raise InputError(f"{url}: {error}") from error
    transport.underlying_transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    kind = WSMsgType.TEXT if session.wire == "json" else WSMsgType.BINARY
    connection.send = lambda payload: transport.send(kind, payload)

    def close() -> None:
        with contextlib.suppress(Exception):  # a transport that is gone already
            transport.send_close(WSCloseCode.OK)
            transport.disconnect()

    connection.close = close
    return connection
