"""From the options of a verb to the view of a run: what is judged, compared and remembered."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tickbench.render.view.model import Report


def build(
    run: str,
    *,
    baseline: str | None = None,
    comparison: str | None = None,
    budgets: str | None = None,
    claims: str | None = None,
    shift: float | None = None,
) -> Report:
    """The report of the run file `run`; raises UsageError or InputError in one line."""
    from tickbench.cli._compare_runs import resolve, shift_of
    from tickbench.errors import UsageError
    from tickbench.measure.budgets import budgets_file, judge_run, read_budgets
    from tickbench.measure.gate import decide, read_comparison
    from tickbench.measure.history import series_of_run
    from tickbench.measure.ledger import claims_file, read_claims
    from tickbench.measure.ledger import judge_run as judge_claims
    from tickbench.measure.since import with_since
    from tickbench.measure.stored import compare_runs
    from tickbench.render.view.build import build_report
    from tickbench.results.run_file import load

    if baseline and comparison:
        raise UsageError("--baseline and --comparison are two ways to compare: give one")
    loaded = load(resolve(run))
    base = load(resolve(baseline)) if baseline else None
    compared = read_comparison(Path(comparison)) if comparison else None
    if base and loaded.measurements:
        compared = compare_runs(base, loaded, str(baseline), run, shift=shift_of(shift))
    judged = judge_run(loaded, read_budgets(Path(budgets) if budgets else budgets_file()))
    promised = judge_claims(loaded, read_claims(Path(claims) if claims else claims_file()))
    gate = decide(loaded, run, judged, compared, budgets_file=budgets)
    history = series_of_run(loaded, judged, promised)
    return build_report(loaded, run, gate=with_since(gate, loaded), claims=promised, baseline=base, history=history)
