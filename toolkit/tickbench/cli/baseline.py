"""`tickbench baseline`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tickbench.cli._options import json_option

if TYPE_CHECKING:
    from tickbench.errors import InputError
    from tickbench.results.run_file import Run

SCHEMA = "tickbench.baselines/1"


@click.group(name="baseline", short_help="Keep runs under a name, to compare later ones with.")
def command() -> None:
    """Keep runs under a name, to compare later ones with: plain copies in .tickbench/baselines/, made to be committed."""


@command.command(name="save")
@click.argument("name", metavar="NAME")
@click.argument("run", metavar="RUN")
@click.option("--force", is_flag=True, help="Replace the baseline of that name.")
def save_command(name: str, run: str, force: bool) -> None:
    """Keep a copy of the run file RUN as NAME."""
    from tickbench.cli._output import emit
    from tickbench.results.baselines import save

    emit(f"saved: {save(name, Path(run), force=force)}")


@command.command(name="list")
@json_option
def list_command(as_json: bool) -> None:
    """All baselines of this project."""
    from tickbench.cli._output import complain, emit, emit_json, emit_rich
    from tickbench.errors import InputError
    from tickbench.render.tables import plain_table
    from tickbench.results.baselines import read_all

    found = list(read_all())
    if as_json:
        emit_json(SCHEMA, baselines=[_row(*one) for one in found])
        return
    if not found:
        emit("no baselines: tickbench baseline save NAME RUN.json makes one")
        return
    whole = [_row(*one) for one in found if not isinstance(one[2], InputError)]
    columns = ("name", "started_at", "revision", "machine", "scenarios", "measurements")
    emit_rich([plain_table(columns, ([_cell(row[key]) for key in columns] for row in whole), right=(4, 5))])
    for _name, _path, error in found:
        if isinstance(error, InputError):
            complain(str(error))


@command.command(name="show")
@click.argument("name", metavar="NAME")
@json_option
def show_command(name: str, as_json: bool) -> None:
    """What the baseline NAME holds."""
    from tickbench.cli._output import emit_json, emit_rich
    from tickbench.render.terminal import facts, run_tables
    from tickbench.results.baselines import named
    from tickbench.results.run_file import load

    path = named(name)
    run = load(path)
    row = _row(name, path, run)
    if as_json:
        emit_json(SCHEMA, baselines=[row])
        return
    emit_rich([facts({key: _cell(value) for key, value in row.items()}), *run_tables(run)])


@command.command(name="remove")
@click.argument("name", metavar="NAME")
def remove_command(name: str) -> None:
    """Delete the baseline NAME."""
    from tickbench.cli._output import emit
    from tickbench.results.baselines import remove

    emit(f"removed: {remove(name)}")


def _row(name: str, path: Path, run: Run | InputError) -> dict[str, object]:
    """What is told of a baseline; only its name, path and fault when it cannot be read."""
    from tickbench.errors import InputError
    from tickbench.results.history_points import machine_class

    if isinstance(run, InputError):
        return {"name": name, "path": str(path), "error": str(run)}
    facts = run.provenance
    return {
        "name": name,
        "path": str(path),
        "started_at": facts.started_at,
        "revision": facts.revision,
        "clean": facts.clean,
        "machine": machine_class(facts),
        "scenarios": len(run.scenarios),
        "measurements": len(run.measurements),
    }


def _cell(value: object) -> str:
    return "–" if value is None else str(value)
