"""A report for a terminal, as markdown, as JSON and as CSV; the page is made by `render.pages`."""

import csv
import io
from collections.abc import Iterator

import msgspec
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from tickbench.render.ci import escape_markdown
from tickbench.render.report_tables import Part, report_parts
from tickbench.render.tables import plain_table
from tickbench.render.view.model import Report

_BAR, _BAR_COLUMNS = "▏▎▍▌▋▊▉█", 12
_GAP = 3  # between two columns
_STYLES = {
    "over": "red",
    "within": "green",
    "not measured": "dim",
    "confirmed": "green",
    "partly": "yellow",
    "refuted": "red",
    "not testable here": "dim",
    "regression": "red",
    "improvement": "green",
    "inconclusive": "yellow",
    "unchanged": "dim",
}
_HEADS = {"passed": "bold green", "failed": "bold red", "invalid": "bold yellow", "not judged": "bold yellow"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets take for a formula
_CSV = (
    "scenario",
    "variant",
    "runtime",
    "rounds",
    "samples",
    "timing",
    "percentile",
    "value (ns)",
    "low (ns)",
    "high (ns)",
    "few samples above",
    "operations (1/s)",
    "cost over reference",
)


def report_document(report: Report, form: str) -> str:
    """The report as `json`, `markdown` or `csv`."""
    forms = {"json": _json, "markdown": _markdown, "csv": _csv}
    return forms[form](report)


def report_tables(report: Report) -> Iterator[RenderableType]:
    """The report for a person at a prompt."""
    for index, part in enumerate(report_parts(report)):
        if index:
            yield Text("")
        yield Text(printable(part.title), style=_HEADS[report.verdict.status] if index == 0 else "bold")
        yield from (Text(printable(one)) for one in part.told)
        if part.columns:
            yield _Table(part)
        yield from (Text(printable(one), style="dim") for one in part.below)


class _Table:
    """The table of a part, without the optional columns that the width has no place for."""

    def __init__(self, part: Part) -> None:
        self._part = part

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        part = self._part
        barred = any(one is not None for one in part.shares)
        kept = _fitting(part, options.max_width - (_BAR_COLUMNS + _GAP if barred else 0))
        columns = [printable(part.columns[k]) for k in kept] + ([""] if barred else [])
        rows = []
        for index, row in enumerate(part.rows):
            cells = [Text(printable(row[k]), style=_STYLES.get(row[k], "")) for k in kept]
            rows.append([*cells, bar(part.shares[index])] if barred else cells)
        yield plain_table(columns, rows, right=[at for at, k in enumerate(kept) if k in part.right])
        if left := len(part.columns) - len(kept):
            yield Text(f"{left} columns have no place here: a wider terminal, or --format markdown", style="dim")


def _fitting(part: Part, width: int) -> list[int]:
    """The columns to show: all that fit, the optional ones left out first."""
    widths = [max(cell_len(cell) for cell in (name, *(row[k] for row in part.rows))) for k, name in enumerate(part.columns)]
    kept = list(range(len(part.columns)))
    for one in part.optional:
        if sum(widths[k] + _GAP for k in kept) <= width:
            break
        kept.remove(one)
    return kept


def bar(share: float | None) -> Text:
    """A bar of eighths of a character; full at 1, and red beyond."""
    if share is None:
        return Text("")
    eighths = round(min(max(share, 0.0), 1.0) * _BAR_COLUMNS * len(_BAR))
    whole, rest = divmod(max(eighths, 1), len(_BAR))
    return Text(_BAR[-1] * whole + (_BAR[rest - 1] if rest else ""), style="red" if share > 1 else "cyan")


def printable(text: str) -> str:
    """A text without control characters, which a terminal would obey."""
    return "".join(one if one.isprintable() else " " for one in text)


def _json(report: Report) -> str:
    return msgspec.json.format(msgspec.json.encode(report), indent=2).decode()


def _markdown(report: Report) -> str:
    lines: list[str] = []
    for index, part in enumerate(report_parts(report)):
        lines += [f"{'#' if index == 0 else '##'} {escape_markdown(part.title)}", ""]
        lines += [f"- {escape_markdown(one)}" for one in part.told]
        if part.columns:
            ruled = ("---:" if index in part.right else "---" for index in range(len(part.columns)))
            lines += ["", _markdown_row(part.columns), "|" + "|".join(ruled) + "|"]
            lines += [_markdown_row(row) for row in part.rows]
        lines += ["", *(f"- {escape_markdown(one)}" for one in part.below)] if part.below else []
        lines.append("")
    return "\n".join(lines).rstrip()


def _markdown_row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(map(escape_markdown, cells)) + " |"


def _csv(report: Report) -> str:
    """One row a scenario, variant and percentile; the maximum stands last, without bounds."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV)
    for row in _csv_rows(report):
        writer.writerow([harmless(one) for one in row])
    return text.getvalue().rstrip("\n")


def _csv_rows(report: Report) -> Iterator[tuple[object, ...]]:
    for view in report.scenarios:
        timing = "batch" if view.batch else "operation"
        for row in view.rows:
            head = (view.id, row.name, row.runtime, row.rounds, row.samples, timing)
            tail = (row.operations_per_s, row.ratio)
            for one in row.percentiles:
                yield (*head, one.p, one.value_ns, one.low_ns, one.high_ns, "yes" if one.few else "no", *tail)
            yield (*head, "max", row.max_ns, None, None, "yes", *tail)


def harmless(value: object) -> object:
    """A cell that no spreadsheet computes: a text that begins like a formula gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
