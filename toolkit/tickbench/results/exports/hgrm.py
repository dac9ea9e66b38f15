"""The percentile distribution of one variant as text: for the HdrHistogram plotter.

The lines are those of HistogramLogProcessor for the same values (five steps a half distance to 100 %, the percentile that was
asked for and not the one that was reached); tests compare them with its output. Where values are of batches, they are
divided by the operations of a batch, and the distribution is one of means: a comment in the file and a note say so.
"""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tickbench.errors import InputError, UsageError
from tickbench.kernels.hdr import Histogram
from tickbench.results.exports.choice import Choice, Export, check_histogram, groups, histogram_name
from tickbench.results.merging import merge_all
from tickbench.results.run_file import Run

_NS_IN = {"ns": 1.0, "us": 1e3, "ms": 1e6}
_DECIMALS = {"ns": 3, "us": 3, "ms": 6}  # down to the ns; below it in ns, for means of batches
_STEPS_PER_HALF_DISTANCE = 5  # of HistogramLogProcessor


def write(run: Run, choice: Choice) -> Export:
    """The distribution over all rounds in `choice.unit`; UsageError when the choice leaves several variants."""
    check_histogram(run, choice)
    found = groups(run)
    if len(found) > 1:
        named = ", ".join(f"{one.scenario} {one.variant}" for one in found[:4])
        raise UsageError(
            f"hgrm holds one distribution, this run has {len(found)} ({named}{' …' if len(found) > 4 else ''}): "
            "name one by --scenario and --variant"
        )
    group = found[0]
    named_of = [(one, histogram_name(one, choice)) for one in group.rounds]
    texts = [one.histograms[name] for one, name in named_of if name is not None]
    sizes = sorted({one.operations_per_value for one in group.rounds})
    merged = merge_all(texts) if texts else None
    if merged is None or not merged.count:
        raise InputError(f"{group.scenario} {group.variant}: no value was recorded: there is no distribution")
    if len(sizes) > 1:
        raise InputError(
            f"{group.scenario} {group.variant}: its rounds have batches of {sizes} operations: no common distribution"
        )
    unit = choice.unit or "ms"
    body = "\n".join(_lines(merged, _NS_IN[unit] * sizes[0], _DECIMALS[unit]))
    if not group.batch:
        return Export(body + "\n")
    note = f"the values are means of batches of {sizes[0]} operations: this is no distribution of single operations"
    return Export(f"#[{note[0].upper()}{note[1:]}]\n{body}\n", notes=(note,))


def _lines(histogram: Histogram, ratio: float, decimals: int) -> Iterator[str]:
    used = np.flatnonzero(histogram.counts)
    counts, geometry = histogram.counts[used], histogram.geometry
    values = geometry.highest_values[used] / ratio
    low, high = geometry.lowest_values[used], geometry.highest_values[used]
    middles = low + ((high - low + 1) >> 1)
    mean = float(np.average(middles, weights=counts))
    deviation = math.sqrt(float(np.average((middles - mean) ** 2, weights=counts)))
    yield f"{'Value':>12} {'Percentile':>14} {'TotalCount':>10} {'1/(1-Percentile)':>14}"
    yield ""
    running = np.cumsum(counts)
    for level, place in _levels(running):
        yield f"{values[place]:12.{decimals}f} {level / 100:2.12f} {running[place]:10d} {1 / (1 - level / 100):14.2f}"
    yield f"{values[-1]:12.{decimals}f} {1:2.12f} {running[-1]:10d}"
    yield f"#[Mean    = {mean / ratio:12.{decimals}f}, StdDeviation   = {deviation / ratio:12.{decimals}f}]"
    yield f"#[Max     = {values[-1]:12.{decimals}f}, Total count    = {histogram.count:12d}]"
    yield f"#[Buckets = {geometry.bucket_ranges:12d}, SubBuckets     = {2 << geometry.half_magnitude:12d}]"


def _levels(running: NDArray[np.int64]) -> Iterator[tuple[float, int]]:
    """Percentiles, ever closer to 100, with the place where each is reached, until all values are counted."""
    reached, level = 100.0 * running / running[-1], 0.0
    while True:
        place = int(np.searchsorted(reached, level))
        yield level, place
        if place == len(running) - 1:
            return
        level += _step(level)
        if level >= 100:  # of 2^53 values and more, where the last percentile is 100 in a double
            return


def _step(level: float) -> float:
    halves = math.floor(math.log2(100 / (100 - level))) + 1
    return 100.0 / (_STEPS_PER_HALF_DISTANCE << halves)
