"""Inference across pairs of fresh processes: what one pair says, and when enough of them have said it.

Within a pair the two sides take turns in short blocks, in quads ABBA or BAAB, so that a drift of the machine hits both alike.
A quad's value is the mean of ln(B) minus the mean of ln(A); the median over the quads is the pair's. What stays is the luck
of a process (where its code and heap came to lie), which no number of blocks removes: the unit of inference is the pair.

A test is made at a few looks fixed before (Bonferroni over them keeps the overall error rate), with Student's interval for
the mean of the pairs' values. Where these are skewed or heavy-tailed beyond what Student's test takes, a flag also has to
pass a sign-flip permutation test (E. J. G. Pitman 1937; R. A. Fisher, The Design of Experiments, 1935, section 21).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tickbench.analysis.verdicts import ALPHA, Effect, Judgement, Limits, judge

LOOKS = (6, 10, 16, 24, 36)  # pairs
MOST_DISCARDED_SHARE = 0.25  # of the pairs may be measured again for their spread
_SPREAD_FACTOR = 3.0  # times the median spread of the pairs so far
_MOST_SKEW, _MOST_KURTOSIS = 1.0, 10.0  # from here on Student's test is not relied on alone
_FLIPS = 10_000
_NO_SPREAD = 1e-12  # of a mean log ratio: values that only rounding tells apart
_EXACT_FLIPS_UP_TO = 12
_MAD_TO_SIGMA = 1.4826  # of a normal distribution


@dataclass(frozen=True)
class PairValue:
    """What one pair says: ln of the ratio of costs B over A, and the standard error of its median within the pair."""

    log_ratio: float
    spread: float


def reduce_quads(a_ns: NDArray[np.float64], b_ns: NDArray[np.float64]) -> PairValue:
    """One pair from its quads; `a_ns` and `b_ns` have shape (quads, 2), both > 0: the two blocks of each side in each quad."""
    quads = np.log(b_ns).mean(axis=1) - np.log(a_ns).mean(axis=1)
    median = float(np.median(quads))
    mad = float(np.median(np.abs(quads - median)))
    return PairValue(median, _MAD_TO_SIGMA * mad / math.sqrt(len(quads)))


def too_noisy(spread: float, spreads: Sequence[float]) -> bool:
    """Whether a pair is to be measured again: its spread (never its sign) is far above that of the pairs before it."""
    return len(spreads) >= LOOKS[0] // 2 and spread > _SPREAD_FACTOR * float(np.median(spreads))


def effect_of(values: Sequence[float], limits: Limits, alpha: float = ALPHA, looks: int = len(LOOKS)) -> Effect:
    """The mean effect of pairs' log ratios (at least two) with its interval at alpha / looks on each side."""
    from scipy.special import stdtr, stdtrit  # Student's distribution and its quantile; not before it is needed

    x = np.asarray(values, dtype=float)
    n = len(x)
    mean, error = float(x.mean()), float(x.std(ddof=1)) / math.sqrt(n)
    half = float(stdtrit(n - 1, 1 - alpha / looks)) * error
    margin = math.log1p(limits.tolerance)

    def p_above(shifted: NDArray[np.float64]) -> float:
        """One-sided p-value of a mean above 0."""
        if error < _NO_SPREAD:
            return 0.0 if shifted.mean() > 0 else 1.0
        p = float(stdtr(n - 1, -float(shifted.mean()) / error))
        if _is_irregular(x):
            p = max(p, sign_flip_p(shifted))
        return min(1.0, looks * p)

    return Effect(
        ratio=math.exp(mean),
        low=math.exp(mean - half),
        high=math.exp(mean + half),
        p_worse=p_above(x - margin),
        p_better=p_above(-x - margin),
        samples=n,
    )


def _is_irregular(x: NDArray[np.float64]) -> bool:
    """Whether skewness or excess kurtosis (moment estimates) are beyond what Student's test takes."""
    scaled = (x - x.mean()) / x.std()
    return abs(float(np.mean(scaled**3))) > _MOST_SKEW or float(np.mean(scaled**4)) - 3 > _MOST_KURTOSIS


def sign_flip_p(x: NDArray[np.float64]) -> float:
    """One-sided p-value of a mean above 0, by flipping signs: exact up to 12 values, else 10,000 flips of a fixed seed."""
    n = len(x)
    if n <= _EXACT_FLIPS_UP_TO:
        signs = 1.0 - 2.0 * ((np.arange(1 << n)[:, None] >> np.arange(n)) & 1)
        return float(np.mean(signs @ x >= x.sum() - 1e-12))
    signs = np.random.default_rng(n).choice((-1.0, 1.0), size=(_FLIPS, n))
    return float((np.sum(signs @ x >= x.sum()) + 1) / (_FLIPS + 1))


def decide(values: Sequence[float], limits: Limits, alpha: float = ALPHA) -> tuple[Effect, Judgement]:
    """What the pairs so far say; a flag that only the interval supports, and not the p-value, is not raised yet."""
    effect = effect_of(values, limits, alpha)
    judgement = judge(effect, limits)
    p = {"regression": effect.p_worse, "improvement": effect.p_better}.get(judgement.verdict)
    if p is not None and p > alpha:
        reason = "the pairs are too skewed to tell: a permutation test does not support it"
        judgement = Judgement("inconclusive", reason, judgement.smallest_visible)
    return effect, judgement


def unconfirmed(first: tuple[Effect, Judgement]) -> tuple[Effect, Judgement]:
    """The verdict on a flag for which the second measurement had too few values: none."""
    effect, flag = first
    reason = f"a {flag.verdict} that was not confirmed: measured again, it had too few values"
    return effect, Judgement("inconclusive", reason, flag.smallest_visible)


def confirmed(
    first: tuple[Effect, Judgement], second: tuple[Effect, Judgement], alpha: float = ALPHA
) -> tuple[Effect, Judgement]:
    """The verdict after a flag was measured again from scratch: both must say the same, else the second stands or none does.

    Under "no change" both flags together have at most the square of one flag's probability, so the larger p-value squared is
    the p-value of both.
    """
    (one, verdict), (other, again) = first, second
    both = Effect(
        ratio=math.sqrt(one.ratio * other.ratio),
        low=min(one.low, other.low),
        high=max(one.high, other.high),
        p_worse=max(one.p_worse, other.p_worse) ** 2,
        p_better=max(one.p_better, other.p_better) ** 2,
        samples=one.samples + other.samples,
    )
    if verdict.verdict == again.verdict:
        return both, Judgement(verdict.verdict, f"{verdict.reason}, twice", again.smallest_visible)
    seen = f"{one.ratio - 1:+.2%}, measured again {other.ratio - 1:+.2%}"
    if again.verdict == "unchanged":
        return other, Judgement("unchanged", f"{again.reason} ({seen})", again.smallest_visible)
    return both, Judgement("inconclusive", f"a {verdict.verdict} that was not confirmed: {seen}", again.smallest_visible)
