"""`tickbench plot`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tickbench.cli._options import Name
from tickbench.render.figures import KINDS

if TYPE_CHECKING:
    from tickbench.analysis.verdicts import Comparison
    from tickbench.measure.history import Series
    from tickbench.render.figures.choice import Choice
    from tickbench.render.view.model import Report
    from tickbench.results.run_file import Run

DEFAULT_METRICS = ("p50", "throughput")  # of history: the first that a scenario has


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
    from tickbench.render.figures.choice import Choice
    from tickbench.render.figures.draw import draw
    from tickbench.render.figures.style import check_suffix
    from tickbench.results.history_points import machine_class
    from tickbench.results.run_file import load

    if options["baseline"] and options["comparison"]:
        raise UsageError("--baseline and --comparison are two ways to compare: give one")
    check_suffix(Path(output))
    loaded = load(Path(run))
    choice = Choice(
        scenario=options["scenario"],
        variants=variants,
        metric=options["metric"],
        linear=options["linear"],
        width_mm=options["width_mm"],
        machine=machine_class(loaded.provenance),
    )
    style = Path(options["style"]) if options["style"] else None
    draw(_report(loaded, run, kind, choice, options), kind, choice, Path(output), dpi=options["dpi"], style=style)


def _report(loaded: Run, run: str, kind: str, choice: Choice, options: dict[str, Any]) -> Report:
    """The view of the run, with what this kind of figure needs of it and nothing that takes time besides."""
    from tickbench.measure.budgets import budgets_file, judge_run, read_budgets
    from tickbench.measure.gate import decide
    from tickbench.render.view.build import build_report

    budgets = options["budgets"]
    judged = judge_run(loaded, read_budgets(Path(budgets) if budgets else budgets_file()))
    gate = decide(loaded, run, judged, _comparison(loaded, run, options) if kind == "forest" else None, budgets_file=budgets)
    baseline = _baseline(options["baseline"]) if kind == "percentiles" else None
    series = _series(loaded, choice) if kind == "history" else []
    return build_report(_narrowed(loaded, kind, choice), run, gate=gate, baseline=baseline, history=series)


def _comparison(loaded: Run, run: str, options: dict[str, Any]) -> Comparison | None:
    from tickbench.measure.gate import read_comparison
    from tickbench.measure.stored import compare_runs

    if options["comparison"]:
        return read_comparison(Path(options["comparison"]))
    base = _baseline(options["baseline"])
    return compare_runs(base, loaded, options["baseline"], run) if base and loaded.measurements else None


def _baseline(name: str | None) -> Run | None:
    from tickbench.cli._compare_runs import resolve
    from tickbench.results.run_file import load

    return load(resolve(name)) if name else None


def _series(loaded: Run, choice: Choice) -> list[Series]:
    """What the history holds of this run's scenarios on its machine class; of one metric, by default p50, else throughput."""
    from tickbench.measure.history import read_series
    from tickbench.results.history import existing_history

    history = existing_history()
    if history is None:
        return []
    found: list[Series] = []
    with history:
        for scenario in (one.id for one in loaded.scenarios):
            known = [one for one in history.known(scenario) if one.machine == choice.machine]
            metrics = {one.metric for one in known}
            metric = choice.metric or next((one for one in DEFAULT_METRICS if one in metrics), None)
            variants = sorted({one.variant for one in known if one.metric == metric})
            found += [read_series(history, scenario, one, str(metric), choice.machine) for one in variants]
    return found


def _narrowed(loaded: Run, kind: str, choice: Choice) -> Run:
    """Only the scenario to be shown, and for a heat map only the variants: a view of less has finer slices of time.

    Wrong names are left for the figure, which knows what it could have shown.
    """
    import msgspec

    wanted = choice.scenario
    scenarios = [one for one in loaded.scenarios if wanted in (one.id, one.id.rpartition("/")[2])]
    if kind not in ("percentiles", "heatmap") or not scenarios:
        return loaded
    ids = {one.id for one in scenarios}
    measured = [one for one in loaded.measurements if one.scenario in ids]
    of_variants = [one for one in measured if one.variant in choice.variants]
    if kind == "heatmap" and choice.variants and {one.variant for one in of_variants} == set(choice.variants):
        measured = of_variants
    return msgspec.structs.replace(loaded, scenarios=scenarios, measurements=measured)
