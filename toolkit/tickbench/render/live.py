"""A look at a live engine as tables: one line a histogram."""

from collections.abc import Iterator

from rich.console import RenderableType
from rich.text import Text

from tickbench.live.watch import Figures, Line, Look
from tickbench.render.numbers import NONE, quantity
from tickbench.render.tables import plain_table, three_digits

_BAR_LETTERS = 10
_US = 1_000
_NARROW_COLUMNS = 130  # a terminal that is narrower has no room for the percentiles since the start
_STALE_NS = 3_000_000_000  # engines beat once a second: three missed beats
_PERCENTILES = ("p50", "p99", "p99.9", "max")


def look_tables(look: Look, columns: int = 1_000) -> Iterator[RenderableType]:
    """Who it is and how it does, its histograms, its counters; `columns` is the width of the terminal."""
    yield from _head(look)
    yield Text("")
    yield _histograms(look, wide=columns >= _NARROW_COLUMNS)
    if look.values:
        yield Text("")
        yield _values(look)
    yield from _notes(look)


def _head(look: Look) -> Iterator[Text]:
    state = {"running": "running", "closed": "has ended, on purpose", "dead": "is dead: these are its last numbers"}[look.state]
    yield Text(f"{look.app} (pid {look.pid}, {look.language}) {state}", style="bold" if look.state == "running" else "bold red")
    age = f"heartbeat {quantity(look.heartbeat_age_ns, 'ns')} ago"
    stale = look.state == "running" and look.heartbeat_age_ns > _STALE_NS
    parts = [Text(age + (": the loop that beats does not turn" if stale else ""), style="red" if stale else "")]
    if look.state == "running":
        parts.append(Text(f"threads {look.threads}"))
    if look.cpu_percent is not None:
        parts.append(Text(f"CPU {three_digits(look.cpu_percent)} % of a core"))
    if look.run_queue_wait_percent is not None:
        parts.append(Text(f"waiting for a core {three_digits(look.run_queue_wait_percent)} %"))
    yield Text("; ").join(parts)


def _histograms(look: Look, *, wide: bool) -> RenderableType:
    recent = look.interval_ns is not None
    since = "since start" if recent else ""
    heads = ["histogram, µs"]
    if recent:
        heads += ["rate /s", *_PERCENTILES]
    heads += ["count"]
    heads += [f"{name} {since}".strip() for name in (_PERCENTILES if wide or not recent else ("max",))]
    heads += ["in flight", "budget"]
    rows = [_row(one, recent, wide, look.state != "running") for one in look.lines]
    return plain_table(heads, rows, right=range(1, len(heads) - 2))


def _row(one: Line, recent: bool, wide: bool, dead: bool) -> list[object]:
    cells: list[object] = [f"{one.name} {one.tag}".strip() + (" (ended)" if one.retired else "")]
    if recent:
        cells += [NONE if one.rate_per_s is None else three_digits(one.rate_per_s), *_figures(one.interval)]
    total = _figures(one.total)
    cells += [f"{one.total.count:,}", *(total if wide or not recent else total[-1:])]
    return [*cells, _in_flight(one, dead), _budget(one)]


def _figures(found: Figures | None) -> list[str]:
    values = [found.p50_ns, found.p99_ns, found.p99_9_ns, found.max_ns] if found else [None] * len(_PERCENTILES)
    return [NONE if value is None else three_digits(value / _US) for value in values]


def _in_flight(one: Line, dead: bool) -> str:
    if one.in_flight is None:
        return NONE
    subject = f" #{one.in_flight.correlation}" if one.in_flight.correlation else ""
    where = f"{one.in_flight.stage_name}{subject}"
    if dead and not one.in_flight.age_ns:  # a dead engine's ages end at its last heartbeat
        return f"{where}, begun after the last heartbeat"
    return f"{quantity(one.in_flight.age_ns, 'ns')} {where}"


def _budget(one: Line) -> Text:
    if one.limit is None or one.limit.share is None:
        return Text(NONE)
    limit, share = one.limit, one.limit.share or 0.0
    filled = min(_BAR_LETTERS, round(share * _BAR_LETTERS))
    over = f", {limit.violations:,} over" if limit.violations else ""
    text = f"{'█' * filled}{'░' * (_BAR_LETTERS - filled)} {share:.0%} of {quantity(limit.limit_ns, 'ns')} {limit.metric}{over}"
    return Text(text, style="red" if share > 1 else "green")


def _values(look: Look) -> RenderableType:
    rows = [
        [f"{one.name} {one.tag}".strip(), f"{one.value:,} {one.unit}".strip(), NONE if one.rate_per_s is None else one_rate]
        for one in look.values
        for one_rate in [three_digits(one.rate_per_s or 0.0)]
    ]
    return plain_table(["counter", "value", "rate /s"], rows, right=(1, 2))


def _notes(look: Look) -> Iterator[Text]:
    for one in look.lines:
        if one.over_range or one.negative or one.in_doubt:
            kinds = ((one.over_range, "beyond its range"), (one.negative, "negative"), (one.in_doubt, "in doubt"))
            yield Text(
                f"{one.name}: records " + ", ".join(f"{kind}: {number:,}" for number, kind in kinds if number), style="red"
            )
