"""Two stored runs: what their rounds prove when hours, neighbours and machine states lie between them.

Rounds are the independent unit, times are compared as logarithms. For measurement i the shift is
d_i = mean log new - mean log base. It has three causes: the code, the rounds' own spread, and what the machine did between the
runs. The last is no sampling error: identical code measured one after the other moved by 5 to 15 % on shared machines, so a
test that knows the spread of the rounds only gives false alarms in up to half of the cases. Hence three parts of variance:

    s_base² / n_base + s_new² / n_new + tau²

- s², within a run. Few rounds estimate a variance badly, so it is moderated by what all measurements have in common: an inverse
  chi² prior fitted to all of them (G. K. Smyth, Linear models and empirical Bayes methods, Stat. Appl. Genet. Mol. Biol.
  3(1):3, 2004, section 6.2).
- tau², between the runs: how far the measurements of all other scenarios moved, about zero and not about their mean, so that a
  common drift counts. The largest fifth is trimmed (that is where changed code is), their sampling error taken off, and the
  rest joined with what is known beforehand: PRIOR_SHIFT, or the machine's own run-to-run spread where that was measured. Where
  the other variants of the same scenario moved more than that, their median shift is taken: what a scenario as a whole does is
  not one variant's.

The three parts are joined by Satterthwaite's degrees of freedom (B. L. Welch, Biometrika 34, 1947) and Student's t. So there is
a price: with a prior of 6 % a slowdown of 10 % is not found on a machine of which nothing is known. When nearly all scenarios
moved in one direction (`moved_together`), a finding must stand out from that common shift as well (`beyond_common`).
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, digamma, polygamma, stdtr, stdtrit

from tickbench.analysis.verdicts import ALPHA, Effect, Metric

LEAST_ROUNDS = 2  # of a side: one round says nothing of its own spread
# Sd of the shift of identical code between two runs, in logs: two runs of 53 measurements, 24 minutes apart on a shared
# two-core machine, moved by 6 % (throughput), 6 % (p50) and 18 % (p99) beyond the spread of their rounds. One pair of runs on
# one machine; p99.9 is a judgement, not measured.
PRIOR_SHIFT: dict[Metric, float] = {"throughput": 0.06, "p50": 0.06, "p99": 0.18, "p99.9": 0.40}
# The next four are judgement, not measured; `tests/unit/test_stored.py` shows what false alarms they give together.
_PRIOR_DF = 4.0  # of the prior alone: a few pairs of runs
_PRIOR_WEIGHT = 1.0  # beside what these two runs show: one scenario
_KEPT = 0.8  # share of the smallest absolute shifts that tau is taken from
_EFFICIENCY = 0.6  # of that estimate against the variance of all
_KEPT_SQUARE = 0.4377  # mean square of the inner 80 % of a standard normal: 1 - 2 q phi(q) / 0.8 with q = 1.2816
_MEASURED_DF = 30.0  # of a spread that somebody vouches for: about as good as known (judgement)
_FEWEST_SIBLINGS = 2
_MOST_DF = 1000.0
_TOGETHER_ALPHA = 0.01  # of the sign test over scenarios: 8 of 8 are the fewest that reach it


@dataclass(frozen=True)
class Rounds:
    """One metric of one variant in one scenario: ns (or a ratio) of each round of both sides.

    `resolution` is the relative step of the values: a difference below it can be rounding.
    """

    scenario: str
    base: tuple[float, ...]
    new: tuple[float, ...]
    resolution: float = 0.0

    @property
    def shift(self) -> float:
        """Mean log of new less mean log of base."""
        return statistics.fmean(map(math.log, self.new)) - statistics.fmean(map(math.log, self.base))


@dataclass(frozen=True)
class Together:
    """How many of `of` scenarios moved in the common direction, and the median ratio of all."""

    moved: int
    of: int
    ratio: float


def compare_rounds(
    measured: Sequence[Rounds], metric: Metric, tolerance: Sequence[float], shift: float | None = None
) -> list[Effect]:
    """The effect of each measurement of one metric; `tolerance[i]` is the relative change up to which nobody acts.

    Every side needs LEAST_ROUNDS positive values. `shift` is the machine's spread from run to run (sd of logs) where that is
    known, in place of PRIOR_SHIFT. The interval has two-sided confidence 1 - 2 * ALPHA.
    """
    if not measured:
        return []
    sampling, freedoms = _sampling_variances(measured)
    shifts = np.array([one.shift for one in measured])
    prior = (PRIOR_SHIFT[metric], _PRIOR_DF) if shift is None else (shift, _MEASURED_DF)
    return [
        _effect(one, sampling[i], freedoms[i], _between(measured, shifts, sampling.sum(axis=1), i, prior), tolerance[i])
        for i, one in enumerate(measured)
    ]


def moved_together(measured: Sequence[Rounds], tolerance: float) -> Together | None:
    """Whether the scenarios moved in one direction more often than chance would have it, and by more than the tolerance.

    Variants of a scenario move together, so a scenario counts once, by the median of its variants; a two-sided sign test
    (W. J. Conover, Practical Nonparametric Statistics, 1999, 3.4) over scenarios decides. The machine did that, or a change
    that everything has in common: two stored runs cannot tell these apart. None if they did not.
    """
    medians = _scenario_shifts(measured)
    slower, faster = sum(one > 0 for one in medians), sum(one < 0 for one in medians)
    common = statistics.median(medians) if medians else 0.0
    n, rarer = slower + faster, min(slower, faster)
    if abs(common) <= math.log1p(tolerance) or 2 * float(bdtr(rarer, n, 0.5)) > _TOGETHER_ALPHA:
        return None
    return Together(max(slower, faster), len(medians), math.exp(common))


def beyond_common(measured: Sequence[Rounds]) -> list[Rounds]:
    """The measurements with the common shift, the median over scenarios, taken off the new side."""
    common = math.exp(statistics.median(_scenario_shifts(measured))) if measured else 1.0
    return [replace(one, new=tuple(value / common for value in one.new)) for one in measured]


def _scenario_shifts(measured: Sequence[Rounds]) -> list[float]:
    shifts: dict[str, list[float]] = {}
    for one in measured:
        shifts.setdefault(one.scenario, []).append(one.shift)
    return [statistics.median(values) for values in shifts.values()]


def _sampling_variances(measured: Sequence[Rounds]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Moderated variances of the two means, and their degrees of freedom; both of shape [measurements, 2]."""
    sizes = np.array([[len(one.base), len(one.new)] for one in measured], dtype=float)
    raw = np.array([[np.var(np.log(side), ddof=1) for side in (one.base, one.new)] for one in measured])
    own_df = sizes - 1
    prior, prior_df = _fit_prior(raw.ravel(), own_df.ravel())
    if math.isinf(prior_df):
        return np.full_like(raw, prior) / sizes, np.full_like(raw, _MOST_DF)
    return (prior_df * prior + own_df * raw) / (prior_df + own_df) / sizes, prior_df + own_df


def _fit_prior(variances: NDArray[np.float64], df: NDArray[np.float64]) -> tuple[float, float]:
    """Scale and degrees of freedom of the common prior, by the moments of the log variances (Smyth 2004, 6.2).

    Degrees of freedom 0: there is nothing in common; infinite: all have the same variance.
    """
    seen = variances > 0  # values on the same step of a histogram have none
    if seen.sum() < 3:
        return 0.0, 0.0
    centred = np.log(variances[seen]) - digamma(df[seen] / 2) + np.log(df[seen] / 2)
    excess = float(np.var(centred, ddof=1) - np.mean(polygamma(1, df[seen] / 2)))
    if excess <= 0:
        return float(np.exp(np.mean(centred))), math.inf
    half = _inverse_trigamma(excess)
    return float(np.exp(np.mean(centred) + digamma(half) - math.log(half))), 2 * half


def _inverse_trigamma(value: float) -> float:
    """x with trigamma(x) = value, by Newton's method on 1 / trigamma, which is nearly straight (Smyth 2004, appendix)."""
    if value > 1e7:
        return 1 / math.sqrt(value)
    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, x))
        x += step
        if abs(step) < 1e-8 * x:
            break
    return x


def _between(
    measured: Sequence[Rounds],
    shifts: NDArray[np.float64],
    sampling: NDArray[np.float64],
    index: int,
    prior: tuple[float, float],
) -> tuple[float, float]:
    """tau² for one measurement and its degrees of freedom, from the scenarios that it has no part in.

    `prior` is what is known beforehand: a standard deviation and its degrees of freedom.
    """
    others = [k for k, one in enumerate(measured) if one.scenario != measured[index].scenario]
    siblings = [k for k, one in enumerate(measured) if one.scenario == measured[index].scenario and k != index]
    between, df = prior[0] ** 2, 0.0
    if others:
        # Variants of one scenario move together, so that scenarios are counted.
        df = _EFFICIENCY * len({measured[k].scenario for k in others})
        seen = _trimmed(shifts[others], sampling[others])
        between = (_PRIOR_WEIGHT * between + df * seen) / (_PRIOR_WEIGHT + df)
    if len(siblings) >= _FEWEST_SIBLINGS:
        between = max(between, float(np.median(shifts[siblings])) ** 2 - float(np.median(sampling[siblings])))
    return between, prior[1] + df


def _trimmed(shifts: NDArray[np.float64], sampling: NDArray[np.float64]) -> float:
    """Variance of shifts about zero from the smaller four fifths of them, less their sampling error."""
    kept = np.sort(shifts**2)[: max(1, round(_KEPT * len(shifts)))]
    return max(0.0, float(np.mean(kept)) / _KEPT_SQUARE - float(np.median(sampling)))


def _effect(
    one: Rounds,
    sampling: NDArray[np.float64],
    freedoms: NDArray[np.float64],
    between: tuple[float, float],
    tolerance: float,
) -> Effect:
    parts = [*zip(sampling.tolist(), freedoms.tolist(), strict=True), between]
    variance = sum(part for part, _ in parts)
    df = min(_MOST_DF, variance**2 / sum(part**2 / own for part, own in parts if part > 0))
    error, step, limit = math.sqrt(variance), math.log1p(one.resolution), math.log1p(tolerance)
    reach = float(stdtrit(df, 1 - ALPHA)) * error + step
    return Effect(
        ratio=math.exp(one.shift),
        low=math.exp(one.shift - reach),
        high=math.exp(one.shift + reach),
        p_worse=float(stdtr(df, -(one.shift - step - limit) / error)),
        p_better=float(stdtr(df, (one.shift + step + limit) / error)),
        samples=min(len(one.base), len(one.new)),
    )
