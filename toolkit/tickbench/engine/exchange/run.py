"""One run of the exchange, from its settings to its result."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from picows import WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener, ws_create_server

from tickbench.components.codec.contract import SYMBOL_BYTES
from tickbench.engine.exchange.books import TapeBooks
from tickbench.engine.exchange.connections import Connection, FeedConnection, OrdersConnection
from tickbench.engine.exchange.delays import parse_delay
from tickbench.engine.exchange.market import Market
from tickbench.engine.exchange.result import ExchangeResult, make_result
from tickbench.engine.exchange.schedule import make_schedule, parse_faults, parse_times
from tickbench.engine.exchange.service import Exchange, Options
from tickbench.engine.exchange.tape import STREAMS, Tape, open_tape
from tickbench.engine.exchange.targets import FeedTarget, UnknownPathError, parse_target
from tickbench.engine.pinning import pin
from tickbench.engine.protocol import FEED_PATH, MOST_ORDER_TEXT_BYTES, MOST_SYMBOLS, ORDERS_PATH
from tickbench.errors import InputError, UsageError

_POLL_S = 0.01


@dataclass(frozen=True)
class Settings:
    """What `tickbench exchange start` is asked for."""

    captures: tuple[str, ...] = ("synthetic",)
    symbols: int = 0  # 0: one a capture
    streams: tuple[str, ...] = tuple(STREAMS)
    times: str = "recorded"
    delay: str = "2000"
    faults: str = ""
    seed: int = 1
    host: str = "127.0.0.1"
    port: int = 0
    seconds: float | None = None
    cpu: int | None = None
    queue_bytes: int = 1 << 20
    linger_s: float = 5.0
    feed_only: bool = False


@dataclass(frozen=True)
class Listening:
    """Where the exchange listens, told once it does."""

    feed_url: str
    orders_url: str
    pid: int
    symbols: list[str] = field(default_factory=list)


def run_exchange(settings: Settings, announce: Callable[[Listening], None]) -> ExchangeResult:
    """Serve one run; returns its result, also when it is interrupted (SIGTERM, Ctrl-C).

    Raises InputError for a capture, UsageError for a setting, an address or a core that cannot be had.
    """
    was_collecting = gc.isenabled()
    gc.disable()  # a collection over all frames would stop the feed for 50 ms; nothing here makes cycles as it runs
    try:
        pin(settings.cpu)
        return asyncio.run(_serve(settings, announce))
    finally:
        if was_collecting:
            gc.enable()


async def _serve(settings: Settings, announce: Callable[[Listening], None]) -> ExchangeResult:
    library = logging.getLogger("picows")  # what it would say of connections is counted here
    library.addHandler(logging.NullHandler())
    library.propagate = False
    faults, load = parse_faults(settings.faults), parse_times(settings.times)
    delays = parse_delay(settings.delay, settings.seed)
    tapes = [open_tape(spec, settings.streams) for spec in settings.captures]
    markets = make_markets(tapes, settings.symbols or len(tapes), faults)
    schedule = make_schedule(
        load, [market.books.tape for market in markets], [market.start for market in markets], settings.seconds, settings.seed
    )
    gc.freeze()
    options = Options(settings.queue_bytes, settings.linger_s, settings.feed_only)
    exchange = Exchange(markets, delays, schedule, options)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, exchange.stop, "interrupted")
    server = await _listen(exchange, settings)
    host, port = server.sockets[0].getsockname()[:2]
    place = f"ws://[{host}]:{port}" if ":" in host else f"ws://{host}:{port}"
    announce(Listening(place + FEED_PATH, place + ORDERS_PATH, os.getpid(), list(exchange.markets)))
    exchange.begin()
    await exchange.finished.wait()
    server.close()
    end_s = loop.time() + settings.linger_s
    while exchange.standing and loop.time() < end_s:  # clients read what was sent, and the close frame
        await asyncio.sleep(_POLL_S)
    if exchange.failure is not None:
        raise exchange.failure
    return make_result(exchange, settings.times, settings.delay, settings.faults)


async def _listen(exchange: Exchange, settings: Settings) -> asyncio.Server:
    def listener(request: WSUpgradeRequest) -> Connection | WSUpgradeResponseWithListener:
        try:
            target = parse_target(request.path.decode("ascii", "replace"), exchange.markets)
        except InputError as error:
            status = HTTPStatus.NOT_FOUND if isinstance(error, UnknownPathError) else HTTPStatus.BAD_REQUEST
            return WSUpgradeResponseWithListener(WSUpgradeResponse.create_error_response(status, f"{error}\n".encode()), None)
        return FeedConnection(exchange, target) if isinstance(target, FeedTarget) else OrdersConnection(exchange, target)

    try:
        return await ws_create_server(listener, settings.host, settings.port, max_frame_size=MOST_ORDER_TEXT_BYTES)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"cannot listen on {settings.host}:{settings.port}: {reason}; give another host or port") from error


def make_markets(tapes: list[Tape], symbols: int, faults: dict[str, int] | None = None) -> list[Market]:
    """One market a symbol: the captures in turn, each begun at another place for each symbol that replays it."""
    if not len(tapes) <= symbols <= MOST_SYMBOLS:
        raise UsageError(f"{symbols} symbols over {len(tapes)} captures: one each is needed, {MOST_SYMBOLS} at most")
    books = [TapeBooks(tape) for tape in tapes]
    own = [tape.symbol for tape in tapes]
    keeps_own = symbols == len(tapes) and len(set(own)) == symbols and all(1 <= len(name) <= SYMBOL_BYTES for name in own)
    markets = []
    for i in range(symbols):
        of = books[i % len(books)]
        sharing = len(range(i % len(books), symbols, len(books)))
        start = max(1, len(of.tape.frames) * (i // len(books)) // sharing)
        markets.append(Market(own[i] if keeps_own else f"SYM{i + 1}", of, start, faults or {}))
    return markets
