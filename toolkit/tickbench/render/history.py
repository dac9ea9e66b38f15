"""Series of the history for a terminal or a pipe: a sparkline, the last runs, and where the level changed."""

from collections.abc import Iterator, Sequence

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from tickbench.analysis.trend import ChangePoint
from tickbench.measure.history import Series
from tickbench.render.tables import plain_table, three_digits
from tickbench.results.history_points import unit_of

SHOWN_RUNS = 15
_BARS = "▁▂▃▄▅▆▇█"
_MOST_COLUMNS = 100
_REVISION = 10


class Sparkline:
    """The newest values as bars between their lowest and highest, as many as fit."""

    def __init__(self, values: Sequence[float]) -> None:
        self._values = values

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text(sparkline(self._values, min(options.max_width, _MOST_COLUMNS)))


def sparkline(values: Sequence[float], columns: int) -> str:
    """One character a value, the newest at the right."""
    shown = values[-max(columns, 1) :]
    low, high = min(shown), max(shown)
    steps = len(_BARS) - 1
    return "".join(_BARS[round((one - low) / (high - low) * steps) if high > low else 0] for one in shown)


def series_parts(series: Series) -> Iterator[RenderableType]:
    """One series: its name, sparkline, table and changes."""
    unit = unit_of(series.metric)
    points, values = series.points, [one.value for one in series.points]
    yield Text(f"{series.scenario}  {series.variant}  {series.metric} {unit}".rstrip(), style="bold")
    yield Sparkline(values)
    marks = {one.index: one for one in series.changes}
    rows = [
        (
            one.started_at,
            revision_text(series, index),
            three_digits(one.value),
            "–" if index == 0 else _percent(one.value, values[index - 1]),
            one.rounds,
            "changed" if index in marks else "",
        )
        for index, one in enumerate(points)
    ]
    shown = rows[-SHOWN_RUNS:]
    yield plain_table(("run", "revision", f"value {unit}".rstrip(), "change", "rounds", ""), shown, right=(2, 3, 4))
    for change in series.changes:
        yield Text(change_text(series, change), style="bold")
    if not series.changes:
        yield Text(f"no change point in {len(points)} runs", style="dim")
    if series.left_out:
        yield Text(f"left out: {series.left_out} runs with another workload, load or input", style="dim")
    yield Text("")


def change_text(series: Series, change: ChangePoint) -> str:
    """Where the level changed, from what to what."""
    first = series.points[change.index]
    return (
        f"changed from {revision_text(series, change.index)} ({first.started_at}) on: {three_digits(change.before)} → "
        f"{three_digits(change.after)} {unit_of(series.metric)}, {_percent(change.after, change.before)}"
    )


def revision_text(series: Series, index: int) -> str:
    """The revision of a run, `+` after it where the tree was not clean."""
    point = series.points[index]
    return f"{(point.revision or 'unknown')[:_REVISION]}{'+' if point.clean is False else ''}"


def _percent(value: float, before: float) -> str:
    return f"{value / before - 1:+.1%}" if before else "–"


def series_rows(series: Series) -> dict[str, object]:
    """One series for programs."""
    return {
        "scenario": series.scenario,
        "variant": series.variant,
        "metric": series.metric,
        "unit": unit_of(series.metric),
        "machine": series.machine,
        "left_out": series.left_out,
        "points": series.points,
        "change_points": [
            {"run": series.points[one.index].run, "revision": series.points[one.index].revision, **vars(one)}
            for one in series.changes
        ],
    }
