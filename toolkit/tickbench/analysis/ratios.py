"""The ratio of two variants, paired within rounds.

What disturbs a shared machine changes from minute to minute and multiplies times; two variants measured in the same round share
most of it. So each round gives one ratio, and the median of these is reported with an order-statistic interval, which
assumes nothing of their distribution: the k-th smallest and k-th largest of n values enclose the median with probability
1 - 2 * P(X < k), X ~ Binomial(n, 1/2) (David and Nagaraja, Order Statistics, 3rd ed., 7.1).
"""

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

CONFIDENCE = 0.95


@dataclass(frozen=True)
class PairedRatio:
    """Median of the per-round ratios, and the interval that holds the true median with at least `confidence`.

    With fewer than 6 rounds no interval reaches 95 %: then it is the range of all rounds, and `confidence` says what that
    is worth (5 rounds 94 %, 3 rounds 75 %, 1 round 0).
    """

    median: float
    low: float
    high: float
    confidence: float
    rounds: int


@dataclass(frozen=True)
class MedianInterval:
    """A median, and the interval that holds the true one with at least `confidence` (see `PairedRatio`)."""

    median: float
    low: float
    high: float
    confidence: float


def median_interval(values: Iterable[float]) -> MedianInterval:
    """The order-statistic interval of the median of independent values, at least one."""
    ordered = sorted(values)
    k = _narrowest_rank(len(ordered))
    return MedianInterval(statistics.median(ordered), ordered[k - 1], ordered[-k], coverage(len(ordered), k))


def paired_ratio(numerators: Mapping[int, float], denominators: Mapping[int, float]) -> PairedRatio | None:
    """Ratio of two quantities measured in rounds (round -> value); None where no round holds both, or one is not positive."""
    common = sorted(numerators.keys() & denominators.keys())
    pairs = [(numerators[one], denominators[one]) for one in common]
    ratios = [above / below for above, below in pairs if above > 0 and below > 0]
    if not ratios:
        return None
    found = median_interval(ratios)
    return PairedRatio(found.median, found.low, found.high, found.confidence, len(ratios))


def coverage(n: int, k: int) -> float:
    """Probability that the k-th smallest and the k-th largest of n values enclose the median."""
    return 1 - 2 * sum(math.comb(n, i) for i in range(k)) / float(2**n)


def rounds_needed() -> int:
    """The fewest rounds whose range holds the median with CONFIDENCE: 6."""
    n = 1
    while coverage(n, 1) < CONFIDENCE:
        n += 1
    return n


def _narrowest_rank(n: int) -> int:
    """The largest k whose interval still reaches CONFIDENCE; 1 (the whole range) where none does."""
    k = 1
    while 2 * (k + 1) <= n and coverage(n, k + 1) >= CONFIDENCE:
        k += 1
    return k
