"""A flame graph as an icicle: the root at the top, width is the share of samples."""

from dataclasses import dataclass, field

from tickbench.render.charts.shapes import Area, Box, Chart, Shape, Text, short
from tickbench.render.view.model import Profile

WIDTH = 960.0
_ROW = 18.0
_LEAST_WIDTH = 1.5  # narrower frames are left out, as every flame graph does
_MOST_DEPTH = 60
_LETTER = 6.4  # width of a letter of the chart's text size


@dataclass
class _Frame:
    samples: int = 0
    children: dict[str, "_Frame"] = field(default_factory=dict)


def flame_chart(view: Profile) -> Chart | None:
    """Draw folded stacks (`a;b;c`, samples); None where there are none."""
    root = _Frame()
    for stack, samples in view.folded:
        if samples <= 0:
            continue
        root.samples += samples
        frame = root
        for name in stack.split(";")[:_MOST_DEPTH]:
            frame = frame.children.setdefault(name, _Frame())
            frame.samples += samples
    if not root.samples:
        return None
    shapes: list[Shape] = []
    depth = _draw(root, 0.0, 0, WIDTH / root.samples, root.samples, shapes)
    return Chart("flame", WIDTH, depth * _ROW + 2, Area(0, 0, WIDTH, depth * _ROW), view.finding, shapes=tuple(shapes))


def _draw(frame: _Frame, left: float, depth: int, unit: float, total: int, shapes: list[Shape]) -> int:
    deepest = depth
    for name, child in sorted(frame.children.items()):
        width = child.samples * unit
        if width >= _LEAST_WIDTH:
            title = f"{short(name, 100)}: {child.samples / total:.1%} of {total} samples"
            shapes.append(
                Box(
                    round(left, 1),
                    depth * _ROW,
                    round(width - 0.5, 1),
                    _ROW - 1,
                    f"frame f{sum(map(ord, name[:64])) % 4}",
                    title,
                )
            )
            letters = int(width / _LETTER)
            if letters > 3:
                shapes.append(Text(round(left + 4, 1), depth * _ROW + 12.5, short(name, letters - 1), "start", "frame"))
            deepest = max(deepest, _draw(child, left, depth + 1, unit, total, shapes))
        left += width
    return max(deepest, depth)
