"""`tickbench export`."""

from __future__ import annotations

import contextlib

import click

from tickbench.cli._options import Name
from tickbench.cli._output import complain, emit, write_document
from tickbench.results.exports import FORMATS, Choice

_UNITS = ("ns", "us", "ms")
_LISTEN = "127.0.0.1:9464"  # the port that OpenTelemetry's Prometheus exporters take


@click.command(name="export", short_help="Write a run in another tool's format, or serve a live engine's numbers.")
@click.argument("run", metavar="[RUN]", required=False)
@click.option("--format", "form", type=Name(tuple(FORMATS)), help=f"Of RUN: one of {', '.join(FORMATS)}.")
@click.option("--scenario", "scenarios", multiple=True, metavar="S", help="Only this scenario (repeatable).")
@click.option("--variant", "variants", multiple=True, metavar="V", help="Only this variant (repeatable).")
@click.option(
    "--histogram", metavar="NAME", help="service, response, lag …; default: response where there is one, else service."
)
@click.option("--unit", type=Name(_UNITS), help="Of hgrm: ns, us or ms (the default, as of the Java tools).")
@click.option("-o", "--output", metavar="FILE", default="-", help="Write there instead of to stdout.")
@click.option("--live", metavar="PID|NAME", help="Instead of RUN: serve /metrics and /json of this engine until Ctrl-C.")
@click.option("--listen", metavar="ADDRESS:PORT", help=f"Of --live; default {_LISTEN}, which only this machine reaches.")
@click.option("--budgets", metavar="FILE", help="Of --live: budgets of your own, in place of the plan's.")
def command(  # one parameter an option
    run: str | None,
    form: str | None,
    scenarios: tuple[str, ...],
    variants: tuple[str, ...],
    histogram: str | None,
    unit: str | None,
    output: str,
    live: str | None,
    listen: str | None,
    budgets: str | None,
) -> None:
    """Write the run file or baseline RUN in another format; what cannot be written is named on stderr.

    With --live: serve the probe page of a running engine to Prometheus instead, read-only.

    hlog and hgrm are read by the HdrHistogram tools, openmetrics by Prometheus, otlp-json by OpenTelemetry collectors,
    pyperf by pyperf, speedscope (a time line of the run) by speedscope.
    """
    if live is not None:
        if run is not None or form is not None:
            raise click.UsageError("--live serves a running engine: RUN and --format are for a run file")
        _serve(live, listen or _LISTEN, budgets)
        return
    if run is None or form is None or listen is not None or budgets is not None:
        raise click.UsageError("RUN and --format FORMAT are expected, or --live PID|NAME [--listen] [--budgets]")
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


def _serve(engine: str, listen: str, budgets: str | None) -> None:
    """Serve until interrupted."""
    from pathlib import Path

    from tickbench.live.server import Exporter, Source, is_loopback, parse_address
    from tickbench.live.target import Target
    from tickbench.measure.budgets import budgets_file, read_budgets

    host, port = parse_address(listen)
    limits = read_budgets(Path(budgets) if budgets else budgets_file())
    with Exporter(Source(Target(engine), limits), host, port) as exporter:
        shown = f"[{host}]" if ":" in host else host
        if not is_loopback(host):
            complain(f"warning: whoever reaches {shown} can read these numbers: they are neither encrypted nor protected")
        emit(f"http://{shown}:{exporter.server_address[1]}/metrics")
        with contextlib.suppress(KeyboardInterrupt):  # Ctrl-C and SIGTERM are how it ends
            exporter.serve_forever()
