"""The spinning transport: a compiled loop on two non-blocking sockets; Python only connects, reads texts and keeps house."""

from __future__ import annotations

import contextlib
import ctypes
import os
import socket
import time
from collections.abc import Callable

from tickbench.engine.compiled import layout
from tickbench.engine.compiled.core import CompiledCore, entry_point
from tickbench.engine.pages import ALLOCATIONS
from tickbench.engine.session import BEAT_S, Session
from tickbench.engine.transport import spin as kernels
from tickbench.engine.transport.allocations import Allocations
from tickbench.engine.transport.handshake import BINARY, CLOSE, PING, PONG, TEXT, client_frame, open_websocket
from tickbench.errors import InputError
from tickbench.kernels.memory import Block
from tickbench.probe import python as probe

_RETRY_PAUSE_S = 0.05
_spin, _next_frame = entry_point(kernels.spin), entry_point(kernels._next_frame)


class Link:
    """One connection and the words that the kernels know it by."""

    def __init__(self, buffer_bytes: int, slot: int) -> None:
        self._slot = slot
        self._buffer, self._block = Block(buffer_bytes // 8), Block(kernels.LINK_WORDS)
        self.words, self.address = self._block.array, self._block.address
        self.words[kernels.BUFFER], self.words[kernels.BUFFER_BYTES] = self._buffer.address, buffer_bytes
        self._socket: socket.socket | None = None

    def open(self, url: str) -> None:
        """Connect anew; InputError or OSError where that fails."""
        self.close()
        connection, rest = open_websocket(url)
        connection.setblocking(False)
        self._socket = connection
        ctypes.memmove(self._buffer.address, rest, len(rest))
        self.words[kernels.START], self.words[kernels.END] = 0, len(rest)
        self.words[kernels.RECEIVED] = self.words[kernels.DONE] = probe.now(self._slot)
        self.words[kernels.SOCKET] = connection.fileno()

    def close(self) -> None:
        """Say goodbye, if there is somebody to hear it."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.send(client_frame(b"\x03\xe8", CLOSE))
            self._socket.close()
        self._socket = None
        self.words[kernels.SOCKET] = 0

    def send(self, payload: bytes, opcode: int) -> None:
        """Send a frame from Python: texts, pongs, orders again."""
        if self._socket is None:
            return
        self._socket.setblocking(True)
        try:
            self._socket.sendall(client_frame(payload, opcode))
        finally:
            self._socket.setblocking(False)

    def payload(self) -> tuple[int, bytes]:
        """Opcode and payload of the frame that the kernel has found."""
        words = self.words
        return int(words[kernels.OPCODE]), ctypes.string_at(int(words[kernels.PAYLOAD]), int(words[kernels.LENGTH]))

    def first_text(self, engine: int, timeout_s: float = 5.0) -> bytes:
        """The hello; InputError where none comes."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            found = _next_frame(engine, self.address)
            if found < 0:
                break
            if found:
                return self.payload()[1]
            time.sleep(0.001)
        raise InputError("the exchange did not say hello")


def serve(session: Session, make_core: Callable[[Session], CompiledCore]) -> None:
    """Connect, make the core once the hello is there, and serve both connections until the session is over."""
    slot = session.page.slots["websocket_receive"]
    feed, orders = Link(kernels.FEED_BUFFER_BYTES, slot), Link(kernels.ORDERS_BUFFER_BYTES, slot)
    waiter = Block(layout.GLOBAL_WORDS)  # stands for an engine while there is none: hellos are read with the same kernels
    waiter.array[layout.S_RECEIVE] = slot
    try:
        orders.open(session.orders_target())
        session.on_hello(orders.first_text(waiter.address))
        core = make_core(session)
        session.start(core)
        _open_feed(session, feed, waiter.address)
        _loop(session, core, feed, orders)
    finally:
        feed.close()
        orders.close()


def _open_feed(session: Session, feed: Link, engine: int) -> None:
    feed.open(session.feed_target())
    feed.first_text(engine)


def _loop(session: Session, core: CompiledCore, feed: Link, orders: Link) -> None:
    ticks, slot = session.page.page.clock.ticks(round(BEAT_S * 1e9)), session.page.slots["websocket_receive"]
    allocations = Allocations()
    gauge = session.page.page.gauge(ALLOCATIONS, unit="blocks")
    while not session.is_over:
        mask = int.from_bytes(os.urandom(7), "little")
        deadline_ticks = probe.now(slot) + ticks
        allocations.begin()
        came = _spin(core.address, feed.address, orders.address, deadline_ticks, mask)
        session.allocations = probe.put(gauge, allocations.end())
        if came == kernels.FEED_TEXT:
            _on_text(session, feed, is_feed=True)
        elif came == kernels.ORDERS_TEXT:
            _on_text(session, orders, is_feed=False)
        elif came != kernels.DEADLINE:
            _mend(session, core, feed, orders, came)
        session.beat()


def _on_text(session: Session, link: Link, *, is_feed: bool) -> None:
    opcode, payload = link.payload()
    if opcode == PING:
        link.send(payload, PONG)
    elif opcode == TEXT and is_feed:
        session.on_feed_text(payload)


def _mend(session: Session, core: CompiledCore, feed: Link, orders: Link, came: int) -> None:
    """A connection is lost, or the feed has a gap: connect anew; without success within `retry_s` the run ends."""
    if session.reason and came == kernels.FEED_CLOSED:
        feed.close()  # the end was told: what is left are the outcomes
        return
    if came == kernels.GAP:
        session.links.resynced += 1
    else:
        session.lost("feed" if came == kernels.FEED_CLOSED else "orders")
    deadline = time.monotonic() + session.retry_s
    while True:
        try:
            if came == kernels.ORDERS_CLOSED:
                orders.open(session.orders_target())
                for payload in session.on_hello(orders.first_text(core.address)):
                    orders.send(payload, BINARY)
            elif not session.reason:
                _open_feed(session, feed, core.address)
        except (OSError, InputError) as error:
            if time.monotonic() >= deadline:
                session.stop(f"exchange lost: {error}", 0.0)
                return
            time.sleep(_RETRY_PAUSE_S)
            session.beat()
        else:
            return
