"""The head of a report."""

import shlex
from typing import Literal

from tickbench import errors
from tickbench.measure.gate import Gate
from tickbench.render.gate import headline
from tickbench.render.view.model import Status, Verdict, VerdictLine
from tickbench.results.run_file import Run

_STATUS: dict[int, Status] = {
    errors.EXIT_PASSED: "passed",
    errors.EXIT_GATE_FAILED: "failed",
    errors.EXIT_BAD_INPUT: "not judged",
    errors.EXIT_INVALID_MEASUREMENT: "invalid",
}
_WORDS: dict[Status, Literal["INVALID", "NOT JUDGED"]] = {"invalid": "INVALID", "not judged": "NOT JUDGED"}


def verdict_of(run: Run, gate: Gate) -> Verdict:
    """What the gate says, as a headline and its lines, and the command that made the run."""
    status = _STATUS[gate.exit_status]
    text = headline(gate)
    if status in _WORDS:
        text = text.replace("FAILED", _WORDS[status], 1)
    if status == "not judged" and gate.lines:
        text = f"{_WORDS[status]}: {gate.lines[0].text}"
    lines = tuple(VerdictLine(one.kind, one.scenario, one.variant, one.text, one.since, one.reproduce) for one in gate.lines)
    return Verdict(status, text, lines, gate.remarks, shlex.join(run.provenance.command))
