"""Change points of a series of runs: where its level changed for good.

E-divisive (D. S. Matteson and N. A. James, A nonparametric approach for multiple change point analysis of multivariate data,
J. Am. Stat. Assoc. 109, 2014): of all pairs of neighbouring stretches, those are taken that the energy distance tells apart
best, the series is cut there, and both parts are searched in turn. The search over the end of the second stretch is theirs
too; without it, a level that rises and falls again hides itself.

The paper tests a cut by permutations, 999 a cut at least, with another answer for every seed. Here it is the exact permutation
test of the ranks (H. B. Mann and D. R. Whitney, Ann. Math. Stat. 18, 1947), times the number of cuts that were searched
(Bonferroni): the same answer each time, whatever the distribution, and no outlier weighs more than one rank. Runs that follow
each other are not quite independent: their lag-1 correlation within the stretches, where it exceeds its own error, shrinks the
test's z as it shrinks the information of a mean, by (1 + r) / (1 - r). That is an approximation: with r = 0.5 about 1 in 70
series of 50 runs was still flagged.

A cut is reported if the medians differ by LEAST_MAGNITUDE and if a value after it exceeds one before it (or the other way
round) with a probability of LEAST_SUPERIORITY (R. O. McGraw and S. P. Wong, Psychol. Bull. 111, 1992): a series that jumps
between two levels all the time has medians that differ, but no such order.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

P = 0.001  # error rate of a cut, all cuts of its stretch together
LEAST_MAGNITUDE = 0.02
LEAST_SUPERIORITY = 0.80
LEAST_POINTS = 4  # on each side: one outlier is none of them, nor are two
MOST_POINTS = 1000  # the newest: time and memory grow with the square
_EXACT_UP_TO = 25  # values of the smaller side: above, the normal approximation errs towards no change

Values = NDArray[np.float64]


@dataclass(frozen=True)
class ChangePoint:
    """`index` is the first value of the new level; `before` and `after` are medians of the stretches that meet there."""

    index: int
    before: float
    after: float
    p: float

    @property
    def change(self) -> float:
        """Relative: 0.05 is 5 % up."""
        return self.after / self.before - 1 if self.before else math.inf


def change_points(values: Sequence[float]) -> list[ChangePoint]:
    """Change points of `values`, one a run, the oldest first; of long series the newest MOST_POINTS are searched."""
    given = np.asarray(values, dtype=np.float64)
    skipped = max(len(given) - MOST_POINTS, 0)
    series = given[skipped:]
    cuts: dict[int, float] = {}
    stack = [(0, len(series))]
    while stack:
        start, end = stack.pop()
        found = _best_cut(series[start:end])
        if found is None or found[1] >= P:
            continue
        cut = start + found[0]
        cuts[cut] = found[1]
        stack += [(start, cut), (cut, end)]
    if not cuts:
        return []
    kept = _worth_telling(series, cuts)
    levels = [float(np.median(series[a:b])) for a, b in zip([0, *kept], [*kept, len(series)], strict=True)]
    return [ChangePoint(skipped + cut, levels[k], levels[k + 1], cuts[cut]) for k, cut in enumerate(kept)]


def _best_cut(x: Values) -> tuple[int, float] | None:
    """Where the stretch `x` is cut best, and the p-value of that; None when it is too short."""
    n = len(x)
    if n < 2 * LEAST_POINTS:
        return None
    statistic = _energy(x)
    cut, end = divmod(int(np.argmax(statistic)), n + 1)
    searched = int(np.count_nonzero(np.isfinite(statistic)))
    return cut, min(1.0, searched * _p_value(x[:cut], x[cut:end]))


def _energy(x: Values) -> NDArray[np.float64]:
    """Q of [0, cut) against [cut, end), shape (n + 1, n + 1): the paper's equation 5, alpha 1; -inf where one is too short."""
    n = len(x)
    sums = np.zeros((n + 1, n + 1))
    np.cumsum(np.cumsum(np.abs(x[:, None] - x[None, :]), axis=0), axis=1, out=sums[1:, 1:])
    inside = np.diagonal(sums)  # of all pairs of [0, k), each counted twice
    left = np.arange(n + 1, dtype=np.float64)[:, None]
    right = left.T - left
    allowed = (left >= LEAST_POINTS) & (right >= LEAST_POINTS)
    left, right = np.where(allowed, left, 2.0), np.where(allowed, right, 2.0)
    across = sums - inside[:, None]
    within_right = inside[None, :] - inside[:, None] - 2 * across
    distance = 2 * across / (left * right) - inside[:, None] / (left * (left - 1)) - within_right / (right * (right - 1))
    return np.where(allowed, left * right / (left + right) * distance, -np.inf)


def _p_value(before: Values, after: Values) -> float:
    """Two-sided, of one cut, with the correlation of neighbours taken into account."""
    from scipy.stats import mannwhitneyu  # half a second: not before there is a cut to test

    exact = min(len(before), len(after)) <= _EXACT_UP_TO
    p = float(mannwhitneyu(before, after, method="exact" if exact else "asymptotic").pvalue)
    residuals = np.concatenate([_detrended(before), _detrended(after)])
    r = _correlation(residuals)
    if r <= 0 or p >= 1 or p <= 0:
        return p
    return float(2 * ndtr(ndtri(p / 2) * math.sqrt((1 - r) / (1 + r))))


def _detrended(x: Values) -> Values:
    """Residuals of a straight line: a drift is what is looked for, not a correlation of its runs."""
    places = np.arange(len(x)) - (len(x) - 1) / 2
    return x - np.mean(x) - places * (places @ x / (places @ places))


def _correlation(residuals: Values) -> float:
    """Lag-1 correlation of the ranks, less one standard error of it; 0 at least."""
    from scipy.stats import rankdata

    ranks = rankdata(residuals) - (len(residuals) + 1) / 2
    spread = float(ranks @ ranks)
    r = float(ranks[1:] @ ranks[:-1]) / spread if spread else 0.0
    return max(0.0, min(0.95, r - 1 / math.sqrt(len(residuals))))


def _worth_telling(series: Values, cuts: dict[int, float]) -> list[int]:
    """The cuts without those that are too small, the smallest removed first: its neighbours' stretches then grow together."""
    kept = sorted(cuts)
    while kept:
        stretches = [series[a:b] for a, b in zip([0, *kept], [*kept, len(series)], strict=True)]
        sizes = [_size(before, after) for before, after in itertools.pairwise(stretches)]
        smallest = min(range(len(kept)), key=sizes.__getitem__)
        if sizes[smallest] >= 1:
            break
        del kept[smallest]
    return kept


def _size(before: Values, after: Values) -> float:
    """How large a change is in units of what must be reached, in magnitude and in superiority: 1 is just enough."""
    first, second = float(np.median(before)), float(np.median(after))
    magnitude = abs(second - first) / abs(first) if first else (math.inf if second else 0.0)
    above = float(np.mean(after[:, None] > before[None, :]) + 0.5 * np.mean(after[:, None] == before[None, :]))
    return min(magnitude / LEAST_MAGNITUDE, max(above, 1 - above) / LEAST_SUPERIORITY)
