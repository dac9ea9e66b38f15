"""`tickbench budgets`."""

from __future__ import annotations

from pathlib import Path

import click

from tickbench.cli._options import json_option

SCHEMA = "tickbench.budgets/1"


@click.command(name="budgets", short_help="Judge the budgets by what a run measured.")
@click.argument("run", metavar="RUN")
@click.option("--budgets", "budgets", metavar="FILE", help="Budgets of your own, in place of the plan's.")
@json_option
def command(run: str, budgets: str | None, as_json: bool) -> None:
    """Judge each budget by the run file RUN (`tickbench run budgets -o RUN` makes one).

    Each is within, over, or not measured with the reason and the remedy. The exit status is 0 whatever the verdicts.
    """
    from tickbench.cli._output import emit, emit_json, emit_rich
    from tickbench.measure.budgets import budgets_file, judge_run, read_budgets
    from tickbench.render.budgets import budget_rows, budget_tables, tally
    from tickbench.results.run_file import load

    findings = judge_run(load(Path(run)), read_budgets(Path(budgets) if budgets else budgets_file()))
    if as_json:
        emit_json(SCHEMA, budgets=budget_rows(findings))
        return
    emit_rich(budget_tables(findings))
    emit("")
    emit(tally(findings))
