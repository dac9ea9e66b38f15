"""From a run and what was judged of it to the view that pages, figures and terminals show."""

from collections.abc import Iterable, Sequence

from tickbench.measure.budgets import BudgetFinding
from tickbench.measure.gate import Gate
from tickbench.measure.history import Series
from tickbench.measure.ledger import Finding
from tickbench.render.budgets import tally as budget_tally
from tickbench.render.ledger import tally as claim_tally
from tickbench.render.summary import sections
from tickbench.render.view.budgets import budget_rows, waterfall_of
from tickbench.render.view.claims import claim_rows
from tickbench.render.view.comparison import comparison_of
from tickbench.render.view.facts import certificate_lines, facts_of
from tickbench.render.view.heatmap import MOST_COLUMNS, PAGE_COLUMNS, maps_a_scenario
from tickbench.render.view.history import history_series
from tickbench.render.view.memory import memory_rows
from tickbench.render.view.method import method_of
from tickbench.render.view.model import Report, ScenarioView
from tickbench.render.view.scenarios import curves_of, scenario_view
from tickbench.render.view.sweeps import sweeps_of
from tickbench.render.view.texts import anchors, shortened
from tickbench.render.view.verdict import verdict_of
from tickbench.results.run_file import Run


def build_report(
    run: Run,
    name: str,
    *,
    gate: Gate,
    claims: Sequence[Finding] = (),
    baseline: Run | None = None,
    history: Sequence[Series] = (),
) -> Report:
    """All that is said of a run called `name`. `baseline` gives the dashed curves; `gate` holds budgets and the comparison.

    Raises InputError, with the measurement, for a histogram that cannot be read.
    """
    return shortened(
        Report(
            title=f"tickbench: {name}",
            run=name,
            verdict=verdict_of(run, gate),
            budgets=budget_rows(gate.budgets),
            budgets_summary=budget_tally(gate.budgets) if gate.budgets else "no budgets were asked for",
            waterfall=waterfall_of(gate.budgets),
            claims=claim_rows(claims),
            claims_summary=claim_tally(claims) if claims else "no promises were asked for",
            comparison=comparison_of(gate.comparison),
            scenarios=_scenarios(run, gate.budgets, baseline),
            sweeps=sweeps_of(run),
            memory=memory_rows(run, gate.budgets),
            history=history_series(history),
            facts=facts_of(run),
            certificate=certificate_lines(run),
            method=method_of(run),
        )
    )


def _scenarios(run: Run, budgets: Iterable[BudgetFinding], baseline: Run | None) -> tuple[ScenarioView, ...]:
    before = curves_of(sections(baseline)) if baseline else {}
    places = {id(one): index for index, one in enumerate(run.measurements)}
    maps = maps_a_scenario(len(run.scenarios))
    columns = min(PAGE_COLUMNS // (maps * max(len(run.scenarios), 1)), MOST_COLUMNS)
    names = anchors(one.id for one in run.scenarios)
    return tuple(
        scenario_view(section, anchor, budgets, before, places, (maps, columns))
        for section, anchor in zip(sections(run), names, strict=True)
    )
