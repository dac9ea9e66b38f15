"""`tickbench verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tickbench.cli._options import json_option, scenario_arguments

if TYPE_CHECKING:
    from tickbench.measure.runner import Prospect, Verdict

SCHEMA = "tickbench.verify/1"


@click.command(name="verify", short_help="Let the oracles check the variants; nothing is timed.")
@scenario_arguments
@json_option
def command(as_json: bool, **chosen: object) -> int:
    """Let the oracles check every variant of the scenarios on their feeds; nothing is timed."""
    from tickbench.cli._progress import ProgressLines
    from tickbench.cli._requests import find_scenarios
    from tickbench.errors import EXIT_GATE_FAILED, EXIT_PASSED
    from tickbench.measure import runner

    request = runner.Request(
        scenarios=find_scenarios(**chosen),  # type: ignore[arg-type]  # click's names and types
        variants=tuple(chosen["variants"]),  # type: ignore[arg-type]
        impls=tuple(chosen["impls"]),  # type: ignore[arg-type]
    )
    with ProgressLines() as progress:
        prospect = runner.look_up(request, progress)
        verdicts = runner.verify_all(prospect, progress)
    _show_json(prospect, verdicts) if as_json else _show_table(prospect, verdicts)
    passed = all(one.answer.failure in {None, "not_measurable"} for one in verdicts)
    return EXIT_PASSED if passed else EXIT_GATE_FAILED


def _show_json(prospect: Prospect, verdicts: list[Verdict]) -> None:
    from tickbench.cli._output import emit_json

    rows = [
        {
            "component": one.component,
            "variant": one.variant,
            "feed": one.feed,
            "passed": one.answer.failure is None,
            "failure": one.answer.failure,
            "checks": one.answer.checks,
            "detail": one.answer.detail,
            "stderr": one.answer.stderr,
        }
        for one in verdicts
    ]
    left_out = sorted({(one.variant, one.reason) for one in prospect.skipped})
    emit_json(SCHEMA, verdicts=rows, skipped=[{"variant": name, "reason": reason} for name, reason in left_out])


def _show_table(prospect: Prospect, verdicts: list[Verdict]) -> None:
    from tickbench.cli._output import emit, emit_rich
    from tickbench.render.tables import plain_table

    rows = [
        (
            one.component,
            one.variant,
            one.feed or "none",
            one.answer.failure or "right",
            f"{one.answer.checks:,}",
            one.answer.detail,
        )
        for one in verdicts
    ]
    emit_rich([plain_table(("component", "variant", "feed", "verdict", "checks", "detail"), rows, right=[4])])
    for name, reason in sorted({(one.variant, one.reason) for one in prospect.skipped}):
        emit(f"left out: {name}: {reason}")
    wrong = sum(one.answer.failure not in {None, "not_measurable"} for one in verdicts)
    emit(f"{len(verdicts) - wrong} of {len(verdicts)} right")
