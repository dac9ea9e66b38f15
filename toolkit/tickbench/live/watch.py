"""One look at a live engine: each histogram since the start and since the last look, what is in flight, limits, threads.

A look costs the engine nothing but the cache lines that are copied; a dead engine's page is looked at in the same way.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tickbench.kernels.hdr import Histogram
from tickbench.live.target import Target
from tickbench.live.threads import read_tasks, spent_ns
from tickbench.measure.budgets import PERCENTILES, UNITS, Budget
from tickbench.probe import InFlight, PageReader, Reading, Snapshot

SHOWN = ("50", "99", "99.9")
# A limit whose line names no percentile: the plan's tables name none either, and p99 is read everywhere.
_PERCENTILE = "p99"
_NS_PER_S = 1_000_000_000


@dataclass(frozen=True)
class Figures:
    """A histogram in numbers, times in ns; percentiles are None where there is no record."""

    count: int
    p50_ns: int | None
    p99_ns: int | None
    p99_9_ns: int | None
    max_ns: int | None


@dataclass(frozen=True)
class Limit:
    """A budget that a histogram is held against: the value of its metric since the start, and how many records were over.

    `share` is value over limit. A record is over if its whole bucket is; buckets are as fine as the page's digits.
    """

    budget: str
    metric: str
    limit_ns: float
    value_ns: float | None
    share: float | None
    violations: int


@dataclass(frozen=True)
class Line:
    """One histogram. `interval` and `rate_per_s` are since the look before; None at the first look and of a dead engine."""

    name: str
    tag: str
    tid: int
    retired: bool
    total: Figures
    interval: Figures | None
    rate_per_s: float | None
    in_flight: InFlight | None
    limit: Limit | None
    over_range: int
    negative: int
    in_doubt: int


@dataclass(frozen=True)
class Value:
    """A counter or a gauge."""

    name: str
    tag: str
    tid: int
    unit: str
    kind: str
    value: int
    rate_per_s: float | None


@dataclass(frozen=True)
class Look:
    """All of it at one moment.

    `on_cpu_ns` and `waited_ns` (for a core) are of all threads that live now, since they began; the shares, in % of one core,
    are since the look before.
    """

    app: str
    pid: int
    language: str
    state: str  # running, closed, dead
    taken_real_ns: int
    heartbeat_age_ns: int
    interval_ns: int | None
    threads: int
    on_cpu_ns: int | None
    waited_ns: int | None
    cpu_percent: float | None
    run_queue_wait_percent: float | None
    lines: tuple[Line, ...]
    values: tuple[Value, ...]


class Watch:
    """Looks at one engine again and again; intervals are between looks."""

    def __init__(self, target: Target, budgets: Sequence[Budget] = ()) -> None:
        self._target = target
        self._limits = {name: one for one in reversed(budgets) if (name := _histogram_of(one)) is not None}
        self._page: PageReader | None = None
        self._before: Snapshot | None = None
        self._tasks = read_tasks(target.reader.pid)
        self.snapshot: Snapshot | None = None  # of the last look

    def look(self) -> Look:
        """Look now; InputError if the page has become unreadable."""
        page = self._target.reader
        if page is not self._page:  # started anew: its counters begin at 0
            self._page, self._before, self._tasks = page, None, read_tasks(page.pid)
        now, before = page.snapshot(), self._before
        tasks = read_tasks(page.pid) if now.alive else {}
        length_ns = now.taken_ns - before.taken_ns if before and now.alive else None
        interval = now.since(before) if before and length_ns else None
        found = Look(
            app=page.app,
            pid=page.pid,
            language=page.language,
            state="closed" if page.closed else "running" if now.alive else "dead",
            taken_real_ns=now.real_ns,
            heartbeat_age_ns=page.heartbeat_age_ns,
            interval_ns=length_ns,
            threads=len(tasks),
            on_cpu_ns=spent_ns({}, tasks, "on_cpu_ns"),
            waited_ns=spent_ns({}, tasks, "waited_ns"),
            cpu_percent=_percent(spent_ns(self._tasks, tasks, "on_cpu_ns"), length_ns),
            run_queue_wait_percent=_percent(spent_ns(self._tasks, tasks, "waited_ns"), length_ns),
            lines=tuple(self._lines(now, interval, length_ns)),
            values=tuple(_values(now, interval, length_ns)),
        )
        self._before, self._tasks, self.snapshot = now, tasks, now
        return found

    def _lines(self, now: Snapshot, interval: Snapshot | None, length_ns: int | None) -> list[Line]:
        return [
            self._line(one, one.histogram, interval.readings[number] if interval else None, length_ns)
            for number, one in enumerate(now.readings)
            if one.histogram is not None
        ]

    def _line(self, one: Reading, total: Histogram, interval: Reading | None, length_ns: int | None) -> Line:
        part = interval.histogram if interval else None
        return Line(
            name=one.name,
            tag=one.tag,
            tid=one.tid,
            retired=one.retired,
            total=figures(total),
            interval=figures(part) if part else None,
            rate_per_s=part.count * _NS_PER_S / length_ns if part and length_ns else None,
            in_flight=one.in_flight,
            limit=limit_of(self._limits[one.name], total) if one.name in self._limits else None,
            over_range=total.over_range,
            negative=total.negative,
            in_doubt=one.in_doubt,
        )


def watch_for(target: Target, budgets: Sequence[Budget], seconds: float) -> Look:
    """One look that has an interval, of a running engine; of a dead one there is none to wait for."""
    watch = Watch(target, budgets)
    first = watch.look()
    if first.state != "running":
        return first
    time.sleep(seconds)
    return watch.look()


def figures(histogram: Histogram) -> Figures:
    """The shown percentiles and the maximum."""
    if not histogram.count:
        # what is beyond the range has no bucket, but it is the maximum
        return Figures(0, None, None, None, histogram.max_ns if histogram.over_range else None)
    # the exact maximum may lie below the upper end of its bucket, which is what a percentile is
    p50_ns, p99_ns, p99_9_ns = (min(one, histogram.max_ns) for one in histogram.percentiles(SHOWN))
    return Figures(histogram.count, p50_ns, p99_ns, p99_9_ns, histogram.max_ns)


def limit_of(budget: Budget, histogram: Histogram) -> Limit:
    """The state of a budget: a mean or a percentile since the start, and the records over it."""
    limit_ns, metric = budget.limit_in_run_units, budget.metric or _PERCENTILE
    value_ns: float | None = None
    if histogram.count:
        value_ns = histogram.mean_ns if metric == "mean" else histogram.percentile(metric.removeprefix("p"))
    first_over = int(np.searchsorted(histogram.geometry.lowest_values, limit_ns, side="right"))
    violations = int(histogram.counts[first_over:].sum()) + histogram.over_range
    share = None if value_ns is None else value_ns / limit_ns
    return Limit(budget.id, metric, limit_ns, value_ns, share, violations)


def _histogram_of(budget: Budget) -> str | None:
    """The histogram that a budget is about: none, if it is no limit on a time."""
    about_time = UNITS[budget.unit][0] == "time" and budget.direction == "at most"
    if not about_time or (budget.metric or _PERCENTILE) not in (*PERCENTILES, "mean"):
        return None
    return budget.probe or budget.id


def _values(now: Snapshot, interval: Snapshot | None, length_ns: int | None) -> list[Value]:
    return [
        Value(one.name, one.tag, one.tid, one.unit, one.kind, one.value, _rate(one, interval, number, length_ns))
        for number, one in enumerate(now.readings)
        if one.histogram is None
    ]


def _rate(one: Reading, interval: Snapshot | None, number: int, length_ns: int | None) -> float | None:
    if one.kind != "counter" or interval is None or not length_ns:
        return None
    return interval.readings[number].value * _NS_PER_S / length_ns


def _percent(part_ns: int | None, whole_ns: int | None) -> float | None:
    return None if part_ns is None or not whole_ns else 100 * part_ns / whole_ns
