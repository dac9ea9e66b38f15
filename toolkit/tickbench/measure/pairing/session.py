"""A whole comparison in pairs: check that both sides compute the same, then pairs up to a verdict, then the flagged again.

Canaries, pairs of identical code, run between the pairs of the subjects; one that shows a difference vetoes the measurement.
"""

import random
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tickbench.analysis.pairs import (
    LOOKS,
    MOST_DISCARDED_SHARE,
    confirmed,
    decide,
    effect_of,
    too_noisy,
    unconfirmed,
)
from tickbench.analysis.verdicts import (
    LIMITS,
    METRICS,
    Comparison,
    Effect,
    Finding,
    Judgement,
    Limits,
    Metric,
    limits_of,
    over_the_suite,
    percent,
)
from tickbench.errors import InputError, InvalidMeasurementError, NotMeasurableError, WrongResultError
from tickbench.measure.machine import allowed_cpus
from tickbench.measure.observer import Observer
from tickbench.measure.pairing.canary import KINDS
from tickbench.measure.pairing.pair import Pair, Turn, calibrate, measure_pair
from tickbench.measure.pairing.side import Side, digest_of_side
from tickbench.measure.pairing.sides import canary_side

DECIDING: tuple[Metric, ...] = ("throughput", "p50")  # p99 is judged on the pairs that these needed, and some more
P99_PAIRS = 16  # at least so many before a p99 that is not decided is given up (its spread is 4 to 10 %)
CANARY_PAIRS = 6
_FLAGS = ("regression", "improvement")


@dataclass(frozen=True)
class Subject:
    """What is compared: a variant in a scenario on two sides, or two programs."""

    scenario: str
    component: str
    variant: str
    base: Side
    new: Side
    tolerance: dict[str, float] = field(default_factory=dict)
    target: dict[str, float] = field(default_factory=dict)
    run_timeout_s: float = 60.0

    def limits(self, metric: Metric) -> Limits:
        """The limits of a metric for this subject."""
        return limits_of(metric, self.tolerance, self.target)


@dataclass
class Series:
    """The pairs of one subject so far, and how many were measured again for their spread."""

    pairs: list[Pair] = field(default_factory=list)
    discarded: int = 0

    def values(self, metric: Metric) -> list[float]:
        """Log ratios of a metric; none unless every pair has it."""
        found = [one.values[metric] for one in self.pairs if metric in one.values]
        return found if len(found) == len(self.pairs) else []


@dataclass
class Session:
    """How a comparison is made. `most_seconds` bounds one measurement of a subject; `measure` is replaced by tests."""

    seed: int
    observer: Observer
    most_seconds: float = 60.0
    measure: Callable[..., Pair] = measure_pair
    canaries: dict[str, Series] = field(default_factory=lambda: {kind: Series() for kind in KINDS})
    handovers_us: list[float] = field(default_factory=list)
    timings: list[dict[str, object]] = field(default_factory=list)
    _canary_turns: dict[str, Turn] = field(default_factory=dict)
    _drawn: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._drawn = random.Random(f"{self.seed}/pairs")

    def compare(self, subjects: Sequence[Subject], base: str, new: str) -> Comparison:
        """Measure every subject; one that fails is named and has no verdict. An interrupt keeps what there is, and says so."""
        self.observer.stage("pairs", len(subjects))
        findings: list[Finding] = []
        interrupted = False
        notes: list[str] = []
        wrong: list[str] = []
        refused: list[str] = []
        for subject in subjects:
            name = f"{subject.scenario} {subject.variant}"
            try:
                found = self.verdicts(subject)
            except WrongResultError as error:
                wrong.append(f"{name}: {error}")
                self.observer.done(f"{name}: wrong result")
                continue
            except KeyboardInterrupt:
                interrupted = True
                notes.append(f"interrupted at {name}: what was measured before it is here, nothing is known of the rest")
                break
            except (NotMeasurableError, InvalidMeasurementError, InputError) as error:
                refused.append(f"{name}: {error}")
                self.observer.done(f"{name}: not compared: {error}")
                continue
            findings += found
            self.observer.done(f"{name}: " + "; ".join(_told(one) for one in found))
        if not interrupted and any(one.verdict in _FLAGS for one in findings):
            interrupted = self._complete_canaries(notes)
        veto = self._veto()
        return Comparison(
            kind="pairs",
            base=base,
            new=new,
            findings=over_the_suite(findings),
            notes=tuple(notes),
            wrong=tuple(wrong),
            refused=tuple(refused),
            veto=veto,
            facts={
                "seed": self.seed,
                "interrupted": interrupted,
                "canaries": {kind: _canary_fact(series) for kind, series in self.canaries.items()},
                "handover_us": statistics.median(self.handovers_us) if self.handovers_us else None,
                "timings": self.timings,
            },
        )

    def verdicts(self, subject: Subject) -> list[Finding]:
        """Check, calibrate, measure, and measure again if a metric is flagged."""
        _check_alike(subject, self.seed)
        turn = calibrate(subject.base, self.seed, subject.run_timeout_s)
        cpus = allowed_cpus()
        start_s = time.monotonic()
        first = self._measured(subject, turn, cpus)
        found = _judged(subject, first)
        flagged = {metric for metric, (_, verdict) in found.items() if verdict.verdict in _FLAGS}
        again: Series | None = None
        if flagged:
            again = self._measured(subject, turn, cpus, other_than=first.pairs[0].cpu)
            second = _judged(subject, again)
            for metric in flagged:
                found[metric] = confirmed(found[metric], second[metric]) if metric in second else unconfirmed(found[metric])
        elapsed_s = time.monotonic() - start_s
        pairs = [*first.pairs, *(again.pairs if again else [])]
        self.timings.append(
            {
                "scenario": subject.scenario,
                "variant": subject.variant,
                "pairs": len(pairs),
                "discarded": first.discarded + (again.discarded if again else 0),
                "elapsed_s": elapsed_s,
                "rounds_of_a_turn": turn.rounds,
                "whole_runs": turn.whole_runs,
                "log_ratios": [one.values["throughput"] for one in pairs],
                "spreads": [one.spread for one in pairs],
            }
        )
        return [_finding(subject, metric, pairs, *one) for metric, one in found.items()]

    def _measured(self, subject: Subject, turn: Turn, cpus: Sequence[int], other_than: int | None = None) -> Series:
        """Pairs until every deciding metric has a verdict, the looks are over, or the time is."""
        series, end_s = Series(), time.monotonic() + self.most_seconds
        first_cpu = None if other_than is None else next((cpu for cpu in cpus if cpu != other_than), None)
        for look in LOOKS:
            while len(series.pairs) < look:
                self._add_pair(series, subject.base, subject.new, turn, cpus, None if series.pairs else first_cpu)
                self._canary_pair(cpus)
                if time.monotonic() > end_s and len(series.pairs) >= LOOKS[0]:
                    return series
            if _settled(subject, series, look):
                break
        return series

    def _add_pair(
        self, series: Series, base: Side, new: Side, turn: Turn, cpus: Sequence[int], first_cpu: int | None = None
    ) -> None:
        """One pair; again, within bounds, where its spread is far above that of the pairs before."""
        while True:
            pair = self.measure(base, new, turn, self._drawn.getrandbits(31), cpus, first_cpu)
            spreads = [one.spread for one in series.pairs]
            most = MOST_DISCARDED_SHARE * max(len(series.pairs), LOOKS[0])
            if not too_noisy(pair.spread, spreads) or series.discarded >= most:
                break
            series.discarded += 1
        series.pairs.append(pair)
        self.handovers_us.append(pair.handover_us)

    def _canary_pair(self, cpus: Sequence[int]) -> None:
        """One pair of the canary that has the fewest, until each has enough."""
        kind = min(self.canaries, key=lambda one: len(self.canaries[one].pairs), default=None)
        if kind is None:
            return
        series = self.canaries[kind]
        if len(series.pairs) >= CANARY_PAIRS:
            return
        side = canary_side(kind)
        if kind not in self._canary_turns:
            self._canary_turns[kind] = calibrate(side, self.seed, 0.0)
        self._add_pair(series, side, side, self._canary_turns[kind], cpus)

    def _complete_canaries(self, notes: list[str]) -> bool:
        """Give every canary its pairs, so that it can veto a short comparison too; returns whether that was interrupted."""
        cpus = allowed_cpus()
        try:
            while any(len(one.pairs) < CANARY_PAIRS for one in self.canaries.values()):
                self._canary_pair(cpus)
        except KeyboardInterrupt:
            notes.append("interrupted among the canaries: whether the machine is at fault is not known")
            return True
        except (NotMeasurableError, InvalidMeasurementError, InputError) as error:
            notes.append(f"the canaries could not be measured: {error}")
        return False

    def _veto(self) -> str | None:
        """Why the measurement is not to be believed, if a canary shows a difference between two times the same code."""
        for kind, series in self.canaries.items():
            if len(series.pairs) < CANARY_PAIRS:
                continue
            effect, judgement = decide(series.values("throughput"), LIMITS["throughput"])
            if judgement.verdict in _FLAGS:
                return (
                    f"the {kind} canary, identical code on both sides, shows {percent(effect.ratio)}: the machine is at fault"
                )
        return None


def _check_alike(subject: Subject, seed: int) -> None:
    """Raise InputError unless both sides hash their answers to the same digest."""
    base, new = digest_of_side(subject.base, seed), digest_of_side(subject.new, seed)
    if base != new:
        raise InputError(
            f"the sides do not compute the same from the same input: digest {base} of {subject.base.name}, {new} of "
            f"{subject.new.name}: the answers, the input or the oracle changed, and a comparison of times would mean nothing"
        )


def _settled(subject: Subject, series: Series, look: int) -> bool:
    """Whether the pairs so far decide: throughput and p50 have verdicts, p99 has one or has had its chance."""
    for metric in METRICS:
        values = series.values(metric)
        if not values or metric == "p99.9":
            continue
        _, judgement = decide(values, subject.limits(metric))
        if judgement.verdict == "inconclusive" and (metric in DECIDING or look < P99_PAIRS):
            return False
    return True


def _judged(subject: Subject, series: Series) -> dict[Metric, tuple[Effect, Judgement]]:
    return {
        metric: decide(values, subject.limits(metric)) for metric in METRICS if len(values := series.values(metric)) >= LOOKS[0]
    }


def _finding(subject: Subject, metric: Metric, pairs: Sequence[Pair], effect: Effect, judgement: Judgement) -> Finding:
    base = [one.base_ns[metric] for one in pairs if metric in one.base_ns]
    new = [one.new_ns[metric] for one in pairs if metric in one.new_ns]
    return Finding(
        scenario=subject.scenario,
        component=subject.component,
        variant=subject.variant,
        metric=metric,
        base_ns=statistics.median(base),
        new_ns=statistics.median(new),
        effect=effect,
        limits=subject.limits(metric),
        judgement=judgement,
    )


def _told(one: Finding) -> str:
    return f"{one.metric} {percent(one.effect.ratio) if one.effect else ''} {one.verdict}"


def _canary_fact(series: Series) -> dict[str, float] | None:
    """A canary's ratio with its interval, None where it has too few pairs."""
    values = series.values("throughput")
    if len(values) < CANARY_PAIRS:
        return None
    effect = effect_of(values, LIMITS["throughput"])
    return {"ratio": effect.ratio, "low": effect.low, "high": effect.high}
