"""Writers and readers on one book at the same time, as many as asked for, whatever the number of cores.

The feed is shared out by level, so that the final book is known however the threads interleave. Each writer times each of its
updates and goes round its share until the time is up; between two rounds all writers delete their levels and meet. Each
reader polls the best, timed, until the writers are done.

    writer 0 … W-1 ──update──▶ ┌─────────────────────────┐ ◀──best── reader 0 … R-1
                               │ the book under test     │   whatever lines it has are written by
                               └─────────────────────────┘   any writer and read by all
    control block, a line pair each (the adjacent-line prefetcher fetches pairs):
      ARRIVED        every thread adds once, at the start
      PASS_ENDED     every writer adds once a pass; waiting writers read it
      STOP           the first writer out of time writes it; writers read it once a pass, or while they wait
      WRITERS_DONE   every writer adds once, at the end; readers read it once a read: no line moves until then
    private blocks, one writer each, nobody else reads them before the thread has ended:
      histogram      its own thread's times
      windows, out   its own thread's report

More threads than cores is the case that hurts: a thread may lose its core between any two instructions, in a lock too.
"""

import threading
from collections.abc import Callable
from itertools import chain

import numpy as np

from tickbench.components.component import Job, Result, Verification
from tickbench.components.order_book.contract import BID
from tickbench.components.order_book.driver import HeldLevels, ReaderReport, WriterReport
from tickbench.components.order_book.oracle import Levels
from tickbench.components.order_book.script import Script
from tickbench.components.order_book.session import NS_PER_S, Session
from tickbench.components.shared.threads import Task
from tickbench.errors import InputError, NotMeasurableError
from tickbench.kernels.hdr import Histogram

DEFAULT_NEVER_CROSSED = False


def contention(job: Job) -> Result:
    """Let job.writers and job.readers work on one book for job.seconds; raises NotMeasurableError if it can't take them."""
    _check_capabilities(job)
    session = Session.open(job)
    chosen = session.script.shares(job.writers)
    shares = [session.script.only(mask) for mask in chosen]
    service = [Histogram() for _ in range(job.writers)]
    read = [Histogram() for _ in range(job.readers)]
    writers, readers = _run(session, shares, service, read)
    if not any(report.updates for report in writers):
        raise NotMeasurableError(
            f"order_book contention: {job.seconds} s were over before a writer came to run: set seconds higher"
        )
    histograms = {"service": _merged(service)} | ({"read": _merged(read)} if read else {})
    return Result(
        timing="operation",
        operations=sum(report.updates for report in writers),
        elapsed_ns=_busy_ns(writers),
        histograms=histograms,
        verification=_verify(session, shares, writers, readers),
        counters=_counters(session, writers, readers),
    )


def _check_capabilities(job: Job) -> None:
    if job.writers < 1 or job.readers < 0:
        raise InputError(f"order_book contention: needs at least 1 writer and 0 readers, got {job.writers} and {job.readers}")
    needed = {"concurrent_writers": job.writers > 1, "concurrent_readers": job.readers > 0}
    lacking = [name for name, needs in needed.items() if needs and name not in job.variant.capabilities]
    if lacking:
        raise NotMeasurableError(
            f"order_book/{job.variant.name} has no {' and no '.join(lacking)}: it cannot run with {job.writers} writers and "
            f"{job.readers} readers"
        )


def _run(
    session: Session, shares: list[Script], service: list[Histogram], read: list[Histogram]
) -> tuple[list[WriterReport], list[ReaderReport]]:
    """Start all threads, each in one call of its driver, and wait for them."""
    driver = session.driver
    meeting = driver.meet(len(shares), len(read))
    held = [_held_levels(share) for share in shares]

    def writer(w: int) -> Callable[[], WriterReport]:
        return lambda: driver.write_share(meeting, w, shares[w], held[w], session.duration_ns, service[w])

    def reader(r: int) -> Callable[[], ReaderReport]:
        return lambda: driver.read_best(meeting, len(shares) + r, read[r])

    writers: list[Task[WriterReport]] = [Task(writer(w), meeting.abort) for w in range(len(shares))]
    readers: list[Task[ReaderReport]] = [Task(reader(r), meeting.abort) for r in range(len(read))]
    for thread in chain[threading.Thread](writers, readers):
        thread.start()
    for thread in chain[threading.Thread](writers, readers):
        thread.join()
    return [task.answer() for task in writers], [task.answer() for task in readers]


def _levels_after(script: Script) -> tuple[Levels, Levels]:
    """Levels (bids, asks) that a book holds after these updates on top of none."""
    held: tuple[Levels, Levels] = {}, {}
    rows = zip(script.side.tolist(), script.price_ticks.tolist(), script.quantity_lots.tolist(), strict=True)
    newest = {(side, price): quantity for side, price, quantity in rows}
    for (side, price), quantity in newest.items():
        if quantity:
            held[side][price] = quantity
    return held


def _held_levels(share: Script) -> HeldLevels:
    """The levels held after a whole share, the worst first (a book searches least when its best goes last)."""
    rows = [(side, price) for side, levels in enumerate(_levels_after(share)) for price in sorted(levels, reverse=side != BID)]
    return HeldLevels(
        np.array([side for side, _ in rows], dtype=np.int8),
        np.array([price for _, price in rows], dtype=np.int64),
    )


def _merged(histograms: list[Histogram]) -> Histogram:
    whole = Histogram()
    for one in histograms:
        whole.merge(one)
    return whole


def _busy_ns(writers: list[WriterReport]) -> int:
    """Time in which updates were made: for each pass from its first start to its last end, deletes between left out."""
    passes = max(len(report.windows_ns) for report in writers)
    total = 0
    for k in range(passes):
        windows = [report.windows_ns[k] for report in writers if k < len(report.windows_ns)]
        total += max(int(end) for _, end in windows) - min(int(start) for start, _ in windows)
    return total


def _verify(session: Session, shares: list[Script], writers: list[WriterReport], readers: list[ReaderReport]) -> Verification:
    """Compare the book with what each writer has really applied, and judge what the readers saw."""
    bids: Levels = {}
    asks: Levels = {}
    for share, report in zip(shares, writers, strict=True):
        applied = np.arange(share.updates) < report.held_updates
        for levels, own in zip((bids, asks), _levels_after(share.only(applied)), strict=True):
            levels.update(own)
    found = session.verify_levels(bids, asks)
    torn = sum(report.torn_reads for report in readers)
    crossed = sum(report.crossed_reads for report in readers)
    if torn:
        return Verification(False, found.checks, f"{torn} reads had a price without a quantity or the reverse")
    if crossed and session.job.parameters.get("never_crossed", DEFAULT_NEVER_CROSSED):
        return Verification(False, found.checks, f"{crossed} reads had a bid at or above the ask")
    return found


def _counters(session: Session, writers: list[WriterReport], readers: list[ReaderReport]) -> dict[str, float]:
    rates_hz = [_rate_hz(report.updates, int(np.diff(report.windows_ns).sum())) for report in writers]
    return {
        "passes": max(len(report.windows_ns) for report in writers),
        "feed_updates": session.script.updates,
        "reads": sum(report.reads for report in readers),
        "reads_per_s": sum(_rate_hz(report.reads, report.elapsed_ns) for report in readers),
        "torn_reads": sum(report.torn_reads for report in readers),
        "crossed_reads": sum(report.crossed_reads for report in readers),
        "slowest_writer_hz": min(rates_hz),
        "fastest_writer_hz": max(rates_hz),
        "fairness": min(rates_hz) / max(rates_hz),
    }


def _rate_hz(count: int, elapsed_ns: int) -> float:
    return count * NS_PER_S / elapsed_ns if elapsed_ns else 0.0
