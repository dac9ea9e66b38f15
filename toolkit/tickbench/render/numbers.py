"""How numbers are written, in terminals, pages and figures alike: the same text for the same number."""

from tickbench.analysis.ratios import PairedRatio
from tickbench.render.tables import three_digits

NONE = "–"
FEW_MARK = "~"  # before a percentile that too few samples lie above
_MILLION = 1e6
TIMES = ((1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"))
_BYTES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "bytes"))
_SCALED = {"ns": ("", TIMES), "ns/s": ("/s", TIMES), "bytes": ("", _BYTES)}


def amount(number: float, unit: str) -> str:
    """A number in the unit that it has; large ones in millions."""
    unit = "µs" if unit == "us" else unit
    text = f"{three_digits(number / _MILLION)} M" if abs(number) >= _MILLION else three_digits(number)
    return text if not unit else f"{text}{unit}" if unit.startswith("/") else f"{text} {unit}"


def quantity(number: float, unit: str | None) -> str:
    """A number with its unit; times (ns), times a second and bytes in the unit that reads best, large numbers in millions."""
    if unit not in _SCALED:
        return amount(number, unit or "")
    scale, name = _scale(number, unit)
    return f"{three_digits(number / scale)} {name}{_SCALED[unit][0]}"


def quantity_interval(number: float, low: float, high: float, unit: str | None) -> str:
    """The interval of a number, in the unit that `quantity` writes the number in."""
    scale = _scale(number, unit)[0] if unit in _SCALED else _MILLION if abs(number) >= _MILLION else 1.0
    return interval(low / scale, high / scale)


def _scale(number: float, unit: str) -> tuple[float, str]:
    scales = _SCALED[unit][1]
    return next(((scale, name) for scale, name in scales if abs(number) >= scale), scales[-1])


def interval(low: float | None, high: float | None) -> str:
    """Both ends of an interval, in the unit of the number beside it."""
    return NONE if low is None or high is None else f"[{three_digits(low)}, {three_digits(high)}]"


def times(ratio: float) -> str:
    """A factor."""
    return f"{three_digits(ratio)}×"


def duration_text(ns: float, ns_per_unit: float, few: bool = False) -> str:
    """A time in the unit of its table, which stands in the table's head."""
    return f"{FEW_MARK if few else ''}{three_digits(ns / ns_per_unit)}"


def ratio_text(ratio: PairedRatio | None, reference: bool) -> str:
    """A ratio to the reference with its interval."""
    if reference:
        return "1"
    return NONE if ratio is None else f"{three_digits(ratio.median)} {interval(ratio.low, ratio.high)}"


def rate_text(per_s: float) -> str:
    """Operations a second."""
    return f"{per_s:,.0f}"
