"""`tickbench top`."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tickbench.cli._options import Seconds, json_option

if TYPE_CHECKING:
    from tickbench.live.watch import Watch

SCHEMA = "tickbench.top/1"


@click.command(name="top", short_help="Watch the probe page of a live engine, or of one that died.")
@click.argument("engine", metavar="PID|NAME")
@click.option("--once", is_flag=True, help="Show one look and leave; also where stdout is no terminal.")
@click.option("-i", "--interval", "seconds", type=Seconds(), default=1.0, show_default=True, help="Seconds between looks.")
@click.option("--budgets", "budgets", metavar="FILE", help="Budgets of your own, in place of the plan's.")
@json_option
def command(engine: str, once: bool, seconds: float, budgets: str | None, as_json: bool) -> None:
    """Show each histogram of the probe page of PID, or of the application NAME: now, since the start, against its budget.

    Works as the user that the engine runs as, without further rights, and stops nothing. Of a dead engine it shows what the
    page held last, and the operation that was in flight. `q` quits.
    """
    from tickbench.cli._output import emit_json, emit_rich
    from tickbench.live.target import Target
    from tickbench.live.watch import Watch, watch_for
    from tickbench.measure.budgets import budgets_file, read_budgets
    from tickbench.render.live import look_tables

    limits = read_budgets(Path(budgets) if budgets else budgets_file())
    target = Target(engine)
    if as_json:
        emit_json(SCHEMA, look=watch_for(target, limits, seconds))
    elif once or not sys.stdout.isatty():
        emit_rich(look_tables(watch_for(target, limits, seconds)))
    else:
        _show(Watch(target, limits), seconds)


def _show(watch: Watch, seconds: float) -> None:
    """Draw again and again until `q`."""
    from rich.console import Group
    from rich.live import Live

    from tickbench.cli._output import make_console
    from tickbench.render.live import look_tables

    console = make_console()
    with _keys() as pressed, Live(console=console, screen=True, auto_refresh=False) as screen:
        while True:
            screen.update(Group(*look_tables(watch.look(), console.width)), refresh=True)
            if pressed(seconds) == "q":
                return


@contextmanager
def _keys() -> Iterator[Callable[[float], str]]:
    """A function that waits so many seconds for a key; the terminal is as before afterwards."""
    import termios
    import tty

    if not sys.stdin.isatty():
        yield _no_key
        return
    file, before = sys.stdin.fileno(), termios.tcgetattr(sys.stdin.fileno())
    try:
        tty.setcbreak(file)
        yield _key
    finally:
        termios.tcsetattr(file, termios.TCSADRAIN, before)


def _key(seconds: float) -> str:
    """The key that was pressed within so many seconds, or nothing."""
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return os.read(sys.stdin.fileno(), 1).decode("latin-1") if ready else ""


def _no_key(seconds: float) -> str:
    time.sleep(seconds)
    return ""
