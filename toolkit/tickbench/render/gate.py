"""The gate's answer: for a terminal and a job summary in a few lines, for programs, JUnit XML and annotations whole."""

from collections.abc import Callable
from typing import Any

import msgspec

from tickbench.measure.gate import Gate
from tickbench.render.budgets import budget_rows
from tickbench.render.budgets import tally as budget_tally
from tickbench.render.ci import Cases, annotation, comparison_cases, escape_markdown, junit
from tickbench.render.comparison import comparison_content, tally

SCHEMA = "tickbench.gate/1"
_SUMMED = {
    "wrong": "wrong answer",
    "budget": "budget over",
    "regression": "regression",
    "invalid": "invalid",
    "dead": "not judged",
}


def gate_document(gate: Gate, form: str) -> str:
    """The answer as `table`, `json`, `markdown`, `junit` or `github`."""
    forms: dict[str, Callable[[Gate], str]] = {
        "table": _text,
        "json": _json,
        "markdown": _markdown,
        "junit": _junit,
        "github": _github,
    }
    return forms[form](gate)


def headline(gate: Gate) -> str:
    """PASSED or FAILED, and how much of what; a gate that had nothing to fail on says so."""
    if gate.passed:
        return f"PASSED: {gate.run}" if _decided(gate) else f"PASSED, with nothing shown either way: {gate.run}"
    counts = {name: sum(one.kind == kind for one in gate.lines) for kind, name in _SUMMED.items()}
    return "FAILED: " + ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def _decided(gate: Gate) -> bool:
    """Whether a budget or a comparison has a verdict that says something."""
    compared = gate.comparison.findings if gate.comparison else ()
    return any(one.verdict != "not measured" for one in gate.budgets) or any(one.verdict != "inconclusive" for one in compared)


def _judged(gate: Gate) -> list[str]:
    told = [budget_tally(gate.budgets)]
    return [*told, tally(gate.comparison)] if gate.comparison else told


def _place(scenario: str, variant: str) -> str:
    return " ".join(filter(None, (scenario, variant)))


def _text(gate: Gate) -> str:
    lines = [headline(gate)]
    for one in gate.lines:
        place = _place(one.scenario, one.variant)
        lines.append(f"  {one.kind}: {place + ': ' if place else ''}{one.text}")
        lines += [f"      {one.since}"] if one.since else []
        lines += [f"      again: {one.reproduce}"] if one.reproduce else []
    lines += ["", *_judged(gate), *(f"note: {one}" for one in gate.remarks)]
    return "\n".join("".join(c if c.isprintable() else " " for c in line) for line in lines)


def _json(gate: Gate) -> str:
    content: dict[str, Any] = {
        "schema": SCHEMA,
        "run": gate.run,
        "passed": gate.passed,
        "exit_status": gate.exit_status,
        "lines": msgspec.to_builtins(gate.lines),
        "remarks": gate.remarks,
        "budgets": budget_rows(gate.budgets),
        "comparison": gate.comparison and comparison_content(gate.comparison),
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode()


def _markdown(gate: Gate) -> str:
    lines = [f"## {escape_markdown(headline(gate))}", ""]
    for one in gate.lines:
        place = _place(one.scenario, one.variant)
        lines.append(f"- **{one.kind}** {escape_markdown(f'{place}: {one.text}' if place else one.text)}")
        lines += [f"  {escape_markdown(one.since)}"] if one.since else []
        lines += [f"  again: {escape_markdown(one.reproduce)}"] if one.reproduce else []
    lines += ["", *(escape_markdown(one) + "  " for one in _judged(gate)), ""]
    return "\n".join([*lines, *(f"- {escape_markdown(one)}" for one in gate.remarks)]).rstrip()


def _junit(gate: Gate) -> str:
    """One test case a scenario and variant, with its budgets and its comparison; what concerns the whole has its own."""
    cases = comparison_cases(gate.comparison) if gate.comparison else Cases()
    for one in gate.budgets:
        case = cases.of(one.budget.scenario or "budgets", one.variant if one.budget.scenario else one.budget.id)
        case.told |= one.verdict != "not measured"
        case.said.append(f"{one.budget.name} {one.verdict}{': ' + one.reason if one.reason else ''}")
    for line in gate.lines:
        if line.kind != "regression":  # those come with the comparison
            case = cases.of(line.scenario or "gate", line.variant or line.kind)
            case.failures.append(f"{line.kind}: {line.text}")
    return junit("tickbench gate", cases)


def _github(gate: Gate) -> str:
    lines = [annotation("error", f"{one.kind}: {_place(one.scenario, one.variant)}", one.text) for one in gate.lines]
    lines += [annotation("warning", "tickbench", one) for one in gate.remarks]
    return "\n".join([*lines, annotation("notice", "tickbench gate", headline(gate))])
