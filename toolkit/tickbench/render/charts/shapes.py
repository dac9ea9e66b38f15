"""What a chart is made of. Lengths are in the units of the SVG's viewBox; y grows downwards; `look` is a CSS class."""

from collections.abc import Iterable
from dataclasses import dataclass

LABEL_LETTERS = 34  # a name in a chart is cut here; the table beside the chart has it whole


@dataclass(frozen=True)
class Tick:
    """A place on an axis and what is written there; an empty label is a grid line only."""

    at: float
    label: str


@dataclass(frozen=True)
class Path:
    """A line or a marker: SVG path data that this package made."""

    d: str
    look: str
    title: str = ""


@dataclass(frozen=True)
class Box:
    """A rectangle."""

    x: float
    y: float
    width: float
    height: float
    look: str
    title: str = ""


@dataclass(frozen=True)
class Text:
    """A label; `anchor` is start, middle or end."""

    x: float
    y: float
    text: str
    anchor: str = "start"
    look: str = ""


@dataclass(frozen=True)
class Picture:
    """A raster in a data: address that this package made."""

    x: float
    y: float
    width: float
    height: float
    address: str


Shape = Path | Box | Text | Picture


@dataclass(frozen=True)
class Group:
    """Shapes that belong to one name; `series` chooses colour, dash and marker (-1: none) and a button hides the group."""

    name: str
    series: int
    shapes: tuple[Shape, ...]
    note: str = ""


@dataclass(frozen=True)
class Area:
    """The rectangle in which values are drawn."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Scale:
    """How values become places, for scripts that read a value off the chart: kind is log or linear."""

    kind: str
    low: float
    high: float
    unit: str


@dataclass(frozen=True)
class Chart:
    """A whole chart: frame, axes with units, groups; `label` is what a screen reader says, the finding first."""

    kind: str
    width: float
    height: float
    area: Area
    label: str
    x_ticks: tuple[Tick, ...] = ()
    y_ticks: tuple[Tick, ...] = ()
    x_name: str = ""
    y_name: str = ""
    groups: tuple[Group, ...] = ()
    shapes: tuple[Shape, ...] = ()
    x: Scale | None = None
    y: Scale | None = None
    legend: bool = False


def number(value: float) -> str:
    """A length as short text: one decimal, none where it is whole."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def line(points: Iterable[tuple[float, float]]) -> str:
    """The path through points, rounded to a tenth across and a hundredth down (scripts read values back from it)."""
    return "M" + "L".join(f"{number(x)} {f'{y:.2f}'.rstrip('0').rstrip('.')}" for x, y in points)


def marker(series: int, x: float, y: float, size: float = 3.5) -> str:
    """A closed path around a point: circle, square, diamond, triangle … by series, so that colour never speaks alone."""
    a, b, s = number(x), number(y), number(size)
    series = max(series, 0)
    shape = (series + series // 8) % 4  # colours repeat after eight: then the marker differs
    if shape == 0:
        return f"M{number(x - size)} {b}a{s} {s} 0 1 0 {number(2 * size)} 0a{s} {s} 0 1 0 {number(-2 * size)} 0z"
    if shape == 1:
        return f"M{number(x - size)} {number(y - size)}h{number(2 * size)}v{number(2 * size)}h{number(-2 * size)}z"
    if shape == 2:
        far = size * 1.35
        return f"M{a} {number(y - far)}L{number(x + far)} {b}L{a} {number(y + far)}L{number(x - far)} {b}z"
    return f"M{a} {number(y - size * 1.2)}L{number(x + size * 1.2)} {number(y + size)}H{number(x - size * 1.2)}z"


def short(text: str, letters: int = LABEL_LETTERS) -> str:
    """A label cut in the middle, so that both the start and the end of long names can be read."""
    if len(text) <= letters:
        return text
    tail = letters // 3
    return f"{text[: letters - tail - 1]}…{text[-tail:]}"
