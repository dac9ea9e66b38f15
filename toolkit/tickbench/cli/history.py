"""`tickbench history`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tickbench.cli._options import json_option

if TYPE_CHECKING:
    from tickbench.results.history import History, Known

SCHEMA = "tickbench.history/1"


@click.command(name="history", short_help="How scenarios went over the runs, and where their level changed.")
@click.argument("scenario", required=False)
@click.option("--variant", metavar="V", help="Only this variant.")
@click.option("--metric", default="p50", show_default=True, metavar="M", help="throughput, p50, p99, p99.9 or a counter.")
@click.option("--machine", metavar="CLASS", help="Another machine class than this one's.")
@click.option("--add", multiple=True, metavar="RUN.json", help="First add this run file (repeatable).")
@json_option
def command(
    scenario: str | None, variant: str | None, metric: str, machine: str | None, add: tuple[str, ...], as_json: bool
) -> None:
    """Show how SCENARIO went over the runs of one machine class, with change points; without it, which scenarios there are.

    Every `tickbench run` adds to the history: .tickbench/history.db, or the database that TICKBENCH_HISTORY names.
    """
    from tickbench.cli._output import emit, emit_json
    from tickbench.results.history import open_history
    from tickbench.results.run_file import load

    with open_history() as history:
        for name in add:
            new = history.append(load(Path(name)), Path(name))
            if not as_json:
                emit(f"{name}: {'added' if new else 'nothing to add: in the history already, or without a measurement'}")
        if scenario is not None:
            _show(history, scenario, variant, metric, machine, as_json)
        elif as_json:
            emit_json(SCHEMA, scenarios=history.scenarios())
        elif not add:
            emit("\n".join(history.scenarios()) or f"the history {history.where} is empty: tickbench run adds to it")


def _show(history: History, scenario: str, variant: str | None, metric: str, machine: str | None, as_json: bool) -> None:
    from tickbench.cli._output import emit, emit_json, emit_rich
    from tickbench.errors import UsageError
    from tickbench.measure.history import read_series
    from tickbench.registry import unknown_name
    from tickbench.render.history import series_parts, series_rows

    known = history.known(scenario)
    if not known:
        raise UsageError(unknown_name("scenario in the history", scenario, history.scenarios()))
    for kind, wanted in (("variant", variant), ("metric", metric), ("machine", machine)):
        if wanted is not None and wanted not in (names := {str(getattr(one, kind)) for one in known}):
            raise UsageError(f"{scenario}: {unknown_name(kind, wanted, names)}")
    chosen, others = _machine(known, machine)
    variants = sorted({one.variant for one in known if one.machine == chosen and one.metric == metric})
    found = [read_series(history, scenario, one, metric, chosen) for one in variants if variant in (None, one)]
    if as_json:
        emit_json(SCHEMA, machine=chosen, other_machines=others, series=[series_rows(one) for one in found])
        return
    emit(f"machine class: {chosen}")
    emit_rich(part for one in found for part in series_parts(one))
    for one in others:
        emit(f"not shown: runs of {one} (--machine {one!r})")


def _machine(known: list[Known], wanted: str | None) -> tuple[str, list[str]]:
    """The class to show, by default this machine's, else the one that ran last; and the others."""
    from tickbench.measure.history import this_machine

    classes = {one.machine for one in known}
    chosen = wanted or this_machine()
    if chosen not in classes:
        chosen = max(known, key=lambda one: one.last).machine
    return chosen, sorted(classes - {chosen})
