"""From a chart to SVG. In Python and not in a template, because a suite has a hundred thousand shapes.

Every text passes through `shown` (no hidden characters) and `escape`; styles are classes, so that dark mode and a strict
policy for styles work. What comes back is the only markup of the page that no template wrote.
"""

from markupsafe import Markup, escape

from tickbench.render.charts.shapes import Box, Chart, Group, Path, Picture, Scale, Shape, Text, Tick, number
from tickbench.render.clean import shown


def drawing(chart: Chart) -> Markup:
    """The chart as an svg element that says its finding to a screen reader."""
    area = chart.area
    parts = [
        f'<svg class="{_text(chart.kind)}" viewBox="0 0 {number(chart.width)} {number(chart.height)}" role="img"',
        f' aria-label="{_text(chart.label)}"',
        _scale("x", chart.x, area.left, area.right) + _scale("y", chart.y, area.bottom, area.top) + ">",
        _rows(chart.y_ticks, chart),
        _columns(chart.x_ticks, chart),
    ]
    if chart.x_name:
        x, y = number((area.left + area.right) / 2), number(area.bottom + 35)
        parts.append(f'<text class="axis" x="{x}" y="{y}" text-anchor="middle">{_text(chart.x_name)}</text>')
    if chart.y_name:
        turn = f"translate(13 {number((area.top + area.bottom) / 2)})rotate(-90)"
        parts.append(f'<text class="axis" transform="{turn}" text-anchor="middle">{_text(chart.y_name)}</text>')
    parts += [_shape(one) for one in chart.shapes]
    parts += [_group(one) for one in chart.groups]
    return Markup("".join(parts) + "</svg>")


def _text(text: str) -> str:
    return str(escape(shown(text)))


def _scale(name: str, scale: Scale | None, start: float, end: float) -> str:
    if scale is None:
        return ""
    values = f"{_text(scale.kind)} {scale.low:.8g} {scale.high:.8g} {number(start)} {number(end)}"
    return f' data-{name}="{values}" data-{name}-unit="{_text(scale.unit)}"'


def _rows(ticks: tuple[Tick, ...], chart: Chart) -> str:
    if not ticks:
        return ""
    left, width = number(chart.area.left), number(chart.area.right - chart.area.left)
    lines = "".join(f"M{left} {number(tick.at)}h{width}" for tick in ticks)
    x = number(chart.area.left - 8)
    labels = "".join(f'<text x="{x}" y="{number(tick.at + 4)}">{_text(tick.label)}</text>' for tick in ticks if tick.label)
    return f'<path class="grid" d="{lines}"/><g class="tick" text-anchor="end">{labels}</g>'


def _columns(ticks: tuple[Tick, ...], chart: Chart) -> str:
    if not ticks:
        return ""
    top, height = number(chart.area.top), number(chart.area.bottom - chart.area.top)
    lines = "".join(f"M{number(tick.at)} {top}v{height}" for tick in ticks)
    y = number(chart.area.bottom + 16)
    labels = "".join(f'<text x="{number(tick.at)}" y="{y}">{_text(tick.label)}</text>' for tick in ticks if tick.label)
    return f'<path class="grid" d="{lines}"/><g class="tick" text-anchor="middle">{labels}</g>'


def _group(group: Group) -> str:
    look = f"g s{group.series % 8}" if group.series >= 0 else "g"
    inner = "".join(map(_shape, group.shapes))
    return f'<g class="{look}" data-k="{group.series}" data-name="{_text(group.name)}">{inner}</g>'


def _shape(one: Shape) -> str:
    look = f' class="{_text(one.look)}"' if not isinstance(one, Picture) and one.look else ""
    if isinstance(one, Path):
        return (
            f'<path{look} d="{one.d}"/>'
            if not one.title
            else f'<path{look} d="{one.d}"><title>{_text(one.title)}</title></path>'
        )
    if isinstance(one, Text):
        anchor = "" if one.anchor == "start" else f' text-anchor="{one.anchor}"'
        return f'<text{look} x="{number(one.x)}" y="{number(one.y)}"{anchor}>{_text(one.text)}</text>'
    place = f'x="{number(one.x)}" y="{number(one.y)}" width="{number(one.width)}" height="{number(one.height)}"'
    if isinstance(one, Box):
        return f"<rect{look} {place}/>" if not one.title else f"<rect{look} {place}><title>{_text(one.title)}</title></rect>"
    return f'<image {place} preserveAspectRatio="none" href="{one.address}"/>'
