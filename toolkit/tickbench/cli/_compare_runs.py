"""`tickbench compare BASE NEW`: two stored runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tickbench import errors

if TYPE_CHECKING:
    from tickbench.analysis.verdicts import Comparison, Metric


def compare_runs(names: Sequence[str], form: str, options: Mapping[str, object]) -> int:
    """Compare the run files or baselines `names`, show it as `form`; returns the exit status."""
    from tickbench.measure.stored import compare_runs as compare
    from tickbench.results.run_file import load

    if len(names) != 2:
        raise errors.UsageError(
            f"compare takes two run files or baselines, BASE and NEW, got {len(names)}; "
            "with --revision, --variant-a, --impls-a or --command-a the arguments are scenarios"
        )
    base, new = (load(resolve(name)) for name in names)
    across = bool(options.get("across_machines"))
    comparison = compare(base, new, names[0], names[1], across_machines=across, shift=shift_of(options.get("shift")))
    show(comparison, form, options.get("output"))
    return exit_status(comparison)


def show(comparison: Comparison, form: str, output: object) -> None:
    """Show a comparison as `form`, or write it to the file `output`."""
    from tickbench.cli._output import emit, emit_rich, write_document
    from tickbench.render.ci import comparison_document
    from tickbench.render.comparison import comparison_tables

    if form == "table" and not output:
        emit_rich(comparison_tables(comparison))
        return
    text = comparison_document(comparison, "markdown" if form == "table" else form)
    if not output:
        emit(text)
        return
    write_document(text + "\n", str(output))


def shift_of(percent: object) -> dict[Metric, float] | None:
    """What --shift says of each metric: p99 and p99.9 move more, in the proportions of the defaults."""
    from tickbench.analysis.stored import PRIOR_SHIFT

    if not isinstance(percent, float):
        return None
    return {metric: percent / 100 * sd / PRIOR_SHIFT["throughput"] for metric, sd in PRIOR_SHIFT.items()}


def resolve(name: str) -> Path:
    """The run file that a name means: a path, or the name of a baseline."""
    path = Path(name)
    if path.is_file() or path.name != name or path.suffix == ".json":
        return path
    from tickbench.results.baselines import named

    return named(name)


def exit_status(comparison: Comparison) -> int:
    """1 for a wrong answer; 3 with a veto; 1 with a regression; 2 where something, or all, could not be compared; else 0."""
    if comparison.wrong:
        return errors.EXIT_GATE_FAILED
    if comparison.veto:
        return errors.EXIT_INVALID_MEASUREMENT
    if comparison.of("regression"):
        return errors.EXIT_GATE_FAILED
    if comparison.refused or not any(one.effect for one in comparison.findings):
        return errors.EXIT_BAD_INPUT
    return errors.EXIT_PASSED
