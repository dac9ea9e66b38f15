"""Lines over a swept parameter, with their crossings, and a metric over the runs of a machine."""

from tickbench.render.charts.scales import duration, linear_scale, log_scale, place, plain, ticks
from tickbench.render.charts.shapes import Area, Chart, Group, Path, Scale, Shape, Text, Tick, line, marker, number, short
from tickbench.render.view.model import HistorySeries, Sweep

WIDTH, HEIGHT = 560.0, 300.0
_AREA = Area(74.0, 16.0, 540.0, 246.0)
_HISTORY = Area(74.0, 18.0, 508.0, 132.0)  # half of a date fits to the right of the last run
_HISTORY_HEIGHT = 184.0
_MOST_CROSSINGS = 12


def sweep_chart(view: Sweep) -> Chart | None:
    """Draw every variant over the parameter with its interval as a band, and a hair where two cross; None without points."""
    xs = [x for one in view.lines for x in one.x]
    if not xs:
        return None
    x = log_scale(xs, view.x_name, 1.1) if view.logarithmic else linear_scale(xs, view.x_name, zero=False)
    y = log_scale([v for one in view.lines for v in (*one.y, *one.low, *one.high)], view.y_unit, 1.2)
    groups = []
    for k, one in enumerate(view.lines):
        across = [place(x, value, _AREA.left, _AREA.right) for value in one.x]
        places = list(zip(across, (_up(y, v) for v in one.y), strict=False))
        shapes: list[Shape] = [
            Path(marker(k, *at), "dot", f"{short(one.variant)}: {_written(v, view.y_unit)}")
            for at, v in zip(places, one.y, strict=False)
        ]
        if len(one.low) == len(one.high) == len(one.x) and places:
            edge = [*zip(across, (_up(y, v) for v in one.high), strict=True)]
            edge += [*zip(across, (_up(y, v) for v in one.low), strict=True)][::-1]
            shapes.insert(0, Path(line(edge) + "z", "spread"))
        groups.append(Group(one.variant, k, (Path(line(places), "curve"), *shapes)))
    return Chart(
        kind="sweep",
        width=WIDTH,
        height=HEIGHT,
        area=_AREA,
        label=view.finding,
        x_ticks=_parameter_ticks(x, xs),
        y_ticks=ticks(y, _AREA.bottom, _AREA.top, duration if view.y_unit == "ns" else plain),
        x_name=short(view.x_name, 60),
        y_name=short(view.y_name if view.y_unit == "ns" else f"{view.y_name}, {view.y_unit}", 40),
        groups=tuple(groups),
        shapes=tuple(shape for k, cross in enumerate(view.crossings[:_MOST_CROSSINGS]) for shape in _crossing(cross, x, k)),
        x=x,
        y=y,
        legend=True,
    )


def history_chart(view: HistorySeries) -> Chart | None:
    """Draw a metric over the runs, evenly spaced; a change of level is a labelled hair. None for fewer than two points."""
    if len(view.points) < 2:
        return None
    area, last = _HISTORY, len(view.points) - 1
    y = linear_scale([point.value for point in view.points], view.unit, zero=False)
    across = [area.left + (area.right - area.left) * k / last for k in range(last + 1)]
    places = [(at, place(y, point.value, area.bottom, area.top)) for at, point in zip(across, view.points, strict=True)]
    dots = [
        Path(marker(0, *at, 3), "dot", f"{short(point.started_at)} {short(point.revision, 14)}: {short(point.text)}")
        for at, point in zip(places, view.points, strict=True)
    ]
    changes: list[Shape] = []
    for index, text in view.changes:
        at = number(across[min(max(index, 0), last)])
        changes += [
            Path(f"M{at} {area.top}V{area.bottom}", "change"),
            _beside(float(at), area.top - 5, short(text, 40), "change"),
        ]
    ends = sorted({0, last // 2, last})
    return Chart(
        kind="history",
        width=WIDTH,
        height=_HISTORY_HEIGHT,
        area=area,
        label=view.finding,
        x_ticks=tuple(Tick(round(across[k], 1), short(view.points[k].started_at, 16)) for k in ends),
        y_ticks=ticks(y, area.bottom, area.top, duration if view.unit == "ns" else plain),
        x_name="run, oldest first",
        y_name=short(f"{view.metric}" if view.unit == "ns" else f"{view.metric}, {view.unit}", 30),
        groups=(Group(view.variant, 0, (Path(line(places), "curve"), *dots)),),
        shapes=tuple(changes),
    )


def _written(value: float, unit: str) -> str:
    return duration(value) if unit == "ns" else f"{plain(value)} {unit}"


def _up(y: Scale, value: float) -> float:
    return place(y, value, _AREA.bottom, _AREA.top)


def _parameter_ticks(x: Scale, values: list[float]) -> tuple[Tick, ...]:
    """The swept values themselves where they are few, else round ones."""
    swept = sorted(set(values))
    if len(swept) > 10:
        return ticks(x, _AREA.left, _AREA.right, plain)
    return tuple(Tick(round(place(x, value, _AREA.left, _AREA.right), 1), plain(value)) for value in swept)


def _crossing(crossing: tuple[float, str, str], x: Scale, turn: int) -> list[Shape]:
    value, first, second = crossing
    at = place(x, value, _AREA.left, _AREA.right)
    hair = Path(
        f"M{number(at)} {_AREA.top}V{_AREA.bottom}", "cross", f"{short(first)} and {short(second)} cross at {plain(value)}"
    )
    return [hair, _beside(at, _AREA.top + 11 + 13 * (turn % 4), f"cross at {value:.3g}", "cross")]


def _beside(at: float, y: float, text: str, look: str) -> Text:
    """A text beside a hair, on the side that has more room."""
    right = at < WIDTH / 2
    return Text(at + 4 if right else at - 4, y, text, "start" if right else "end", look)
