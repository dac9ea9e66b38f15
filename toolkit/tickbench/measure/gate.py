"""The gate: what a run says of its budgets and of a comparison, as one answer.

A build fails for what is shown: a wrong answer, a budget whose confidence bound is broken, a regression whose whole interval
lies beyond the tolerance. A budget that somebody else keeps (priority external) is told and never fails. A gate that judged
nothing is dead, which is an error of its own: it must not stay green because a name in it is wrong.
"""

import math
import shlex
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from tickbench import errors
from tickbench.analysis.verdicts import SCHEMA, Comparison, Finding, percent, place_of
from tickbench.errors import InputError
from tickbench.measure.budgets import BudgetFinding
from tickbench.measure.runner import failed_verification
from tickbench.results.run_file import Failure, Run, explain

Kind = Literal["wrong", "budget", "regression", "invalid", "dead"]
_STATUS: dict[Kind, int] = {
    "wrong": errors.EXIT_GATE_FAILED,
    "budget": errors.EXIT_GATE_FAILED,
    "regression": errors.EXIT_GATE_FAILED,
    "invalid": errors.EXIT_INVALID_MEASUREMENT,
    "dead": errors.EXIT_BAD_INPUT,
}
_REPRODUCED = "again.json"
_NOT_LOOKED_AT = "regressions were not looked at: give --baseline NAME|FILE or --comparison CMP.json"


@dataclass(frozen=True)
class Line:
    """One reason why the gate does not pass: what, where, by how much, and the command that shows it again.

    `metric` of a regression and `budget`, the id of a line that is over, are for programs; `since` is told by the history.
    """

    kind: Kind
    scenario: str
    variant: str
    text: str
    reproduce: str = ""
    metric: str = ""
    budget: str = ""
    since: str = ""


@dataclass(frozen=True)
class Gate:
    """The answer: `lines` are what fails, the worst first; `remarks` what a reader should know besides."""

    run: str
    lines: tuple[Line, ...]
    remarks: tuple[str, ...]
    budgets: tuple[BudgetFinding, ...]
    comparison: Comparison | None

    @property
    def exit_status(self) -> int:
        """1 before 3 before 2: what is proved counts, whatever else went wrong."""
        found = {_STATUS[one.kind] for one in self.lines}
        order = (errors.EXIT_GATE_FAILED, errors.EXIT_INVALID_MEASUREMENT, errors.EXIT_BAD_INPUT)
        return next((status for status in order if status in found), errors.EXIT_PASSED)

    @property
    def passed(self) -> bool:
        """Whether nothing fails."""
        return not self.lines


def read_comparison(path: Path) -> Comparison:
    """A comparison that `tickbench compare --json` wrote; raises InputError that names the file and the key."""
    try:
        document = msgspec.json.decode(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read the comparison {path}: {error.strerror or error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: not a whole JSON document ({error}): was the file cut off?") from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != SCHEMA:
        raise InputError(f"{path}: schema is {schema!r}, not {SCHEMA!r}: write it with tickbench compare … --json -o FILE")
    try:
        return msgspec.convert(_with_infinities(document), Comparison)
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: {explain(error)}") from error


def _with_infinities(document: dict[str, Any]) -> dict[str, Any]:
    """JSON has no infinity: an interval without an upper end stands there as null."""
    findings = document.get("findings")
    for finding in findings if isinstance(findings, list) else []:
        effect = finding.get("effect") if isinstance(finding, dict) else None
        if isinstance(effect, dict) and effect.get("high") is None:
            effect["high"] = math.inf
    return document


def decide(
    run: Run,
    name: str,
    budgets: Sequence[BudgetFinding],
    comparison: Comparison | None,
    *,
    budgets_file: str | None = None,
    strict: bool = False,
    uncompared: str = "",
) -> Gate:
    """The answer about a run called `name`. `budgets_file` is the user's own, which must judge something.

    `uncompared` says why there is no comparison although one was asked for.
    """
    lines = [
        *_wrong(run, comparison),
        *(_over(one, budgets_file) for one in budgets if one.verdict == "over" and one.budget.priority != "external"),
        *_compared(comparison),
        *_invalid(run, budgets),
        *(_unmeasured(budgets) if strict else ()),
        *([Line("dead", "", "", uncompared)] if uncompared else []),
        *_dead(run, name, budgets, comparison, budgets_file),
    ]
    remarks = [] if comparison or uncompared else [_NOT_LOOKED_AT]
    return Gate(name, tuple(lines), (*remarks, *_remarks(run, budgets, comparison)), tuple(budgets), comparison)


def _wrong(run: Run, comparison: Comparison | None) -> Iterable[Line]:
    for one in run.failures:
        if failed_verification(one):
            again = shlex.join(["tickbench", "verify", one.scenario])
            yield Line("wrong", one.scenario, one.variant, f"wrong answer: {one.detail}", again)
    for text in comparison.wrong if comparison else ():
        scenario, variant, detail = place_of(text)
        yield Line("wrong", scenario, variant, f"wrong answer: {detail}", shlex.join(["tickbench", "verify", scenario]))


def _over(one: BudgetFinding, budgets_file: str | None) -> Line:
    budget = one.budget
    deciding = one.measured if one.bound is None else one.bound
    ratio = (deciding or 0.0) / budget.limit
    by = f"{abs(ratio - 1):.0%} over" if budget.direction == "at most" else f"{abs(1 - ratio):.0%} under"
    seen = f"{one.measured or 0.0:.4g} {budget.unit}".rstrip()
    text = (
        f"{budget.name} ({budget.priority}): {budget.metric} {seen}, {budget.direction} {budget.limit:g} {budget.unit}".rstrip()
    )
    gate = ["tickbench", "gate", _REPRODUCED, *(["--budgets", budgets_file] if budgets_file else [])]
    again = f"{_run_again(budget.scenario or '', one.variant)} && {shlex.join(gate)}"
    return Line("budget", budget.scenario or "", one.variant, f"{text}: its bound is {by}", again, budget=budget.id)


def _run_again(scenario: str, variant: str) -> str:
    return shlex.join(["tickbench", "run", scenario, "--variant", variant, "-o", _REPRODUCED])


def _compared(comparison: Comparison | None) -> Iterable[Line]:
    """The regressions; or the veto, under which there are none; and what could not be compared."""
    if comparison is None:
        return
    if comparison.facts.get("interrupted"):
        yield Line("invalid", "", "", "the comparison was interrupted: measure again")
    if comparison.veto:
        yield Line("invalid", "", "", f"the comparison is not to be believed: {comparison.veto}")
    else:
        found = sorted(comparison.of("regression"), key=lambda one: -(one.effect.ratio if one.effect else 0.0))
        yield from (_regression(one, comparison) for one in found)
    for text in comparison.refused:
        scenario, variant, reason = place_of(text)
        yield Line("dead", scenario, variant, f"not compared: {reason}")


def _regression(one: Finding, comparison: Comparison) -> Line:
    text = f"{one.metric}: {one.judgement.reason}"
    if one.effect:
        change = percent(one.effect.ratio)
        text = f"{one.metric} {change} [{percent(one.effect.low)}, {percent(one.effect.high)}] against {comparison.base}"
    return Line("regression", one.scenario, one.variant, text, _compare_again(one, comparison), one.metric)


def _compare_again(one: Finding, comparison: Comparison) -> str:
    if comparison.kind == "pairs":
        revision = comparison.base.partition(" (")[0]
        if comparison.new != "work tree":  # two variants, files or commands: the run's own options, which are not known here
            return ""
        return shlex.join(["tickbench", "compare", "--revision", revision, one.scenario, "--variant", one.variant])
    across = ["--across-machines"] if comparison.kind == "across machines" else []
    compare = shlex.join(["tickbench", "compare", comparison.base, _REPRODUCED, *across])
    return f"{_run_again(one.scenario, one.variant)} && {compare}"


def _invalid(run: Run, budgets: Iterable[BudgetFinding]) -> Iterable[Line]:
    """Numbers that were lost, all of a variant's or one that a budget needs: nothing is said about the code there."""
    kept = {(one.scenario, one.variant) for one in run.measurements}
    kept -= {(one.budget.scenario or "", one.variant) for one in budgets if one.budget.priority != "external"}
    if run.provenance.interrupted:
        yield Line("invalid", "", "", "the run was interrupted: measure again")
    lost = {(one.scenario, one.variant): one for one in run.failures if _is_lost(one)}
    for place, one in lost.items():
        if place not in kept:
            text = f"{one.kind.replace('_', ' ')}: {one.detail}"
            yield Line("invalid", one.scenario, one.variant, text, _run_again(one.scenario, one.variant))


def _is_lost(one: Failure) -> bool:
    return one.kind != "not_measurable" and not failed_verification(one)


def _unmeasured(budgets: Iterable[BudgetFinding]) -> Iterable[Line]:
    for one in budgets:
        if one.verdict == "not measured" and one.budget.priority == "critical":
            text = f"{one.budget.name} is critical and not measured (--strict): {one.reason}"
            yield Line("invalid", one.budget.scenario or "", one.variant, text)


def _dead(
    run: Run, name: str, budgets: Sequence[BudgetFinding], comparison: Comparison | None, budgets_file: str | None
) -> Iterable[Line]:
    """A gate that judged nothing, with the remedy."""
    if not run.measurements:
        yield Line("dead", "", "", f"{name} holds no measurement: tickbench run budgets -o RUN.json, then gate that")
        return
    compared = comparison is not None and any(one.effect for one in comparison.findings)
    if comparison is not None and not compared:
        yield Line("dead", "", "", f"nothing of {name} could be compared with {comparison.base}: see its reasons")
    if any(one.verdict != "not measured" for one in budgets):
        return
    scenarios = {one.id for one in run.scenarios}
    meant = budgets_file is not None or any(one.budget.scenario in scenarios for one in budgets)
    if meant or not compared:
        reasons = dict.fromkeys(one.reason for one in budgets if one.budget.scenario)
        why = next(iter(reasons), "no line names a scenario")
        yield Line("dead", "", "", f"no budget line could be judged at all, the first because {why}")


def _remarks(run: Run, budgets: Sequence[BudgetFinding], comparison: Comparison | None) -> Iterable[str]:
    if comparison is not None:
        yield from (f"vanished: {name}" for name in comparison.vanished)
        if undecided := comparison.of("inconclusive"):
            yield f"{len(undecided)} of {len(comparison.findings)} comparisons are inconclusive: tickbench compare shows why"
        yield from comparison.notes
    for one in budgets:
        if one.verdict == "over" and one.budget.priority == "external":
            yield f"{one.budget.name} is over its limit, but external: somebody else keeps it, it fails nothing"
    missing = [one for one in budgets if one.verdict == "not measured" and one.budget.priority == "critical"]
    for one in missing:
        yield f"critical, but not measured: {one.budget.name}: {one.reason}"
    for (scenario, variant), many in Counter((one.scenario, one.variant) for one in run.failures if _is_lost(one)).items():
        yield f"{scenario} {variant}: {many} rounds were lost, and say nothing"
    if run.provenance.clean is False:
        yield "the run was made from a work tree with uncommitted changes"
