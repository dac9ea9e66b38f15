"""The workloads of the order book.

`replay`        as fast as possible, timed in batches: throughput
`replay_timed`  as fast as possible, each operation timed: the distribution of single updates
`contention`    writers and readers on one book at the same time (see `contention`)
`open_loop`     events at the times of a plan, whatever the book does: response times

What a feed handler does is the unit: all level updates of an event, then one read of the best.
"""

from collections.abc import Callable

from tickbench.components.component import Job, Result, Workload
from tickbench.components.order_book.contention import DEFAULT_NEVER_CROSSED, contention
from tickbench.components.order_book.session import Session
from tickbench.components.shared.pace import pieces
from tickbench.components.shared.timeline import Cuts, Slice
from tickbench.errors import InputError
from tickbench.kernels.hdr import Histogram
from tickbench.kernels.open_loop import OpenLoop

# 256 updates between two clock readings: the reading (12 to 30 ns) then costs an update 0.1 ns at most.
DEFAULT_BATCH = 256
# An open loop ends after this many times its planned duration; what was not sent until then is counted.
DEFAULT_GIVE_UP_AFTER = 3.0


def _repeat(session: Session, service: Histogram, replay_once: Callable[[], int]) -> tuple[int, int, list[Slice]]:
    """Replay until the asked time is used up, at least once, each time into an empty book; (ns taken, passes, slices)."""
    cuts = Cuts(service, session.duration_ns)
    elapsed_ns, passes = replay_once(), 1
    while elapsed_ns < session.duration_ns:
        cuts.between(elapsed_ns)
        session.rewind()  # after the copy: what it pushed out of the caches comes back before anything is timed
        elapsed_ns += replay_once()
        passes += 1
    return elapsed_ns, passes, cuts.slices(elapsed_ns)


def replay(job: Job) -> Result:
    """Replay the feed pass after pass, each from an empty book, until the time is used up; at least one pass."""
    batch = int(job.parameters.get("batch", DEFAULT_BATCH))
    if batch < 1:
        raise InputError(f"order_book replay: batch must be at least 1, got {batch}")
    session, service = Session.open(job), Histogram()
    if job.pace is not None:
        return _paced(job, session, timed=False)
    driver, script, events = session.driver, session.script, session.events
    elapsed_ns, passes, slices = _repeat(session, service, lambda: driver.replay_batches(script, events, batch, service))
    return Result(
        timing="batch",
        operations=passes * session.script.updates_in(session.events),
        elapsed_ns=elapsed_ns,
        histograms={"service": service},
        verification=session.verify_prefix(session.events),
        counters=_pass_counters(session, passes) | {"batch": batch},
        intervals=slices,
    )


def replay_timed(job: Job) -> Result:
    """As `replay`, but each update and each read of the best is timed on its own."""
    session, service, read = Session.open(job), Histogram(), Histogram()
    if job.pace is not None:
        return _paced(job, session, timed=True)
    driver, script, events = session.driver, session.script, session.events
    elapsed_ns, passes, slices = _repeat(session, service, lambda: driver.replay_timed(script, events, service, read))
    return Result(
        timing="operation",
        operations=passes * session.script.updates_in(session.events),
        elapsed_ns=elapsed_ns,
        histograms={"service": service, "read": read},
        verification=session.verify_prefix(session.events),
        counters=_pass_counters(session, passes),
        intervals=slices,
    )


def _paced(job: Job, session: Session, *, timed: bool) -> Result:
    """The next events of the whole feed, as many as asked; after the last the book is emptied and the feed begins again.

    Where the feed ends, its turn holds the emptying too: both sides' turns do.
    """
    driver, script, position = session.driver, session.script, 0

    def advance(events: int, replay: Callable[[int, int], object]) -> None:
        nonlocal position
        for begin, end in pieces(position, events, script.events):
            if begin == 0 and position:
                session.rewind()
            replay(begin, end - begin)
            position = end

    def run(events: int) -> None:
        advance(events, lambda first, count: driver.advance(script, first, count))

    def run_timed(events: int, service: Histogram) -> None:
        advance(events, lambda first, count: driver.replay_timed(script, count, service, read, first))

    assert job.pace is not None
    read, an_event = Histogram(), script.updates / script.events
    if timed:
        service = job.pace.serve_timed(run_timed, an_event)
        done, elapsed_ns = service.count, service.sum_ns
    else:
        turns = job.pace.serve(run, an_event)
        service, done, elapsed_ns = turns.histogram, round(turns.count * an_event), turns.elapsed_ns
    return Result(
        timing="operation" if timed else "batch",
        operations=done,
        elapsed_ns=elapsed_ns,
        histograms={"service": service},
        verification=session.verify_prefix(position),
    )


def _pass_counters(session: Session, passes: int) -> dict[str, float]:
    """How much of the feed was replayed how often."""
    updates = session.script.updates_in(session.events)
    return {
        "passes": passes,
        "events": session.events,
        "feed_events": session.script.events,
        "updates_per_event": updates / session.events,
    }


def open_loop(job: Job) -> Result:
    """Start one event of the feed at each time of the plan; a plan longer than the feed starts the feed again.

    Each pass over the feed begins with an empty book and keeps the plan's distances; between passes the plan stands still.
    A plan entry that was not sent when the time is up is counted in `planned` and not in `sent`.
    """
    if job.plan_ns is None or not len(job.plan_ns):
        raise InputError("order_book open_loop: needs a load plan: set load = { kind = … } to anything but closed")
    session = Session.open(job)
    loop = OpenLoop(session.driver.ns_per_tick)
    plan_ns = job.plan_ns - job.plan_ns[0]
    give_up_after = float(job.parameters.get("give_up_after", DEFAULT_GIVE_UP_AFTER))
    left_ns = round(give_up_after * max(int(plan_ns[-1]), session.duration_ns))
    sent, elapsed_ns, held = 0, 0, 0
    for first in range(0, len(plan_ns), session.script.events):
        if first:
            session.rewind()
        part_ns = plan_ns[first : first + session.script.events] - plan_ns[first]
        held = session.driver.replay_open_loop(session.script, part_ns, left_ns - elapsed_ns, loop)
        sent += held
        elapsed_ns += loop.elapsed_ns
        if held < len(part_ns):
            break
    return Result(
        timing="operation",
        operations=sent,
        elapsed_ns=elapsed_ns,
        histograms=loop.histograms,
        verification=session.verify_prefix(held),
        counters=_open_loop_counters(loop, len(plan_ns), sent),
    )


def _open_loop_counters(loop: OpenLoop, planned: int, sent: int) -> dict[str, float]:
    """What says whether the generator kept to the plan, and how far the book fell behind it."""
    tails = (("p50", "50"), ("p99", "99"), ("p999", "99.9"))
    lags = {f"lag_{name}_ns": loop.lag.percentile(p) for name, p in tails}
    own = {f"generator_lag_{name}_ns": loop.generator_lag.percentile(p) for name, p in tails}
    backlog = {"largest_backlog": loop.largest_backlog, "final_backlog": loop.final_backlog}
    return {"planned": float(planned), "sent": float(sent), **lags, **own, **backlog}


WORKLOADS: dict[str, Workload] = {
    "replay": Workload("replay", "level update", replay, parameters={"batch": DEFAULT_BATCH}, paced=True),
    "replay_timed": Workload("replay_timed", "level update", replay_timed, paced=True),
    "contention": Workload("contention", "level update", contention, parameters={"never_crossed": DEFAULT_NEVER_CROSSED}),
    "open_loop": Workload(
        "open_loop",
        "feed event",
        open_loop,
        parameters={"give_up_after": DEFAULT_GIVE_UP_AFTER},
        open_loop=True,
    ),
}
