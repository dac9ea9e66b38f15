"""Percentile curves: few points, and a drawn line that is that of all samples."""

import heapq

import numpy as np
from numpy.typing import NDArray

from tickbench.analysis.percentiles import LEAST_EXCEEDANCES
from tickbench.kernels.hdr import Histogram

MOST_POINTS = 60
_COLUMNS = 512  # a chart is about as wide in pixels
_HEIGHT = 300.0
_ERROR = 0.5  # pixels
_DIGITS = 4

Points = tuple[tuple[float, ...], tuple[float, ...]]
Floats = NDArray[np.float64]


def curve_points(histogram: Histogram) -> Points | None:
    """Nines (1 / (1 - p)) and latencies in ns, from p0 up to the last percentile that LEAST_EXCEEDANCES samples lie above.

    The line through the points is off by half a pixel at most in a chart of _COLUMNS x _HEIGHT that it fills, on logarithmic
    axes, unless MOST_POINTS are too few for that: then the largest errors are mended first. None: too few samples for a line.
    """
    n = histogram.count
    last = n / LEAST_EXCEEDANCES
    if last < 2:  # not even a median
        return None
    nines = np.geomspace(1.0, last, _COLUMNS)
    ranks = np.clip(np.ceil((1 - 1 / nines) * n - 1e-6), 1, n)
    used = np.flatnonzero(histogram.counts)
    buckets = used[np.searchsorted(np.cumsum(histogram.counts[used]), ranks, side="left")]
    latency = histogram.geometry.highest_values[buckets].astype(np.float64)
    latency[0] = float(histogram.geometry.lowest_values[buckets[0]])
    kept = _simplified(np.arange(_COLUMNS, dtype=np.float64), _pixels(latency))
    return tuple(float(f"{one:.{_DIGITS}g}") for one in nines[kept]), tuple(float(one) for one in latency[kept])


def _pixels(latency: Floats) -> Floats:
    y = np.log10(np.maximum(latency, 1.0))
    return np.asarray(y * (_HEIGHT / max(float(y.max() - y.min()), 0.5)))


def _simplified(x: Floats, y: Floats) -> NDArray[np.int64]:
    """Indices of the points to keep: ends, and of every stretch the point farthest from its line (Douglas and Peucker 1973)."""
    kept = [0, len(x) - 1]
    stretches = [_farthest(x, y, 0, len(x) - 1)]
    while stretches and len(kept) < MOST_POINTS:
        error, start, middle, end = heapq.heappop(stretches)
        if -error <= _ERROR:
            break
        kept.append(middle)
        for a, b in ((start, middle), (middle, end)):
            if b - a > 1:
                heapq.heappush(stretches, _farthest(x, y, a, b))
    return np.sort(np.array(kept, dtype=np.int64))


def _farthest(x: Floats, y: Floats, start: int, end: int) -> tuple[float, int, int, int]:
    """Minus the distance of the farthest point of a stretch from its line, and where it is."""
    dx, dy = x[end] - x[start], y[end] - y[start]
    off = np.abs(dx * (y[start + 1 : end] - y[start]) - dy * (x[start + 1 : end] - x[start]))
    middle = int(np.argmax(off))
    return -float(off[middle]) / float(np.hypot(dx, dy)), start, start + 1 + middle, end
