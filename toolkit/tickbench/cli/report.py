"""`tickbench report`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tickbench.cli._options import Name, shift_option

if TYPE_CHECKING:
    from tickbench.render.view.model import Report

FORMATS = ("table", "html", "json", "markdown", "csv")
_HTML_ENDS = (".html", ".htm")
_ENDINGS = {"markdown": "md"}  # of a template, where it is not the form's name


@click.command(name="report", short_help="All that a run says: for a terminal, a page, a spreadsheet or a program.")
@click.argument("run", metavar="RUN")
@click.option("--baseline", metavar="NAME|FILE", help="Compare with this baseline or run file, and draw its curves.")
@click.option("--comparison", metavar="CMP.json", help="Or show what tickbench compare --revision … --json -o wrote.")
@click.option("--budgets", metavar="FILE", help="Budgets of your own, in place of the plan's.")
@click.option("--claims", metavar="FILE", help="Promises of your own, in place of the plan's.")
@shift_option
@click.option("--format", "form", type=Name(FORMATS), help=f"One of {', '.join(FORMATS)}; html where -o ends in .html.")
@click.option("--template", metavar="NAME|DIR/", help="Fill NAME.FORMAT.j2 of ./reports, or report.FORMAT.j2 of a folder.")
@click.option("--templates", metavar="DIR", help="Look for templates there before ./reports.")
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to the terminal.")
def command(
    run: str,
    baseline: str | None,
    comparison: str | None,
    budgets: str | None,
    claims: str | None,
    shift: float | None,
    form: str | None,
    template: str | None,
    templates: str | None,
    output: str | None,
) -> None:
    """Report the run file RUN: verdict, budgets, claims, comparison, every scenario, sweeps, memory, history, method.

    Exit status: 0 whatever the verdict (tickbench gate judges); 2 for input that cannot be read.
    """
    from tickbench.cli._output import emit, emit_rich, write_document
    from tickbench.cli._reports import build
    from tickbench.errors import UsageError

    form = form or ("html" if output and output.endswith(_HTML_ENDS) else "table")
    if (template or templates) and form == "table":
        raise UsageError("--template fills a document: say which by --format html (or another ending of a template)")
    report = build(run, baseline=baseline, comparison=comparison, budgets=budgets, claims=claims, shift=shift)
    if form == "table" and not output:
        from tickbench.render.report import report_tables

        emit_rich(report_tables(report))
        return
    document = _document(report, form, template, templates)
    if output:
        write_document(document + "\n", output)
    else:
        emit(document)


def _document(report: Report, form: str, template: str | None, templates: str | None) -> str:
    """As `compare`: a table that goes to a file is markdown."""
    if form == "html" or template or templates:
        from tickbench.render.pages import document

        return document(report, template or "report", _ENDINGS.get(form, form), [Path(templates)] if templates else [])
    from tickbench.render.report import report_document

    return report_document(report, "markdown" if form == "table" else form)
