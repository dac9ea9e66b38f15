"""Percentiles of a histogram with confidence bounds, and how much each of them may be trusted.

The bounds are order statistics: whatever the distribution, the number of n samples at or below its p-quantile
is binomial(n, p), so two ranks that enclose 95 % of that binomial enclose the quantile with at least 95 %
confidence (W. J. Conover, Practical Nonparametric Statistics, 3rd ed. 1999, section 3.2; G. J. Hahn and W. Q.
Meeker, Statistical Intervals, 1991, section 5.2). Samples must be independent: within one run they hardly
are, so the bounds are the least that must be granted, and comparisons use rounds instead.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tickbench.kernels.hdr import HdrGeometry, Percentile, exact, rank_of

SHOWN = ("50", "90", "99", "99.9", "99.99")
# With fewer samples above it a percentile says little more than the maximum: it is shown and gates nothing.
LEAST_EXCEEDANCES = 10
_CONFIDENCE = 0.95
_Z = 1.959964  # two-sided 95 % quantile of the normal distribution
# Variance n p (1 - p) from which the normal approximation puts ranks within 1 of the exact ones; below it
# scipy is asked.
_LEAST_VARIANCE = 100.0


@dataclass(frozen=True)
class Estimate:
    """A percentile in ns, the bounds of its 95 % confidence interval, and the number of samples above its
    rank.

    A bound is None where the sample is too small to have one: the quantile may lie outside of all that was
    seen.
    """

    percentile: Percentile
    value_ns: int
    low_ns: int | None
    high_ns: int | None
    exceedances: int

    @property
    def informative(self) -> bool:
        """Whether it may only inform and not gate, as too few samples lie above it."""
        return self.exceedances < LEAST_EXCEEDANCES


def percentiles_from_counts(
    counts: NDArray[np.int64], geometry: HdrGeometry, ps: Sequence[Percentile] = SHOWN
) -> list[Estimate]:
    """Estimates for percentiles `ps` of the histogram `counts`, shape (geometry.counts_len,).

    Bounds are widened to the edges of their buckets. Raises InputError for an empty histogram or a percentile
    outside 0 … 100.
    """
    cumulative = np.cumsum(counts)
    total = int(cumulative[-1])
    return [_estimate(p, total, cumulative, geometry) for p in ps]


def _estimate(p: Percentile, total: int, cumulative: NDArray[np.int64], geometry: HdrGeometry) -> Estimate:
    rank = rank_of(p, total)
    low_rank, high_rank = rank_bounds(p, total)
    edges = geometry.highest_values if exact(p) else geometry.lowest_values

    def bucket(of_rank: int) -> int:
        return int(np.searchsorted(cumulative, of_rank, side="left"))

    return Estimate(
        percentile=p,
        value_ns=int(edges[bucket(rank)]),
        low_ns=int(geometry.lowest_values[bucket(low_rank)]) if low_rank >= 1 else None,
        high_ns=int(geometry.highest_values[bucket(high_rank)]) if high_rank <= total else None,
        exceedances=total - rank,
    )


def rank_bounds(p: Percentile, n: int) -> tuple[int, int]:
    """Ranks, from 1, whose samples enclose the p-quantile with 95 % confidence; 0 or n + 1 where there is
    none.

    Worked example: the median of 10 samples lies between the 2nd and the 9th with 97.9 % confidence.
    """
    share = float(exact(p)) / 100
    variance = n * share * (1 - share)
    if variance >= _LEAST_VARIANCE:
        reach = _Z * math.sqrt(variance)
        return max(0, math.floor(n * share - reach)), min(n + 1, math.ceil(n * share + reach) + 1)
    tail = (1 - _CONFIDENCE) / 2
    return _binomial_quantile(tail, n, share), _binomial_quantile(1 - tail, n, share) + 1


def _binomial_quantile(q: float, n: int, share: float) -> int:
    """The smallest k with P(X <= k) >= q. Not scipy.stats, which takes half a second to import."""
    from scipy.special import bdtr, bdtrik

    if not 0 < share < 1:
        return round(n * share)
    k = math.ceil(float(bdtrik(q, n, share)))
    return k - 1 if k > 0 and bdtr(k - 1, n, share) >= q else k


def exceedances(counts: NDArray[np.int64], geometry: HdrGeometry, value_ns: int) -> int:
    """Records whose bucket lies wholly above `value_ns`."""
    return int(counts[geometry.lowest_values > value_ns].sum())


def smooth_percentile_ns(counts: NDArray[np.int64], geometry: HdrGeometry, p: Percentile) -> float:
    """The p-quantile with the samples of a bucket spread evenly over it: for ratios, where a step of 1 ns in 20 is 5 %.

    A clock that ticks in whole ns turns a change of 3 % of such a median into none or into 5 %; the share of samples in each
    bucket still shows it. Raises InputError for an empty histogram.
    """
    cumulative = np.cumsum(counts)
    total = int(cumulative[-1])
    rank = rank_of(p, total)
    bucket = int(np.searchsorted(cumulative, rank, side="left"))
    below = int(cumulative[bucket - 1]) if bucket else 0
    lowest, width = (
        float(geometry.lowest_values[bucket]),
        1.0 + float(geometry.highest_values[bucket] - geometry.lowest_values[bucket]),
    )
    return lowest - 0.5 + width * (float(exact(p)) / 100 * total - below) / float(counts[bucket])
