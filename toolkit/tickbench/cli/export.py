"""`tickbench export`."""

from __future__ import annotations

import click

from tickbench.cli._options import Name
from tickbench.cli._output import complain, emit, write_document
from tickbench.results.exports import WRITERS


@click.command(name="export", short_help="Write a run in the format of another tool.")
@click.argument("run", metavar="RUN")
@click.option("--format", "form", type=Name(tuple(WRITERS)), required=True, help=f"One of {', '.join(WRITERS)}.")
@click.option("-o", "--output", metavar="FILE", default="-", help="Write there instead of to stdout.")
def command(run: str, form: str, output: str) -> None:
    """Write the run file or baseline RUN in another format; what cannot be written is named on stderr."""
    from tickbench.cli._compare_runs import resolve
    from tickbench.results.run_file import load

    export = WRITERS[form](load(resolve(run)))
    for one in export.left_out:
        complain(f"left out: {one}")
    if output == "-":
        emit(export.text.rstrip("\n"))
        return
    write_document(export.text, output)
