"""The total latency budget as a waterfall: on the left where the time may go, on the right allowed against measured.

One axis cannot show both: 5 µs of 3 ms is a hair on a linear axis, and on a logarithmic axis the stages do not add up.
So the steps are linear and true to scale, and the comparison beside them is logarithmic and uses points, not bars.
"""

from tickbench.render.charts.scales import duration, log_scale, place, ticks
from tickbench.render.charts.shapes import Area, Box, Chart, Path, Scale, Shape, Text, Tick, marker, number, short
from tickbench.render.view.model import Stage, Waterfall

WIDTH = 1000.0
ROW = 34.0
_TOP = 46.0
_STEPS = (232.0, 520.0)  # the linear panel
_RATES = (568.0, 900.0)  # the logarithmic panel, with room for the measured text
_MOST_STAGES = 40


def waterfall_chart(view: Waterfall) -> Chart:
    """Draw the stages in their order and the total below them; microseconds."""
    stages = view.stages[:_MOST_STAGES]
    values = [v for s in stages for v in (s.allowed_us, s.measured_us, s.before_us)]
    rates = log_scale([*values, view.total_us, view.total_measured_us], "µs", 1.5)
    steps = Scale("linear", 0.0, max([view.total_us, *(s.start_us + s.allowed_us for s in stages), 1e-9]), "µs")
    bottom = _TOP + ROW * (len(stages) + 1 + (view.unallotted_us > 0))
    shapes = [
        Text(_STEPS[0], 18, "where the time may go (linear)", "start", "head"),
        Text(_RATES[0], 18, "allowed and measured (logarithmic)", "start", "head"),
        *(shape for k, stage in enumerate(stages) for shape in _stage(stage, _TOP + ROW * k, steps, rates)),
        *_last_rows(view, _TOP + ROW * len(stages), steps, rates),
    ]
    return Chart(
        kind="waterfall",
        width=WIDTH,
        height=bottom + 40,
        area=Area(_RATES[0], _TOP - 14, _RATES[1], bottom),
        label=view.finding,
        x_ticks=ticks(rates, *_RATES, lambda us: duration(us * 1e3)),
        x_name="time per stage",
        shapes=(*_step_grid(steps, bottom), *shapes),
    )


def _step_grid(steps: Scale, bottom: float) -> list[Shape]:
    found: list[Shape] = []
    for tick in ticks(steps, *_STEPS, lambda us: duration(us * 1e3) if us else "0"):
        found += [Path(f"M{number(tick.at)} {number(_TOP - 14)}V{number(bottom)}", "grid"), _under(tick, bottom)]
    return found


def _under(tick: Tick, bottom: float) -> Text:
    return Text(tick.at, bottom + 16, tick.label, "middle", "tick")


def _stage(stage: Stage, y: float, steps: Scale, rates: Scale) -> list[Shape]:
    middle = y + ROW / 2
    left = place(steps, stage.start_us, *_STEPS)
    right = max(place(steps, stage.start_us + stage.allowed_us, *_STEPS), left + 2)
    look = f"step {stage.priority}" + (" unmeasured" if stage.measured_us is None else "")
    name = ("▲ " if stage.priority == "critical" else "") + short(stage.name, 30)
    shapes: list[Shape] = [
        Text(_STEPS[0] - 14, middle + 4, name, "end", f"name {stage.priority}"),
        Box(left, y + 7, right - left, ROW - 14, look, f"{short(stage.name, 80)}: allowed {duration(stage.allowed_us * 1e3)}"),
        Path(f"M{number(right)} {number(y + 7)}V{number(y + ROW + 7)}", "stair"),
    ]
    return shapes + _against(
        stage.allowed_us, stage.measured_us, stage.before_us, stage.verdict, stage.measured_text, middle, rates
    )


def _against(
    allowed_us: float, measured_us: float | None, before_us: float | None, verdict: str, text: str, y: float, rates: Scale
) -> list[Shape]:
    at = place(rates, allowed_us, *_RATES)
    found: list[Shape] = []
    if before_us is not None:
        before = place(rates, before_us, *_RATES)
        found.append(Path(marker(2, before, y, 3.5), "before", f"another engine profile: {duration(before_us * 1e3)}"))
    if measured_us is None:
        found.append(
            Text(_RATES[1] + 8, y + 4, "not measured" if text in {"", "–"} else short(text, 16), "start", "value muted")
        )
    else:
        x, state = place(rates, measured_us, *_RATES), "over" if verdict == "over" else "within"
        found += [
            Path(f"M{number(x)} {number(y)}H{number(at)}", f"link {state}"),
            Path(marker(3 if state == "over" else 0, x, y, 5), f"point {state}", f"measured {short(text, 80)}"),
            Text(_RATES[1] + 8, y + 4, short(text, 16), "start", f"value {state}"),
        ]
    return [*found, Path(f"M{number(at)} {number(y - 10)}v20", "allowed", f"allowed {duration(allowed_us * 1e3)}")]


def _last_rows(view: Waterfall, y: float, steps: Scale, rates: Scale) -> list[Shape]:
    found: list[Shape] = []
    if view.unallotted_us > 0:
        left = place(steps, view.total_us - view.unallotted_us, *_STEPS)
        room = duration(view.unallotted_us * 1e3)
        found += [
            Text(_STEPS[0] - 14, y + ROW / 2 + 4, "not given to a stage", "end", "name muted"),
            Box(left, y + 7, place(steps, view.total_us, *_STEPS) - left, ROW - 14, "step spare", f"{room} left over"),
            Text(_RATES[0], y + ROW / 2 + 4, f"{room} left over", "start", "value muted"),
        ]
        y += ROW
    middle = y + ROW / 2
    measured = view.total_measured_us
    verdict = "over" if measured is not None and measured > view.total_us else "within"
    text = "not measured" if measured is None else duration(measured * 1e3)
    found += [
        Text(_STEPS[0] - 14, middle + 4, short(view.total_name, 30), "end", "name total"),
        Box(_STEPS[0], y + 11, place(steps, view.total_us, *_STEPS) - _STEPS[0], ROW - 22, "step total"),
    ]
    return found + _against(view.total_us, measured, None, verdict, text, middle, rates)
