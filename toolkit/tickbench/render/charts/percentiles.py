"""Latency against percentile on the axis of HdrHistogram: every nine takes the same width."""

import math

from tickbench.render.charts.scales import duration, log_scale, place, ticks
from tickbench.render.charts.shapes import Area, Chart, Group, Path, Scale, Text, Tick, line, marker, short
from tickbench.render.view.model import Curve, LimitLine, ScenarioView

WIDTH, HEIGHT = 960.0, 340.0
_AREA = Area(66.0, 14.0, 944.0, 286.0)
_NAMES = ("0", "90", "99", "99.9", "99.99", "99.999", "99.9999", "99.99999", "99.999999")
_FAR = 30.0  # a budget further than this from every value is named at the edge: drawing it would flatten the curves
_MOST_POINTS = 120


def percentile_chart(view: ScenarioView) -> Chart | None:
    """Draw all variants of a scenario, its budgets as steps, the baseline dashed; None where there is no curve."""
    curves = [curve for curve in view.curves if curve.nines]
    if not curves:
        return None
    values = [value for curve in curves for value in curve.latency_ns if value > 0]
    top, least = max(values, default=1.0), min(values, default=1.0)
    near = [limit for limit in view.limits if least / _FAR < limit.limit_ns < top * _FAR]
    y = log_scale([*values, *(limit.limit_ns for limit in near)], "ns", 1.25)
    last = max([10.0, *(nine for curve in curves for nine in curve.nines if math.isfinite(nine))])
    x = Scale("log", 1.0, min(last, 10.0 ** (len(_NAMES) - 1)), "nines")
    series = series_of(view)
    groups = [_curve(curve, series.get(curve.name, 0), x, y) for curve in curves]
    far = [limit for limit in view.limits if limit not in near]
    return Chart(
        kind="percentiles",
        width=WIDTH,
        height=HEIGHT,
        area=_AREA,
        label=f"{view.finding} Latency against percentile of {len(curves)} curves.",
        x_ticks=tuple(
            Tick(round(place(x, 10.0**k, _AREA.left, _AREA.right), 1), name)
            for k, name in enumerate(_NAMES)
            if 10.0**k <= x.high
        ),
        y_ticks=ticks(y, _AREA.bottom, _AREA.top, duration),
        x_name="percentile of operations, %",
        y_name="latency",
        groups=(*groups, *_limits(near, x, y)),
        shapes=tuple(_edge(limit, k, top) for k, limit in enumerate(far[:4])),
        x=x,
        y=y,
        legend=True,
    )


def series_of(view: ScenarioView) -> dict[str, int]:
    """Which colour, dash and marker each variant has, the same in all charts of a scenario."""
    return {name: k for k, name in enumerate(dict.fromkeys([row.name for row in view.rows] + [c.name for c in view.curves]))}


def _curve(curve: Curve, series: int, x: Scale, y: Scale) -> Group:
    pairs = list(zip(curve.nines, curve.latency_ns, strict=False))
    step = math.ceil(len(pairs) / _MOST_POINTS)
    kept = pairs[::step] + ([pairs[-1]] if (len(pairs) - 1) % step else [])
    places = [(place(x, nine, _AREA.left, _AREA.right), place(y, value, _AREA.bottom, _AREA.top)) for nine, value in kept]
    name = f"{curve.name} (baseline)" if curve.role == "baseline" else curve.name
    marks = [_at(places, place(x, 10.0**k, _AREA.left, _AREA.right)) for k in range(len(_NAMES)) if 10.0**k <= pairs[-1][0]]
    look = "dot hollow" if curve.role == "baseline" else "dot"
    shapes = (Path(line(places), f"curve {curve.role}"), Path("".join(marker(series, *at) for at in marks), look))
    return Group(name, series, shapes, curve.role)


def _at(places: list[tuple[float, float]], x: float) -> tuple[float, float]:
    """The drawn point that is nearest to a place on the axis."""
    return min(places, key=lambda one: abs(one[0] - x))


def _limits(limits: list[LimitLine], x: Scale, y: Scale) -> list[Group]:
    """Budgets as one step line: each is drawn up to its percentile, then it rises or falls to the next."""
    if not limits:
        return []
    points: list[tuple[float, float]] = []
    start = _AREA.left
    for limit in sorted(limits, key=lambda one: _nines(one.p)):
        end = place(x, _nines(limit.p), _AREA.left, _AREA.right)
        height = place(y, limit.limit_ns, _AREA.bottom, _AREA.top)
        points += [(start, height), (end, height)]
        start = end
    shapes = [Path(line(points), "limit")]
    labels = [
        Text(_AREA.left + 6, place(y, limit.limit_ns, _AREA.bottom, _AREA.top) - 5, _limit_text(limit), "start", "limit")
        for limit in limits[:4]
    ]
    return [Group("budget", -1, (*shapes, *labels), "limit")]


def _limit_text(limit: LimitLine) -> str:
    return f"budget: p{short(limit.p, 8)} ≤ {duration(limit.limit_ns)}"


def _edge(limit: LimitLine, k: int, top: float) -> Text:
    above = limit.limit_ns > top
    y = _AREA.top + 14 + 15 * k if above else _AREA.bottom - 8 - 15 * k
    return Text(_AREA.left + 6, y, f"{'↑' if above else '↓'} {_limit_text(limit)}, off this axis", "start", "limit")


def _nines(p: str) -> float:
    try:
        share = min(max(float(p) / 100.0, 0.0), 1.0)
    except ValueError:
        return math.inf
    return math.inf if share >= 1.0 else 1.0 / (1.0 - share)
