"""Whether a limit is kept, from confidence bounds and never from a lucky sample.

A round is a fresh process, and rounds are the independent unit: the samples within one share its memory layout and whatever
disturbed it. So there are two bounds, one inside the other. Within a round a percentile has its order-statistic interval
(`analysis.percentiles`: Hahn and Meeker 1991, 5.2). Between rounds the median of the rounds' bounds has its own
(`analysis.ratios.median_interval`: David and Nagaraja 2003, 7.1). Of a limit "at most" the upper bound is the upper end of the
median of the rounds' upper bounds: with 5 to 8 rounds the worst round's own upper bound. What is judged is the typical round.

One side decides a limit, so one-sided confidence counts: the highest of n rounds lies below the true median with 2^-n. 5 rounds
are the fewest that reach 95 % (96.9 %); with fewer nothing is judged.

    within         the bound that looks towards the limit keeps it
    over           the other bound breaks it
    not measured   too few rounds or samples, or the interval holds the limit: neither is shown, and more rounds may tell
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tickbench.analysis.percentiles import LEAST_EXCEEDANCES, rank_bounds
from tickbench.analysis.ratios import median_interval
from tickbench.kernels.hdr import Percentile, exact, rank_of

Verdict = Literal["within", "over", "not measured"]
Bound = Literal["at most", "at least"]

LEAST_ROUNDS = 5
_ROUNDS_WITHOUT_EXTREMES = 9  # the fewest whose second highest is a 95 % bound of the median: one bad round decides no more
MOST_ROUNDS = 200  # more than anybody waits for: from here on the median lies on the limit
_Z = 1.959964  # two-sided 95 % quantile of the normal distribution
_MEDIAN_SPREAD = math.sqrt(math.pi / 2)  # standard error of a median over that of a mean, normal values


@dataclass(frozen=True)
class RoundValue:
    """What one round says: the value, and the interval that its own samples allow (the value itself where it has none)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Judgement:
    """A verdict with its evidence: the median of the rounds, the interval, and the end of it that decides."""

    verdict: Verdict
    reason: str
    measured: float | None = None
    low: float | None = None
    high: float | None = None
    deciding: float | None = None


def not_measured(reason: str) -> Judgement:
    """No verdict, with the reason and the remedy."""
    return Judgement("not measured", reason)


def judge(rounds: Sequence[RoundValue], limit: float, bound: Bound) -> Judgement:
    """Judge one value a round against a limit in the same unit."""
    if len(rounds) < LEAST_ROUNDS:
        return not_measured(f"{len(rounds)} rounds, a bound needs {LEAST_ROUNDS}: --rounds {LEAST_ROUNDS}")
    measured = statistics.median(one.value for one in rounds)
    low = median_interval(one.low for one in rounds).low
    high = median_interval(one.high for one in rounds).high
    keeps, breaks = (high <= limit, low > limit) if bound == "at most" else (low >= limit, high < limit)
    deciding = high if bound == "at most" else low
    if keeps:
        return Judgement("within", "", measured, low, high, deciding)
    if breaks:
        return Judgement("over", "", measured, low, high, low if bound == "at most" else high)
    return Judgement("not measured", _more(rounds, limit), measured, low, high, deciding)


def _more(rounds: Sequence[RoundValue], limit: float) -> str:
    """What could decide an interval that holds the limit."""
    values = [one.value for one in rounds]
    between = median_interval(values)
    if between.high <= limit or between.low > limit:
        return "the rounds' own intervals are too wide: more --seconds"
    needed = rounds_to_decide(values, limit)
    if needed is None:
        return "the median lies on the limit: more rounds will not tell"
    if needed <= len(rounds):  # only chance, or one disturbed round, stands in the way
        needed = max(_ROUNDS_WITHOUT_EXTREMES, len(rounds) + LEAST_ROUNDS)
    return f"more rounds: about {needed}, on a quiet machine"


def rounds_to_decide(values: Sequence[float], limit: float) -> int | None:
    """How many rounds like these would put the interval of their median on one side of the limit; None above MOST_ROUNDS.

    By the normal approximation: n = (1.96 · sqrt(pi / 2) · deviation / distance)².
    """
    distance = abs(statistics.median(values) - limit)
    if distance == 0:
        return None
    needed = math.ceil((_Z * _MEDIAN_SPREAD * statistics.stdev(values) / distance) ** 2)
    return needed if needed <= MOST_ROUNDS else None


def samples_needed(p: Percentile) -> int:
    """The fewest samples of a round that give its percentile an upper bound and LEAST_EXCEEDANCES above it: p99 has 1,000."""
    share = exact(p) / 100
    n = max(2 * LEAST_EXCEEDANCES, math.ceil(LEAST_EXCEEDANCES / (1 - share)))
    while n - rank_of(p, n) < LEAST_EXCEEDANCES or not _bounded(p, n):
        n += max(1, n // 100)
    return n


def _bounded(p: Percentile, n: int) -> bool:
    low, high = rank_bounds(p, n)
    return low >= 1 and high <= n
