"""`tickbench jitter`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tickbench.cli._options import Seconds, json_option

if TYPE_CHECKING:
    from tickbench.measure.jitter import CoreJitter

SCHEMA = "tickbench.jitter/1"
_SHOWN = ("50", "99", "99.9")


@click.command(name="jitter", short_help="How much time each core loses while it only reads the clock.")
@click.option("-d", "--duration", "seconds", type=Seconds(), default=1.0, show_default=True, help="Seconds for each core.")
@json_option
def command(seconds: float, as_json: bool) -> None:
    """Spin on the clock on every allowed core and show the gaps above 1 us: what this machine takes from any program."""
    from tickbench.cli._output import emit_json, emit_rich
    from tickbench.measure.jitter import GAP_NS, measure_jitter
    from tickbench.render.tables import plain_table

    rows = [_row(one) for one in measure_jitter(seconds)]
    if as_json:
        emit_json(SCHEMA, gap_ns=GAP_NS, seconds=seconds, cores=rows)
        return
    columns = list(rows[0])
    cells = [[_cell(row[name]) for name in columns] for row in rows]
    emit_rich([plain_table([name.replace("_", " ") for name in columns], cells, right=list(range(len(columns))))])


def _row(one: CoreJitter) -> dict[str, float | None]:
    gaps = one.gaps
    values = gaps.percentiles(_SHOWN) if gaps.count else [None] * len(_SHOWN)
    return {
        "cpu": one.cpu,
        "gaps": gaps.count,
        "lost_percent": round(one.lost_percent, 4),
        **{f"gap_p{name}_ns": value for name, value in zip(_SHOWN, values, strict=True)},
        "gap_max_ns": gaps.max_ns if gaps.count else None,
    }


def _cell(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.3f}" if isinstance(value, float) else f"{value:,}"
