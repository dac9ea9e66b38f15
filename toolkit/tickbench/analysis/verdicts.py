"""Verdicts about a change: regression, improvement, unchanged or inconclusive, from an interval and never from a point.

An effect is a ratio of costs, new over base: ns an operation for `throughput`, ns for a percentile; above 1 is worse. Two
limits stand around it. The tolerance (1 %) is what nobody acts on: a regression is proved only when the whole interval lies
beyond it. It, not the p-value, keeps a gate calm on a shared machine: with none, small samples with a chance offset are
flagged too often. The target (3 %, p99 10 %) is the change that must not be missed: `unchanged` is proved when the whole
interval lies within it, both ways. What is neither is inconclusive, and says the smallest change that could have been seen.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

Verdict = Literal["regression", "improvement", "unchanged", "inconclusive"]
Metric = Literal["throughput", "p50", "p99", "p99.9"]
SCHEMA = "tickbench.comparison/1"  # of a Comparison as JSON
METRICS: tuple[Metric, ...] = ("throughput", "p50", "p99", "p99.9")
ALPHA = 0.01  # error rate of a flag, for each side: one false alarm in a hundred comparisons before they are confirmed


@dataclass(frozen=True)
class Limits:
    """Relative changes: up to `tolerance` nobody acts, from `target` on it must be found. 0.03 is 3 %."""

    tolerance: float
    target: float


LIMITS: dict[Metric, Limits] = {
    "throughput": Limits(0.01, 0.03),
    "p50": Limits(0.01, 0.03),
    "p99": Limits(0.01, 0.10),
    "p99.9": Limits(0.01, 0.50),  # its spread between pairs of processes is 27 to 44 %: less can't be promised
}


def limits_of(metric: Metric, tolerance: Mapping[str, float], target: Mapping[str, float]) -> Limits:
    """The limits of a metric, with what a scenario file sets in place of the defaults."""
    default = LIMITS[metric]
    return Limits(tolerance.get(metric, default.tolerance), target.get(metric, default.target))


@dataclass(frozen=True)
class Effect:
    """A ratio of costs, new over base, with its interval.

    `p_worse` and `p_better` are the one-sided p-values of "beyond the tolerance"; `samples` are pairs of processes or rounds.
    """

    ratio: float
    low: float
    high: float
    p_worse: float
    p_better: float
    samples: int


@dataclass(frozen=True)
class Judgement:
    """A verdict, why, and the smallest slowdown that would have been proved with a spread like this (0.02 is 2 %)."""

    verdict: Verdict
    reason: str
    smallest_visible: float | None


@dataclass(frozen=True)
class Finding:
    """What became of one metric of one variant in one scenario. `effect` is None where nothing could be compared."""

    scenario: str
    component: str
    variant: str
    metric: Metric
    base_ns: float | None
    new_ns: float | None
    effect: Effect | None
    limits: Limits
    judgement: Judgement

    @property
    def verdict(self) -> Verdict:
        """The verdict of the judgement."""
        return self.judgement.verdict


@dataclass(frozen=True)
class Comparison:
    """A whole comparison. `kind`: `pairs` (interleaved here), `runs` (two stored runs), `across machines` (ratios only).

    `veto` says why the measurement is not to be believed, whatever it found: nothing is said about the code then.
    `wrong` are sides that gave a wrong answer, `refused` what could not be compared, each with the reason.
    `vanished` and `appeared` are scenarios and variants (`scenario variant`) that only one side has.
    """

    kind: Literal["pairs", "runs", "across machines"]
    base: str
    new: str
    findings: tuple[Finding, ...]
    vanished: tuple[str, ...] = ()
    appeared: tuple[str, ...] = ()
    wrong: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    veto: str | None = None
    facts: Mapping[str, object] = field(default_factory=dict)

    def of(self, verdict: Verdict) -> tuple[Finding, ...]:
        """The findings with this verdict."""
        return tuple(one for one in self.findings if one.verdict == verdict)


def place_of(text: str) -> tuple[str, str, str]:
    """Scenario, variant and the rest of `scenario variant: rest`; a scenario may have spaces and colons, a variant has none."""
    found = re.match(r"(.+?) (\S+): (.*)", text, re.DOTALL)
    if found:
        return found[1], found[2], found[3]
    scenario, _, variant = text.rpartition(" ")
    return scenario, variant, ""


def judge(effect: Effect, limits: Limits) -> Judgement:
    """The verdict that an interval supports."""
    visible = (1 + limits.tolerance) * effect.high / effect.ratio - 1
    if effect.low > 1 + limits.tolerance:
        return Judgement("regression", f"slower by more than {limits.tolerance:.1%}", visible)
    if effect.high < 1 / (1 + limits.tolerance):
        return Judgement("improvement", f"faster by more than {limits.tolerance:.1%}", visible)
    if effect.high < 1 + limits.target and effect.low > 1 / (1 + limits.target):
        return Judgement("unchanged", f"a change of {limits.target:.1%} or more is excluded, both ways", visible)
    reason = f"too wide to tell: a slowdown under {visible:.1%} could not have been shown"
    return Judgement("inconclusive", reason, visible)


def holm(p_values: Sequence[float], alpha: float = ALPHA) -> list[bool]:
    """Which hypotheses are rejected when all errors together shall stay under alpha (Holm 1979, step-down)."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    rejected = [False] * len(p_values)
    for rank, index in enumerate(order):
        if p_values[index] > alpha / (len(p_values) - rank):
            break
        rejected[index] = True
    return rejected


def over_the_suite(findings: Sequence[Finding], alpha: float = ALPHA) -> tuple[Finding, ...]:
    """The findings with Holm's correction: a flag that does not survive it becomes inconclusive and says so.

    Each side is corrected for itself, over all findings that have an effect.
    """
    compared = [index for index, one in enumerate(findings) if one.effect is not None]
    effects = [one.effect for one in findings if one.effect is not None]
    kept = {
        "regression": dict(zip(compared, holm([one.p_worse for one in effects], alpha), strict=True)),
        "improvement": dict(zip(compared, holm([one.p_better for one in effects], alpha), strict=True)),
    }
    corrected = []
    for index, one in enumerate(findings):
        if one.verdict not in kept or kept[one.verdict][index]:
            corrected.append(one)
            continue
        reason = f"{one.verdict} if it stood alone, not among {len(effects)} comparisons (Holm, {alpha:.0%})"
        corrected.append(replace(one, judgement=replace(one.judgement, verdict="inconclusive", reason=reason)))
    return tuple(corrected)


def percent(ratio: float) -> str:
    """A ratio of costs as a signed change: 1.031 is +3.1 %."""
    change = 100 * (ratio - 1)
    return f"{change:+.1f} %" if math.isfinite(change) else "–"
