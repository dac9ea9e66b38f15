"""What the machine took from the workers."""

import statistics
from collections.abc import Callable, Sequence

from tickbench.render.numbers import quantity
from tickbench.render.summary import Row
from tickbench.render.tables import three_digits
from tickbench.render.view.model import NoiseRow
from tickbench.results.run_file import Measurement


def _percent(value: float) -> str:
    return f"{value:.2g} %" if value < 10 else f"{value:.0f} %"


def _time(value: float) -> str:
    return quantity(value, "ns")


_SHOWN: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("lost", "lost_percent", _percent),
    ("steal", "steal_ns", _time),
    ("waited for a core", "run_queue_wait_ns", _time),
    ("longest gap in a spin", "spin_gap_max_ns", _time),
    ("involuntary switches", "involuntary_switches", three_digits),
    ("migrations", "cpu_migrations", three_digits),
    ("major faults", "major_faults", three_digits),
)


def noise_rows(rows: Sequence[Row]) -> tuple[NoiseRow, ...]:
    """One a variant: the median of its rounds and the worst; a value that the machine would not tell has no cell."""
    return tuple(
        NoiseRow(
            row.variant.name,
            tuple(cell for name, key, text in _SHOWN if (cell := _cell(row.measured, name, key, text))),
            sum(one.tries for one in row.measured),
            row.disturbed,
        )
        for row in rows
    )


def _cell(measured: Sequence[Measurement], name: str, key: str, text: Callable[[float], str]) -> tuple[str, str] | None:
    values = [value for one in measured if (value := one.noise.get(key)) is not None]
    if not values:
        return None
    median, worst = text(statistics.median(values)), text(max(values))
    return name, median if median == worst else f"{median} (worst {worst})"
