"""`tickbench plot`."""

from __future__ import annotations

from typing import Any

import click

from tickbench.cli._options import Name
from tickbench.render.figures import KINDS


@click.command(name="plot", short_help="A figure of a run for a paper or a slide: SVG, PNG or PDF.")
@click.argument("run", metavar="RUN")
@click.option("--kind", type=Name(KINDS), required=True, help=f"One of {', '.join(KINDS)}.")
@click.option("--scenario", metavar="S", help="Of percentiles, heatmap, scaling and history; not needed where only one fits.")
@click.option("--variant", "variants", multiple=True, metavar="V", help="Only this variant (repeatable).")
@click.option("--baseline", metavar="NAME|FILE", help="forest: compare with it; percentiles: draw it dashed.")
@click.option("--comparison", metavar="CMP.json", help="forest: what tickbench compare --json -o wrote.")
@click.option("--metric", metavar="M", help="history: throughput, p50, p99, p99.9 or a counter.")
@click.option("--budgets", metavar="FILE", help="Budgets of your own, in place of the plan's.")
@click.option("--linear", is_flag=True, help="Linear axes of latency and of swept parameters, in place of logarithmic ones.")
@click.option("--style", metavar="FILE", help="A matplotlib style sheet, in place of ours (reports/tickbench.mplstyle).")
@click.option("--width-mm", type=click.FloatRange(60, 600), default=180.0, show_default=True, metavar="MM", help="Its width.")
@click.option("--dpi", type=click.IntRange(36, 1200), default=200, show_default=True, metavar="N", help="Of .png.")
@click.option("-o", "--output", metavar="FILE", required=True, help="Where to: .svg, .png or .pdf.")
def command(run: str, kind: str, variants: tuple[str, ...], output: str, **options: Any) -> None:
    """Draw a figure of the run file RUN, with the numbers of its report.

    The same run gives the same file. Exit status: 0 drawn; 2 there is nothing to draw, or a name is wrong.
    """
    from tickbench.errors import UsageError

    if options["baseline"] and options["comparison"]:
        raise UsageError("--baseline and --comparison are two ways to compare: give one")
    raise NotImplementedError
