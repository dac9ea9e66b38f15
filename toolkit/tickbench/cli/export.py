"""`tickbench export`."""

from __future__ import annotations

import click

from tickbench.cli._options import Name
from tickbench.cli._output import complain, emit, write_document
from tickbench.results.exports import FORMATS, Choice

_UNITS = ("ns", "us", "ms")


@click.command(name="export", short_help="Write a run in the format of another tool.")
@click.argument("run", metavar="RUN")
@click.option("--format", "form", type=Name(tuple(FORMATS)), required=True, help=f"One of {', '.join(FORMATS)}.")
@click.option("--scenario", "scenarios", multiple=True, metavar="S", help="Only this scenario (repeatable).")
@click.option("--variant", "variants", multiple=True, metavar="V", help="Only this variant (repeatable).")
@click.option(
    "--histogram", metavar="NAME", help="service, response, lag …; default: response where there is one, else service."
)
@click.option("--unit", type=Name(_UNITS), help="Of hgrm: ns, us or ms (the default, as of the Java tools).")
@click.option("-o", "--output", metavar="FILE", default="-", help="Write there instead of to stdout.")
def command(  # one parameter an option
    run: str,
    form: str,
    scenarios: tuple[str, ...],
    variants: tuple[str, ...],
    histogram: str | None,
    unit: str | None,
    output: str,
) -> None:
    """Write the run file or baseline RUN in another format; what cannot be written is named on stderr.

    hlog and hgrm are read by the HdrHistogram tools, openmetrics by Prometheus, otlp-json by OpenTelemetry collectors,
    pyperf by pyperf, speedscope (a time line of the run) by speedscope.
    """
    from tickbench.cli._compare_runs import resolve
    from tickbench.results.exports import export
    from tickbench.results.run_file import load

    made = export(form, load(resolve(run)), Choice(scenarios, variants, histogram, unit))
    for one in made.left_out:
        complain(f"left out: {one}")
    for one in made.notes:
        complain(f"note: {one}")
    if output == "-":
        emit(made.text.rstrip("\n"))
        return
    write_document(made.text, output)
