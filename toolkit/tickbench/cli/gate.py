"""`tickbench gate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tickbench.cli._options import FORMATS, Name, shift_option

if TYPE_CHECKING:
    from tickbench.analysis.verdicts import Comparison
    from tickbench.results.run_file import Run


@click.command(name="gate", short_help="Budgets and regressions of a run: the exit status is the answer.")
@click.argument("run", metavar="RUN")
@click.option("--baseline", metavar="NAME|FILE", help="Look for regressions against this baseline or run file.")
@click.option("--comparison", metavar="CMP.json", help="Or against what tickbench compare --revision … --json -o wrote.")
@click.option("--budgets", metavar="FILE", help="Budgets of your own, in place of the plan's.")
@click.option("--strict", is_flag=True, help="A critical budget that was not measured fails as well (exit status 3).")
@shift_option
@click.option("--format", "form", type=Name(FORMATS), default="table", help=f"One of {', '.join(FORMATS)}.")
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to the terminal.")
def command(
    run: str,
    baseline: str | None,
    comparison: str | None,
    budgets: str | None,
    strict: bool,
    shift: float | None,
    form: str,
    output: str | None,
) -> int:
    """Judge the budgets by the run file RUN, and its regressions against a baseline or by a comparison.

    Exit status: 0 passed; 1 a budget is over, a regression, a wrong answer; 2 nothing was judged; 3 the measurement is invalid.
    """
    from tickbench.cli._output import emit, write_document
    from tickbench.errors import UsageError
    from tickbench.measure.budgets import budgets_file, judge_run, read_budgets
    from tickbench.measure.gate import decide, read_comparison
    from tickbench.measure.since import with_since
    from tickbench.measure.stored import NotComparableError
    from tickbench.render.gate import gate_document
    from tickbench.results.run_file import load

    if baseline and comparison:
        raise UsageError("--baseline and --comparison are two ways to look for regressions: give one")
    loaded = load(Path(run))
    compared = read_comparison(Path(comparison)) if comparison else None
    uncompared = ""
    if baseline and loaded.measurements:
        try:
            compared = _against(baseline, loaded, run, shift)
        except NotComparableError as error:  # the budgets are judged all the same
            uncompared = str(error)
    judged = judge_run(loaded, read_budgets(Path(budgets) if budgets else budgets_file()))
    answer = decide(loaded, run, judged, compared, budgets_file=budgets, strict=strict, uncompared=uncompared)
    document = gate_document(with_since(answer, loaded), form)
    if output:
        write_document(document + "\n", output)
    else:
        emit(document)
    return answer.exit_status


def _against(baseline: str, loaded: Run, run: str, shift: float | None) -> Comparison:
    from tickbench.cli._compare_runs import resolve, shift_of
    from tickbench.measure.stored import compare_runs
    from tickbench.results.run_file import load

    return compare_runs(load(resolve(baseline)), loaded, baseline, run, shift=shift_of(shift))
