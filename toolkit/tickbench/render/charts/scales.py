"""Scales and their ticks: from values to places, and the short texts beside them."""

import math
from collections.abc import Callable, Iterable

from tickbench.render.charts.shapes import Scale, Tick
from tickbench.render.numbers import TIMES

_MOST_TICKS = 7


def duration(value_ns: float) -> str:
    """A round time with its unit, for an axis: 500 ns, 2 µs, 1.5 ms."""
    for size, unit in TIMES:
        if abs(value_ns) >= size * 0.9999:
            return f"{value_ns / size:,.4g} {unit}"
    return f"{value_ns:.3g} ns"


def plain(value: float) -> str:
    """A round number for an axis: 0.5, 20, 5 k, 2 M, 1 G."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size * 0.9999:
            return f"{value / size:.4g} {letter}"
    return f"{value:.4g}"


def usable(values: Iterable[float | None]) -> list[float]:
    """The finite numbers among them."""
    return [value for value in values if value is not None and math.isfinite(value)]


def log_scale(values: Iterable[float | None], unit: str, room: float = 1.15) -> Scale:
    """A logarithmic scale around all positive values with some room at both ends; [0.9, 1.1] where there are none."""
    positive = [value for value in usable(values) if value > 0]
    low, high = (min(positive), max(positive)) if positive else (1.0, 1.0)
    return Scale("log", max(low / room, 1e-300), min(high * room, 1e300), unit)


def linear_scale(values: Iterable[float | None], unit: str, zero: bool = True) -> Scale:
    """A linear scale around all values, from zero where `zero`; [0, 1] where there are none."""
    good = usable(values) or [0.0, 1.0]
    low, high = min(good), max(good)
    if zero:
        low, high = min(low, 0.0), max(high, 0.0)
    room = (high - low or abs(high) or 1.0) * 0.06
    return Scale("linear", low if zero and low == 0 else low - room, high + room, unit)


def place(scale: Scale, value: float, start: float, end: float) -> float:
    """Where a value lies between two places; what is off the scale lies at its end."""
    value = value if math.isfinite(value) else scale.high
    if scale.kind == "log":
        value = max(value, scale.low)
        share = math.log(value / scale.low) / math.log(scale.high / scale.low)
    else:
        share = (value - scale.low) / (scale.high - scale.low)
    return start + (end - start) * min(max(share, 0.0), 1.0)


def tick_values(scale: Scale) -> list[float]:
    """Round values on a scale, few enough to be read."""
    if scale.kind == "log":
        return _log_ticks(scale.low, scale.high)
    step = _round_step((scale.high - scale.low) / (_MOST_TICKS - 1))
    first = math.ceil(scale.low / step - 1e-9)
    return [k * step for k in range(first, math.floor(scale.high / step + 1e-9) + 1)]


def ticks(scale: Scale, start: float, end: float, write: Callable[[float], str]) -> tuple[Tick, ...]:
    """Ticks of a scale drawn between two places."""
    return tuple(Tick(round(place(scale, value, start, end), 1), write(value)) for value in tick_values(scale))


def _log_ticks(low: float, high: float) -> list[float]:
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for digits in ((1, 1.5, 2, 3, 4, 5, 6, 8), (1, 2, 3, 5), (1, 2, 5), (1, 3), (1,)):
        found = [d * 10.0**e for e in range(first, last + 1) for d in digits if low <= d * 10.0**e <= high]
        if len(found) <= _MOST_TICKS:
            break
    if len(found) < 2:
        return [float(f"{low:.2g}"), float(f"{high:.2g}")]
    return found[:: math.ceil(len(found) / _MOST_TICKS)]


def _round_step(rough: float) -> float:
    size = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    return next((step * size for step in (1, 2, 5, 10) if step * size >= rough * 0.9999), 10 * size)
