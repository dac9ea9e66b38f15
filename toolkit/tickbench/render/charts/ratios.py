"""Rows of ratios on one logarithmic axis: the forest plot of a comparison, and promised against measured gains."""

from dataclasses import dataclass

from tickbench.render.charts.scales import log_scale, place, ticks
from tickbench.render.charts.shapes import Area, Box, Chart, Path, Scale, Shape, Text, marker, number, short
from tickbench.render.numbers import times
from tickbench.render.view.model import ClaimRow, ComparisonView

WIDTH = 1000.0
_ROW = 24.0
_TOP = 30.0
_LEFT, _RIGHT = 340.0, 825.0
_STATES = {"improvement": "good", "confirmed": "good", "within": "good", "regression": "bad", "refuted": "bad", "over": "bad"}
MOST_ROWS = 60  # the table below has them all


@dataclass(frozen=True)
class _Row:
    name: str
    note: str
    verdict: str
    value: float | None
    low: float | None
    high: float | None
    aim: float | None
    band: tuple[float, float] | None


def forest_chart(view: ComparisonView) -> Chart | None:
    """Draw the first findings of a comparison: ratio of costs, its interval, the tolerance as a band; None without a ratio."""
    drawn = [one for one in view.rows[: max(view.important, min(len(view.rows), 12))][:MOST_ROWS] if one.ratio is not None]
    if not drawn:
        return None
    rows = []
    for row in drawn:
        tolerance = row.tolerance if row.tolerance > -1 else 0.0
        name = f"{short(row.scenario, 26)} · {short(row.variant, 14)} {short(row.metric, 8)}"
        band = (1 / (1 + tolerance), 1 + tolerance)
        rows.append(_Row(name, row.change_text, row.verdict, row.ratio, row.low, row.high, None, band))
    label = f"{view.summary} The {len(rows)} most important of {len(view.rows)} findings are drawn; above 1 is worse."
    return _rows_chart("forest", rows, label, "cost against the base, × (left is better)")


def gains_chart(claims: tuple[ClaimRow, ...], summary: str) -> Chart | None:
    """Draw promised gains (a tick) against measured gains (a point with its interval); None where none was measured."""
    rows = []
    for claim in [one for one in claims if one.gain is not None][:MOST_ROWS]:
        aim = claim.promised_gain
        note = times(claim.gain or 0.0)
        rows.append(
            _Row(claim.promise or claim.id, note, claim.verdict, claim.gain, claim.gain_low, claim.gain_high, aim, None)
        )
    if not rows:
        return None
    return _rows_chart("gains", rows, summary, "gain, × (right is better)")


def state_of(verdict: str) -> str:
    """The class of a verdict of a budget, a promise or a comparison: good, bad or unclear."""
    return _STATES.get(verdict, "unclear")


def _rows_chart(kind: str, rows: list[_Row], label: str, axis: str) -> Chart:
    scale = log_scale([1.0, *(v for row in rows for v in (row.value, row.low, row.high, row.aim, *(row.band or ())))], "×", 1.2)
    bottom = _TOP + _ROW * len(rows)
    shapes = [shape for k, row in enumerate(rows) for shape in _row(row, _TOP + _ROW * k, scale)]
    one = number(place(scale, 1.0, _LEFT, _RIGHT))
    return Chart(
        kind=kind,
        width=WIDTH,
        height=bottom + 46,
        area=Area(_LEFT, _TOP - 8, _RIGHT, bottom),
        label=label,
        x_ticks=ticks(scale, _LEFT, _RIGHT, lambda value: f"{value:.4g}×"),
        x_name=axis,
        shapes=(Path(f"M{one} {number(_TOP - 8)}V{number(bottom)}", "zero"), *shapes),
    )


def _row(row: _Row, y: float, scale: Scale) -> list[Shape]:
    middle, state = y + _ROW / 2, state_of(row.verdict)
    found: list[Shape] = [Text(_LEFT - 14, middle + 4, short(row.name, 46), "end", "name")]
    if row.band:
        low, high = (place(scale, value, _LEFT, _RIGHT) for value in row.band)
        found.append(Box(low, y + 3, max(high - low, 1), _ROW - 6, "band", "tolerance"))
    if row.low is not None and row.high is not None:
        low, high = (place(scale, value, _LEFT, _RIGHT) for value in (row.low, row.high))
        path = f"M{number(low)} {number(middle - 4)}v8m0-4H{number(high)}m0-4v8"
        found.append(Path(path, f"whisker {state}", f"{row.low:.4g} to {row.high:.4g}"))
    if row.aim is not None:
        at = number(place(scale, row.aim, _LEFT, _RIGHT))
        found.append(Path(f"M{at} {number(middle - 8)}v16", "allowed", f"promised {row.aim:.4g}×"))
    if row.value is not None:
        shape = {"good": 0, "bad": 3, "unclear": 1}[state]
        point = marker(shape, place(scale, row.value, _LEFT, _RIGHT), middle, 4.5)
        found.append(Path(point, f"point {state}", f"{row.value:.4g}× {short(row.verdict, 40)}"))
    return [
        *found,
        Text(_RIGHT + 12, middle + 4, f"{short(row.note, 14)} {short(row.verdict, 18)}".strip(), "start", f"value {state}"),
    ]
