"""Tables for a terminal or a pipe; functions return what rich prints, they print nothing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tickbench.analysis.ratios import CONFIDENCE, PairedRatio, rounds_needed
from tickbench.render.numbers import FEW_MARK, NONE, duration_text, rate_text, ratio_text
from tickbench.render.summary import (
    FEW_SAMPLES,
    RATIO_PERCENTILE,
    Row,
    Section,
    Value,
    sections,
)
from tickbench.render.tables import plain_table, three_digits
from tickbench.results.run_file import FOREIGN_SUITE, Failure, Run

_STDERR_LINES = 4
_FATAL = "Fatal Python error: "  # how faulthandler begins, innermost call first


def run_tables(run: Run) -> Iterator[RenderableType]:
    """What a run found: a table a scenario, with its failures and notes below."""
    for section in sections(run):
        yield _section(section)


def facts(pairs: Mapping[str, object]) -> Table:
    """Names and values, one pair a line."""
    table = Table.grid(padding=(0, 2))
    for name, value in pairs.items():
        table.add_row(Text(name), Text(str(value)))
    return table


def _section(section: Section) -> RenderableType:
    parts: list[RenderableType] = [
        Text(""),
        Text(section.scenario.id, style="bold"),
        Text(section.scenario.why),
    ]
    if section.rows:
        parts.append(_table(section))
    parts += [Text(line, style="dim") for line in _notes(section)]
    for alike in alike_failures(section.failures):
        parts += _failure(alike)
    return Group(*parts)


def _table(section: Section) -> Table:
    unit, ns_per_unit = section.unit
    extras = list(dict.fromkeys(name for row in section.rows for name in row.extras))
    extra_columns = [(name, p) for name in extras for p in _extra_percentiles(section, name)]
    shown = section.shown_percentiles
    columns = ["variant", *(f"p{p} {unit}" for p in shown), f"max {unit}"]
    columns += [f"{name} p{p} {unit}" for name, p in extra_columns]
    counters = [name for name in section.scenario.shown_counters if any(name in row.counters for row in section.rows)]
    columns += [name.replace("_", " ") for name in counters]
    columns += ["operations/s", _ratio_header(section)]
    rows = []
    for row in section.rows:
        cells: list[object] = [_name(row)]
        cells += [_duration(row.percentiles.get(p), ns_per_unit) for p in shown]
        cells.append(_duration(None if row.max_ns is None else Value(row.max_ns, False), ns_per_unit))
        cells += [_duration(row.extras.get(name, {}).get(p), ns_per_unit) for name, p in extra_columns]
        cells += [three_digits(row.counters[name]) if name in row.counters else NONE for name in counters]
        cells += [rate_text(row.operations_per_s), ratio_text(row.ratio, row.variant.name == section.reference)]
        rows.append([Text(str(cell), style="dim") if row.variant.null else cell for cell in cells])
    return plain_table(columns, rows, right=range(1, len(columns)))


def _extra_percentiles(section: Section, name: str) -> list[str]:
    return list(dict.fromkeys(p for row in section.rows for p in row.extras.get(name, {})))


def _duration(value: Value | None, ns_per_unit: float) -> Text:
    if value is None:
        return Text(NONE)
    return Text(duration_text(value.ns, ns_per_unit, value.few), style="dim" if value.few else "")


def _name(row: Row) -> Text:
    if row.variant.null:
        return Text(f"{row.variant.name} (the driver's own cost)")
    return Text(row.variant.name + (" (reference)" if row.variant.reference else ""))


def _ratio_header(section: Section) -> str:
    if section.reference is None:
        return "vs reference"
    what = f"p{RATIO_PERCENTILE}" if section.scenario.open_loop else "time"
    return f"{what} vs {section.reference} {_interval_name(section)}".strip()


def _interval_name(section: Section) -> str:
    ratios = [row.ratio for row in section.rows if row.ratio]
    if not ratios:
        return ""
    if all(one.confidence >= CONFIDENCE for one in ratios):
        return f"[{CONFIDENCE:.0%}]"
    return f"[range of {max(one.rounds for one in ratios)} rounds]"


def _notes(section: Section) -> Iterator[str]:
    scenario, rows = section.scenario, section.rows
    if rows:
        yield counted(section)
    if any(value.few for row in rows for value in row.percentiles.values()):
        yield f"{FEW_MARK} fewer than {FEW_SAMPLES} samples lie above this percentile: it informs, it proves nothing"
    ratios = [row.ratio for row in rows if row.ratio]
    if any(one.confidence < CONFIDENCE for one in ratios):
        yield _weak_interval(min(ratios, key=lambda one: one.confidence))
    if rows and section.reference is None:
        yield "no ratios: the reference was not measured in this scenario"
    for row in rows:
        if row.disturbed:
            yield f"{row.variant.name}: {row.disturbed} of {row.rounds} rounds lost too much time to the machine, repeats too"
    reasons: dict[str, list[str]] = {one.reason: [] for one in section.skipped}
    for one in section.skipped:
        reasons[one.reason].append(one.variant)
    for reason, names in reasons.items():
        yield f"left out: {', '.join(names)}: {reason}"
    if not rows and not section.failures and scenario.rounds:
        yield "nothing was measured"


def counted(section: Section) -> str:
    """What the numbers are of: operations one by one, or means of batches."""
    scenario = section.scenario
    threads = f"{scenario.writers} writing, {scenario.readers} reading" if scenario.readers else f"{scenario.writers}"
    sizes = sorted({row.batch_operations for row in section.rows if row.batch_operations})
    if section.batch:
        size = f" of {sizes[0]}" if len(sizes) == 1 else ""
        timed = f"batch means{size}: each value is a mean over {scenario.operation}s, not a single one"
    else:
        timed = f"each {scenario.value or scenario.operation} timed" + (
            ", from its intended start (response)" if scenario.open_loop and scenario.suite != FOREIGN_SUITE else ""
        )
    rounds = max(row.rounds for row in section.rows)
    return f"{timed}; threads: {threads}; rounds: {rounds}; feed: {scenario.feed or 'none'}"


def _weak_interval(ratio: PairedRatio) -> str:
    return (
        f"brackets: lowest and highest ratio of the rounds; with {ratio.rounds} they hold the true median "
        f"with {ratio.confidence:.0%} only; --rounds {rounds_needed()} gives {CONFIDENCE:.0%}"
    )


def alike_failures(failures: Iterable[Failure]) -> Iterable[list[Failure]]:
    """Failures of one variant for one reason, which mostly come in every round."""
    groups: dict[tuple[str, str, str], list[Failure]] = {}
    for one in failures:
        groups.setdefault((one.variant, one.kind, one.detail), []).append(one)
    return groups.values()


def failure_text(alike: Sequence[Failure]) -> str:
    """What became of a variant, in which rounds, and why."""
    first = alike[0]
    rounds = sorted(one.round + 1 for one in alike if one.round is not None)
    when = f"round {', '.join(map(str, rounds))}" if rounds else "before the rounds"
    return f"{first.kind.replace('_', ' ')} ({when}): {first.detail}"


def _failure(alike: Sequence[Failure]) -> list[Text]:
    first = alike[0]
    lines = [Text(f"{first.variant}: {failure_text(alike)}", style="red")]
    return lines + [Text(f"    {line}", style="dim") for line in _telling(first.stderr.splitlines())]


def _telling(lines: Sequence[str]) -> Sequence[str]:
    """The lines of a worker's stderr that say where it ended: the top of a fatal error's stack, or the last ones."""
    for start, line in enumerate(lines):
        if line.startswith(_FATAL):
            return lines[start : start + _STDERR_LINES]
    return lines[-_STDERR_LINES:]
