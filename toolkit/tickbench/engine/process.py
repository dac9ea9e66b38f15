"""One run of the engine, from its settings to its result: get ready, connect, serve, say what happened."""

from __future__ import annotations

import gc
import os
import resource
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tickbench import probe
from tickbench.engine.core import Core, Setting, digest
from tickbench.engine.factory import check_stages, make_core
from tickbench.engine.pages import APP, EnginePage
from tickbench.engine.pinning import pin
from tickbench.engine.profiles import Profile, Stages, find_stages
from tickbench.engine.resident import release_compiler, resident_bytes
from tickbench.engine.session import Session, draw_session
from tickbench.engine.strategy import Counts, Strategy
from tickbench.engine.warmup import warm_up

if TYPE_CHECKING:
    from tickbench.engine.compiled.core import CompiledCore

SCHEMA = "tickbench.engine/1"
_SHOWN = ("50", "90", "99", "99.9", "99.99")


@dataclass(frozen=True)
class EngineSettings:
    """What `tickbench engine start` is asked for."""

    profile_name: str
    profile: Profile
    feed_url: str
    orders_url: str
    strategy: Strategy = field(default_factory=Strategy)
    cpu: int | None = None
    seconds: float | None = None
    kill_file: Path | None = None
    impls: tuple[str, ...] = ()
    retry_s: float = 5.0
    keep_page: bool = False


@dataclass(frozen=True)
class Started:
    """Told once the engine is connected, for who starts it."""

    pid: int
    page: str
    compiled: bool


class SymbolOutcome(msgspec.Struct):
    """One symbol at the end."""

    symbol: str
    orders: int
    orders_state: str
    position_lots: int
    cost_lot_ticks: int
    realised_lot_ticks: int


class StageTimes(msgspec.Struct):
    """One histogram of the page at the end, ns."""

    count: int
    percentiles_ns: dict[str, int]


class EngineResult(msgspec.Struct):
    """A run. `invalid` says why it shows nothing about the engine's speed; `unsettled` orders have no outcome,
    `unsent` intents still waited for one."""

    schema: str
    reason: str
    invalid: str | None
    profile: str
    wire: str
    transport: str
    stages: dict[str, str]
    compiled: bool
    digest: str
    frames: int
    orders: int
    fills: int
    allocations: int | None  # of the compiled loop; None where there is none
    page: str
    session: int
    cpu: int | None
    cpu_s: float
    most_resident_bytes: int  # at any time, starting included
    ready_resident_bytes: int  # when it was ready to connect
    final_resident_bytes: int
    killed: bool
    unsettled: int
    unsent: int
    symbols: list[SymbolOutcome]
    counts: dict[str, Any]
    links: dict[str, int]
    times: dict[str, StageTimes]


def run_engine(settings: EngineSettings, announce: Callable[[Started], None]) -> EngineResult:
    """Serve one run; returns its result, also when it is interrupted (SIGTERM, Ctrl-C).

    UsageError for a setting; OSError or InputError where the exchange cannot be reached at the start.
    """
    stages = find_stages(settings.profile, settings.impls)
    compiled = check_stages(settings.profile, stages)
    pin(settings.cpu)
    page = EnginePage()
    kept = False
    try:
        run = _Run(settings, stages, page, announce, compiled)
        run.serve()
        kept = settings.keep_page
        return run.result()
    finally:
        page.page.close(keep=kept)


class _Run:
    """The parts of one run."""

    def __init__(
        self,
        settings: EngineSettings,
        stages: Stages,
        page: EnginePage,
        announce: Callable[[Started], None],
        compiled: bool,
    ) -> None:
        self._settings, self._stages, self._page, self._announce, self._compiled = settings, stages, page, announce, compiled
        self._number = draw_session()
        self._ready_bytes = self._final_bytes = 0
        profile = settings.profile
        self.session = Session(
            settings.feed_url,
            settings.orders_url,
            profile.wire,
            page,
            kill_file=settings.kill_file,
            seconds=settings.seconds,
            retry_s=settings.retry_s,
        )

    def serve(self) -> None:
        """Connect and serve until the session is over."""
        before = {number: signal.signal(number, self._on_stop) for number in (signal.SIGTERM, signal.SIGINT)}
        before[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, lambda *_: self.session.kill())
        was_collecting = gc.isenabled()
        try:
            if self._settings.profile.transport == "spinning":
                from tickbench.engine.transport.spinning import serve

                serve(self.session, self._make)  # type: ignore[arg-type]  # a spinning profile has compiled stages
            else:
                import asyncio

                from tickbench.engine.transport.asynchronous import serve as serve_loop

                asyncio.run(serve_loop(self.session, self._make, self._settings.profile.transport))
        finally:
            self._final_bytes = resident_bytes()
            if was_collecting:
                gc.enable()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_stop(self, *_: object) -> None:
        if self.session._core is None:
            raise KeyboardInterrupt
        self.session.stop("interrupted")

    def _make(self, session: Session) -> Core | CompiledCore:
        """The core, made and warmed up when the symbols are known, before the feed is connected."""
        assert session.hello is not None
        settings, terms = self._settings, session.hello.symbols
        spare = EnginePage(f"{APP}-warmup")
        scratch = make_core(settings.profile, self._stages, Setting(terms[:1], 1), settings.strategy, spare)
        warm_up(scratch, terms[0], spare.slots["send"])
        spare.discard()
        del scratch
        core = make_core(settings.profile, self._stages, Setting(terms, self._number), settings.strategy, self._page)
        if settings.profile.freeze_gc:
            gc.freeze()
            gc.disable()
        release_compiler()
        self._ready_bytes = resident_bytes()
        self._announce(Started(os.getpid(), str(self._page.page.path), self._compiled))
        return core

    def result(self) -> EngineResult:
        """What the run leaves."""
        settings, session, core = self._settings, self.session, self.session.core
        counts, accounts = core.counts(), core.accounts()
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return EngineResult(
            schema=SCHEMA,
            reason=session.reason,
            invalid=_judge(counts, session, core),
            profile=settings.profile_name,
            wire=settings.profile.wire,
            transport=settings.profile.transport,
            stages=self._stages.names(),
            compiled=self._compiled,
            digest=digest(accounts),
            frames=counts.frames,
            orders=counts.orders,
            fills=counts.fills,
            allocations=session.allocations,
            page=str(self._page.page.path),
            session=self._number,
            cpu=settings.cpu,
            cpu_s=usage.ru_utime + usage.ru_stime,
            most_resident_bytes=usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
            ready_resident_bytes=self._ready_bytes,
            final_resident_bytes=self._final_bytes,
            killed=session.is_killed,
            unsettled=len(core.in_flight()),
            unsent=core.waiting(),
            symbols=[
                SymbolOutcome(
                    one.symbol,
                    one.orders,
                    f"{one.orders_state:016x}",
                    one.position_lots,
                    one.cost_lot_ticks,
                    one.realised_lot_ticks,
                )
                for one in accounts
            ],
            counts=asdict(counts),
            links=asdict(session.links),
            times=_times(self._page.page.path),
        )


def _judge(counts: Counts, session: Session, core: Core) -> str | None:
    """Why the run counts for nothing; None if it does."""
    if counts.waiting_dropped:
        return f"{counts.waiting_dropped} intents found the queue of their symbol full and were dropped: the load is too high"
    if counts.gaps or session.links.resynced:
        return f"the feed had {counts.gaps} gaps: what the engine did not see it could not trade on"
    if session.links.unknown_outcomes:
        return f"the exchange was started anew and {session.links.unknown_outcomes} orders have no known outcome"
    if core.in_flight() or core.waiting():
        return f"{len(core.in_flight())} orders had no outcome and {core.waiting()} intents were not sent when the run ended"
    if counts.book_refused or counts.fill_refused or counts.malformed:
        return (
            f"{counts.book_refused} levels, {counts.fill_refused} fills and {counts.malformed} messages were refused: "
            "a variant cannot carry this feed"
        )
    return None


def _times(page: Path) -> dict[str, StageTimes]:
    found = {}
    with probe.PageReader(page) as reader:
        snapshot = reader.snapshot()
    for one in snapshot.readings:
        if one.histogram is not None and one.histogram.count:
            shown = dict(zip(_SHOWN, one.histogram.percentiles(_SHOWN), strict=True)) | {"max": one.histogram.max_ns}
            found[one.name] = StageTimes(one.histogram.count, shown)
    return found
