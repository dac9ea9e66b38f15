"""All workers of a scenario in the order in which they ran: drift of the machine shows as a slope."""

from tickbench.render.charts.percentiles import series_of
from tickbench.render.charts.scales import duration, linear_scale, log_scale, place, plain, ticks
from tickbench.render.charts.shapes import Area, Chart, Group, Path, line, marker
from tickbench.render.view.model import ScenarioView

WIDTH, HEIGHT = 560.0, 220.0
_AREA = Area(66.0, 12.0, 548.0, 168.0)
_LOOKS = (("dot", False), ("dot hollow", True))


def order_chart(view: ScenarioView) -> Chart | None:
    """Draw what each worker measured against when it started; disturbed ones are hollow. None for fewer than two."""
    if view.order is None or len(view.order.points) < 2:
        return None
    points = view.order.points
    x = linear_scale([point.started_s for point in points], "s", zero=False)
    y = log_scale([point.value_ns for point in points], "ns", 1.2)
    series = series_of(view)
    groups = []
    for name in dict.fromkeys(point.variant for point in points):
        own = [point for point in points if point.variant == name]
        k = series.get(name, 0)
        places = [(place(x, p.started_s, _AREA.left, _AREA.right), place(y, p.value_ns, _AREA.bottom, _AREA.top)) for p in own]
        dots = [
            (look, "".join(marker(k, *at) for p, at in zip(own, places, strict=True) if p.disturbed == bad))
            for look, bad in _LOOKS
        ]
        groups.append(Group(name, k, (Path(line(places), "trail"), *(Path(d, look) for look, d in dots if d))))
    return Chart(
        kind="order",
        width=WIDTH,
        height=HEIGHT,
        area=_AREA,
        label=view.order.finding,
        x_ticks=ticks(x, _AREA.left, _AREA.right, plain),
        y_ticks=ticks(y, _AREA.bottom, _AREA.top, duration),
        x_name="start of the worker, s (hollow: disturbed)",
        y_name="cost of an operation",
        groups=tuple(groups),
        x=x,
        y=y,
    )
