"""`tickbench claims`."""

from __future__ import annotations

from pathlib import Path

import click

from tickbench.cli._options import json_option

SCHEMA = "tickbench.claims/1"


@click.command(name="claims", short_help="Judge the plan's promises by what a run measured.")
@click.argument("run", metavar="RUN")
@click.option("--claims", "claims", metavar="FILE", help="Promises of your own, in place of the plan's.")
@json_option
def command(run: str, claims: str | None, as_json: bool) -> None:
    """Judge each promise of the optimisation plan by the run file RUN (`tickbench run claims -o RUN` makes one).

    Each is confirmed, partly, refuted, or not testable here with the reason. The exit status is 0 whatever the verdicts.
    """
    from tickbench.cli._output import emit, emit_json, emit_rich
    from tickbench.measure.ledger import claims_file, judge_run, read_claims
    from tickbench.render.ledger import claim_rows, claim_tables, tally
    from tickbench.results.run_file import load

    findings = judge_run(load(Path(run)), read_claims(Path(claims) if claims else claims_file()))
    if as_json:
        emit_json(SCHEMA, claims=claim_rows(findings))
        return
    emit_rich(claim_tables(findings))
    emit("")
    emit(tally(findings))
