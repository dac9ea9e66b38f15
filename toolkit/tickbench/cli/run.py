"""`tickbench run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tickbench.cli._options import Seconds, scenario_arguments

if TYPE_CHECKING:
    from pathlib import Path

    from tickbench.results.run_file import Run


@click.command(name="run", short_help="Verify variants, then measure them in interleaved rounds.")
@scenario_arguments
@click.option(
    "--rounds",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Fresh processes a variant, instead of the scenarios' number.",
)
@click.option("--seconds", type=Seconds(), metavar="S", help="Measured time a round, instead of the scenarios'.")
@click.option(
    "--threads",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Writing threads of the multi-threaded scenarios, instead of theirs.",
)
@click.option("-o", "--output", metavar="RUN.json", help="The run file; by default a new one in results/.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31 - 1),
    metavar="N",
    help="Repeats the order and the load plans of an earlier run.",
)
@click.option(
    "--timeout",
    type=Seconds(),
    metavar="S",
    help="Longest time that a worker may take, instead of 60 s and 10 times the measured.",
)
@click.option("--no-history", is_flag=True, help="Do not add this run to the history.")
def command(output: str | None, seed: int | None, timeout: float | None, no_history: bool, **chosen: object) -> int:
    """Verify variants, then measure them, and show a table.

    SCENARIO is a suite (by default smoke), a scenario's id or the last part of it, a component, or a .toml file of your own.
    Each number comes from a fresh process; each round runs all variants in a new order.
    """
    import secrets
    import sys

    from tickbench.cli._progress import ProgressLines
    from tickbench.cli._requests import find_scenarios, output_path
    from tickbench.measure import runner

    scenarios = find_scenarios(**chosen)  # type: ignore[arg-type]  # click's names and types
    path = output_path(output, scenarios)
    request = runner.Request(
        scenarios=scenarios,
        variants=tuple(chosen["variants"]),  # type: ignore[arg-type]
        impls=tuple(chosen["impls"]),  # type: ignore[arg-type]
        seed=secrets.randbits(31) if seed is None else seed,
        command=["tickbench", *sys.argv[1:]],
        timeout_s=timeout,
    )
    with ProgressLines() as progress:
        run = runner.run(request, path, progress)
    _show(run, path)
    if not no_history:
        _remember(run, path)
    return runner.exit_status(run)


def _show(run: Run, path: Path) -> None:
    from tickbench.cli._output import complain, emit, emit_rich
    from tickbench.render.terminal import run_tables

    emit_rich(run_tables(run))
    facts = run.provenance
    clock = facts.clock
    emit("")
    emit(
        f"clock {clock.source}, a reading costs {clock.read_cost_ns:.1f} ns, a record {clock.recorder_cost_ns:.1f} ns; "
        f"kernels compiled {facts.kernel_cache_misses}; rounds repeated {facts.repeated_workers}; seed {facts.seed}"
    )
    if clock.refusal:
        emit(f"not the time-stamp counter: {clock.refusal}")
    if told := facts.certificate:
        emit(
            f"selftest of this machine: {told['false_alarms']} false alarms in {told['null_gates']} comparisons of "
            f"identical code (at most {told['false_alarm_bound']:.1%})"
        )
    emit(f"run file: {path} (histograms, noise and provenance of every round)")
    if facts.interrupted:
        complain(f"interrupted: {len(run.measurements)} measurements are saved in {path}")


def _remember(run: Run, path: Path) -> None:
    """Append to the history; what goes wrong there is told and changes nothing about the run.

    Neither does a Ctrl-C while another writer is waited for: the run is complete by then, and its exit status stands.
    """
    import shlex

    from tickbench.cli._output import complain
    from tickbench.errors import TickbenchError
    from tickbench.results.history import is_off, open_history

    if is_off():
        return
    later = f"{path} is safe: tickbench history --add {shlex.quote(str(path))} adds it later"
    try:
        with open_history() as history:
            added = history.append(run, path)
    except TickbenchError as error:
        complain(f"{error}; this run was not recorded there, {later}")
    except KeyboardInterrupt:
        complain(f"interrupted while the history was written; if this run was not recorded there, {later}")
    else:
        if not added:
            complain("this run was not recorded in the history: it holds no measurement")
