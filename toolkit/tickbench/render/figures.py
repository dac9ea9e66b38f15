"""Figures of a run. matplotlib is imported here and nowhere else."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from tickbench.errors import InputError
from tickbench.kernels.hdr import Histogram
from tickbench.results.run_file import Run

# Okabe and Ito's colours can be told apart by colour-blind readers; line styles and labels at the line ends say it again.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C6D31")
_STYLES = ("-", "--", "-.", ":")
# The axis of HdrHistogram's plotter: 1 / (1 - p), so that each nine takes the same width.
_TICKS = {1: "0", 10: "90", 100: "99", 1_000: "99.9", 10_000: "99.99", 100_000: "99.999"}
_LEAST_ABOVE = 10  # a percentile with fewer samples above it is not drawn


def percentile_figure(run: Run, scenario: str, path: Path, budget_ns: float | None = None) -> None:
    """Draw latency against percentile for every variant of a scenario; `budget_ns` is drawn as a line.

    Rounds are merged. Raises InputError where the run has no operation-timed measurement of the scenario.
    """
    merged = _merged_histograms(run, scenario)
    mpl.rcParams["svg.hashsalt"] = "tickbench"  # the same run gives the same file
    figure = Figure(figsize=(9, 5), layout="constrained")
    axes = figure.subplots()
    order = sorted(merged, key=lambda name: float(merged[name].percentile("99")))
    for k, name in enumerate(order):
        nines, latency_ns = _curve(merged[name])
        colour, style = _COLOURS[k % len(_COLOURS)], _STYLES[k // len(_COLOURS) % len(_STYLES)]
        axes.plot(nines, latency_ns, label=name, linewidth=1.6, color=colour, linestyle=style)
    if budget_ns is not None:
        axes.axhline(budget_ns, color="#555555", linewidth=1, linestyle=(0, (6, 3)), label=f"budget {budget_ns:,.0f} ns")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xticks(list(_TICKS), list(_TICKS.values()))
    axes.minorticks_off()
    axes.set_xlim(1, max(_curve(one)[0][-1] for one in merged.values()))
    axes.set_xlabel("percentile of operations")
    axes.set_ylabel("latency, ns")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, loc="upper left", fontsize="small", ncols=2)
    axes.set_title(scenario, loc="left")
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def _merged_histograms(run: Run, scenario: str) -> dict[str, Histogram]:
    merged: dict[str, Histogram] = {}
    for one in run.measurements:
        if one.scenario != scenario or one.timing != "operation":
            continue
        histogram = Histogram.decode(one.histograms.get("response") or one.histograms["service"])
        if one.variant in merged:
            merged[one.variant].merge(histogram)
        else:
            merged[one.variant] = histogram
    if not merged:
        raise InputError(f"the run holds no measurement of {scenario} with every operation timed")
    return merged


def _curve(histogram: Histogram) -> tuple[list[float], list[float]]:
    """Points (1 / (1 - p), latency in ns) up to the last percentile that enough samples lie above."""
    last = max(10.0, histogram.count / _LEAST_ABOVE)
    nines = np.geomspace(1, last, 200)
    return nines.tolist(), [float(histogram.percentile(round(100 * (1 - 1 / one), 9))) for one in nines]
