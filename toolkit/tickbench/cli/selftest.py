"""`tickbench selftest`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tickbench.cli._options import Name, Seconds, json_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tickbench.analysis.certificate import Gate
    from tickbench.measure.certificate import Certificate
    from tickbench.measure.observer import Observer
    from tickbench.measure.plan import Entry

_CELLS = ("idle", "one CPU hog", "two CPU hogs", "memory hog", "spikes of 10 ms")
SUITE = "selftest"
QUICK_SECONDS, FULL_SECONDS = 110.0, 3600.0


@click.command(name="selftest", short_help="Certify what comparisons on this machine are worth.")
@click.option("--quick", is_flag=True, help="Two minutes, without neighbours; else an hour, with them.")
@click.option("--seconds", type=Seconds(), metavar="S", help="As long as this.")
@click.option("--cell", "cells", multiple=True, type=Name(_CELLS), help=f"Only beside these: {', '.join(_CELLS)} (repeatable).")
@click.option("--log", metavar="FILE", help="Append each gate to this file, and count those that are in it already.")
@json_option
def command(quick: bool, seconds: float | None, cells: Sequence[str], log: str | None, as_json: bool) -> int:
    """Make complete comparisons with a known truth: identical code, and one side slowed by 1, 2, 3, 5 or 10 %.

    What comes out is this machine's certificate: the rate of false alarms with its bound, the power to find each slowdown, the
    bias, the time to a verdict, the harness's own cost. It is kept, and told in the provenance of every later run.
    """
    import secrets

    from tickbench.cli._output import complain
    from tickbench.cli._progress import ProgressLines
    from tickbench.errors import EXIT_INTERRUPTED, EXIT_PASSED
    from tickbench.measure import certificate
    from tickbench.measure.pairing import selftest

    gates = _logged(Path(log)) if log else []
    chosen = list(cells) or (["idle"] if quick else list(selftest.CELLS))
    handovers_us: list[float] = []
    status = EXIT_PASSED
    with ProgressLines() as progress:

        def done(gate: Gate) -> None:
            gates.append(gate)
            if log:
                _append(Path(log), gate)
            progress.done(f"{gate.cell}: {gate.subject} x {gate.slowdown}: {gate.verdict}, {gate.ratio - 1:+.2%}")

        try:
            limit_s = seconds or (QUICK_SECONDS if quick else FULL_SECONDS)
            subjects = {**selftest.loops(), **selftest.compiled(_entries(progress))}
            progress.stage("gates", 0)
            handovers_us = selftest.run_gates(subjects, chosen, limit_s, secrets.randbits(31), progress, done)
        except KeyboardInterrupt:
            complain(f"interrupted after {len(gates)} gates")
            status = EXIT_INTERRUPTED
    found = certificate.summarise(gates, handovers_us, _clock())
    _show(found, as_json)
    if gates:
        certificate.keep(found)
    return status


def _entries(progress: Observer) -> Sequence[Entry]:
    from tickbench.cli._requests import find_scenarios
    from tickbench.measure import runner

    return runner.look_up(runner.Request(scenarios=find_scenarios([SUITE])), progress).entries


def _show(found: Certificate, as_json: bool) -> None:
    import msgspec

    from tickbench.cli._output import emit_json, emit_rich
    from tickbench.measure.certificate import SCHEMA
    from tickbench.render.certificate import certificate_tables

    if as_json:
        content = msgspec.to_builtins(found)
        content.pop("schema")
        emit_json(SCHEMA, **content)
    else:
        emit_rich(certificate_tables(found))


def _clock() -> dict[str, str | float]:
    from tickbench.kernels.clock import calibrate

    clock = calibrate()
    return {"source": clock.source_name, "read_cost_ns": clock.read_cost_ns, "error_ppm": clock.error_ppm}


def _logged(path: Path) -> list[Gate]:
    import msgspec

    from tickbench.analysis.certificate import Gate
    from tickbench.errors import InputError

    if not path.exists():
        return []
    try:
        return [msgspec.json.decode(line, type=Gate) for line in path.read_bytes().splitlines()]
    except (OSError, msgspec.MsgspecError) as error:
        raise InputError(f"--log {path}: this is not a log of gates: {error}") from error


def _append(path: Path, gate: Gate) -> None:
    import msgspec

    from tickbench.errors import InputError

    try:
        with path.open("ab") as file:
            file.write(msgspec.json.encode(gate) + b"\n")
    except OSError as error:
        raise InputError(f"--log {path}: {error.strerror or error}") from error
