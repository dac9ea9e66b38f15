"""The strip of key figures at the head of a page: a number, what it counts, and whether it needs attention."""

from collections.abc import Iterator
from dataclasses import dataclass

from tickbench.render.charts.ratios import state_of
from tickbench.render.view.model import Report


@dataclass(frozen=True)
class KeyFigure:
    """One box of the strip; `state` is good, bad or calm; `section` is the id of the part of the page that tells more."""

    name: str
    text: str
    note: str
    state: str
    section: str


def key_figures(report: Report) -> tuple[KeyFigure, ...]:
    """The figures that a lead reads first; parts that a run has nothing for are left out."""
    return tuple(_figures(report))


def _figures(report: Report) -> Iterator[KeyFigure]:
    if report.waterfall and report.waterfall.total_us > 0 and report.waterfall.total_measured_us is not None:
        measured, total = report.waterfall.total_measured_us, report.waterfall.total_us
        state = "good" if measured <= total else "bad"
        yield KeyFigure(
            "of the latency budget", f"{measured / total:.1%}", f"{measured:,.4g} of {total:,.4g} µs", state, "budgets"
        )
    if report.budgets:
        within = sum(row.verdict == "within" for row in report.budgets)
        over = sum(row.verdict == "over" for row in report.budgets)
        note = f"{over} over, {len(report.budgets) - within - over} not measured"
        yield KeyFigure(
            "budgets kept",
            f"{within} of {len(report.budgets)}",
            note,
            "bad" if over else "good" if within else "calm",
            "budgets",
        )
    if report.claims:
        good = sum(state_of(row.verdict) == "good" for row in report.claims)
        bad = sum(state_of(row.verdict) == "bad" for row in report.claims)
        note = f"{bad} not, {len(report.claims) - good - bad} open"
        yield KeyFigure("claims confirmed", f"{good} of {len(report.claims)}", note, "calm", "claims")
    if report.comparison:
        bad = sum(state_of(row.verdict) == "bad" for row in report.comparison.rows)
        note = f"of {len(report.comparison.rows)} findings against {report.comparison.base[:40]}"
        yield KeyFigure("regressions", str(bad), note, "bad" if bad else "good", "comparison")
    rows = [row for scenario in report.scenarios for row in scenario.rows]
    disturbed, rounds = sum(row.disturbed for row in rows), sum(row.rounds for row in rows)
    yield KeyFigure("scenarios", str(len(report.scenarios)), f"{len(rows)} variants in {rounds} workers", "calm", "scenarios")
    if rounds:
        yield KeyFigure("disturbed", str(disturbed), f"of {rounds} workers", "calm", "machine")
