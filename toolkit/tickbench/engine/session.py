"""What an engine knows of its exchange across connections: hellos, the end of the feed, what has to be sent again."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from tickbench.engine.core import Core
from tickbench.engine.pages import EnginePage
from tickbench.engine.protocol import PROTOCOL_VERSION, End, Hello, decode_notice
from tickbench.errors import InputError
from tickbench.probe import python as probe

BEAT_S = 0.05  # between two looks at what is not on the hot path: signals, the kill switch, the heartbeat
_PAGE_BEAT_S = 1.0
_DRAIN_S = 5.0  # for outcomes after the feed's end or a stop


@dataclass
class Links:
    """What happened to the connections."""

    connects: int = 0
    lost: int = 0
    resynced: int = 0
    exchange_restarts: int = 0
    unknown_outcomes: int = 0  # orders in flight at an exchange that was started anew and knows nothing of them


@dataclass
class Session:
    """One run of an engine; transports call it, and it says when to go on, take the feed up anew, or stop."""

    feed_url: str
    orders_url: str
    wire: str
    page: EnginePage
    kill_file: Path | None = None
    seconds: float | None = None
    retry_s: float = 5.0
    links: Links = field(default_factory=Links)
    reason: str = ""
    hello: Hello | None = None
    is_killed: bool = False
    allocations: int | None = None  # memory blocks that a compiled loop asked for
    _core: Core | None = None
    _stop_at: float = float("inf")
    _begun_at: float = 0.0
    _page_beat_at: float = 0.0
    _reported: tuple[int, int] = (0, 0)

    @property
    def core(self) -> Core:
        """The engine's core, made after the first hello."""
        assert self._core is not None
        return self._core

    def start(self, core: Core) -> None:
        """The core is ready."""
        self._core, self._begun_at = core, time.monotonic()

    def orders_target(self) -> str:
        """Where the orders connection goes."""
        return _with(self.orders_url, f"wire={self.wire}")

    def feed_target(self) -> str:
        """Where the feed connection goes: after what is known already, with a snapshot where that is not to be trusted."""
        target = _with(self.feed_url, f"wire={self.wire}")
        known = self._core.last_ids() if self._core is not None else {}
        return target + (f"&from={','.join(f'{symbol}:{last}' for symbol, last in known.items())}" if known else "")

    def on_hello(self, text: bytes | str) -> list[bytes]:
        """The first text on an orders connection; the orders that have to be sent again.

        InputError for another protocol.
        """
        hello = decode_notice(text)
        if not isinstance(hello, Hello) or hello.protocol != PROTOCOL_VERSION or hello.wire != self.wire:
            raise InputError(f"the exchange's first message is no hello of protocol {PROTOCOL_VERSION}: {text[:200]!r}")
        before, self.hello = self.hello, hello
        self.links.connects += 1
        if self._core is None or before is None:
            return []
        pending = self._core.in_flight()
        if before.run != hello.run:
            # It remembers no order: what it did with those in flight will never be known, and counting on is guessing.
            self.links.exchange_restarts += 1
            self.links.unknown_outcomes += len(pending)
            self.stop("exchange restarted")
            return []
        return pending

    def on_feed_text(self, text: bytes | str) -> bool:
        """A text on the binary wire, or the JSON wire's last; whether it was a notice."""
        notice = decode_notice(text)
        if isinstance(notice, End):
            self.stop("done" if notice.reason == "done" else "feed interrupted")
        return notice is not None

    def stop(self, reason: str, drain_s: float = _DRAIN_S) -> None:
        """No new frames; the engine goes on until the outcomes of its orders are known, but not for ever."""
        if not self.reason:
            self.reason, self._stop_at = reason, time.monotonic() + drain_s

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to wait for."""
        if not self.reason:
            return False
        core = self._core
        return core is None or time.monotonic() >= self._stop_at or not (core.in_flight() or core.waiting())

    def beat(self) -> None:
        """About every BEAT_S: the heartbeat, the kill switch, the end of the time."""
        now = time.monotonic()
        if self._core is None:
            return
        if now >= self._page_beat_at:
            self._page_beat_at = now + _PAGE_BEAT_S
            self.page.page.beat()
        counts = self._core.counts()
        probe.add(self.page.frames, counts.frames - self._reported[0])
        probe.add(self.page.orders, counts.orders - self._reported[1])
        self._reported = (counts.frames, counts.orders)
        if self.kill_file is not None and not self.is_killed and self.kill_file.exists():
            self.kill()
        if self.seconds is not None and now - self._begun_at >= self.seconds:
            self.stop("time is up")

    def kill(self) -> None:
        """The kill switch: no new orders from now on; the feed and the orders in flight go on."""
        self.is_killed = True
        if self._core is not None:
            self._core.kill(True)

    def lost(self, which: str) -> None:
        """A connection is gone without a reason to stop."""
        if not self.reason:
            self.links.lost += 1


def _with(url: str, parameter: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}{parameter}"


def draw_session() -> int:
    """The upper half of this process's order ids: random, so that no two processes draw the same; never 0."""
    return int.from_bytes(os.urandom(4), "little") or 1
