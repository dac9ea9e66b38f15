"""Two stored runs compared: what may be compared at all, the values of each round, and the verdicts.

A time is a time only on one machine, on one input, for one workload, timed in one way. What differs in these is refused a
verdict and named; what differs in interpreter, libraries and revision is named and compared, for that is what changes.
"""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tickbench.analysis import verdicts
from tickbench.analysis.stored import LEAST_ROUNDS, Rounds, Together, beyond_common, compare_rounds, moved_together
from tickbench.analysis.verdicts import Comparison, Finding, Judgement, Limits, Metric, judge, limits_of, over_the_suite
from tickbench.errors import InputError
from tickbench.results.run_file import Measurement, Provenance, Run, ScenarioRecord, VariantRecord

INFORMATIONAL = "informational: "
PAIRS_REMEDY = "tickbench compare --revision measures both sides in turns"
# Values above a percentile that each side needs to be compared: judgement, not measured. p50 and throughput need none.
LEAST_EXCEEDANCES: dict[Metric, int] = {"p99": 30, "p99.9": 100}
_SHARES_ABOVE: dict[Metric, float] = {"p50": 0.5, "p99": 0.01, "p99.9": 0.001}
_HDR_STEP = 2.0**-10  # buckets of three digits: the relative width of one
_ASKED = ("workload", "parameters", "writers", "readers", "load")
_NOTED = ("python", "governor", "memory_bytes", "tickbench")
_RATED_PACKAGES = ("numba", "llvmlite", "numpy")

Key = tuple[str, str]  # scenario and variant


class NotComparableError(InputError):
    """Two runs of which no time may be compared."""


@dataclass(frozen=True)
class _Side:
    """A run, looked up by name."""

    run: Run
    scenarios: Mapping[str, ScenarioRecord]
    variants: Mapping[Key, VariantRecord]  # by component and name
    measured: Mapping[Key, list[Measurement]]

    def reference(self, scenario: str) -> str | None:
        """The measured reference variant of a scenario."""
        component = self.scenarios[scenario].component
        names = [name for (of, name), one in self.variants.items() if of == component and one.reference]
        return next((name for name in names if (scenario, name) in self.measured), None)


def compare_runs(
    base: Run,
    new: Run,
    base_name: str,
    new_name: str,
    across_machines: bool = False,
    shift: Mapping[Metric, float] | None = None,
) -> Comparison:
    """Every metric of every scenario and variant that both runs measured, with its verdict.

    `across_machines` compares ratios to the reference variant, paired within rounds, in place of times. `shift` is this
    machine's spread from run to run (sd of logs), where it is known. Raises NotComparableError, which lists all differences,
    when the machines differ or nothing is left to compare.
    """
    a, b = _side(base, base_name), _side(new, new_name)
    differences = machine_differences(base.provenance, new.provenance)
    if differences and not across_machines:
        raise NotComparableError(
            f"{base_name} and {new_name} are of different machines: {'; '.join(differences)}: times cannot be compared; "
            "--across-machines compares ratios to the reference variant"
        )
    common = [key for key in a.measured if key in b.measured]
    refused = {key: reason for key in common if (reason := _refusal(a, b, key, across_machines))}
    if len(refused) == len(common):
        raise NotComparableError(_nothing_common(a, b, base_name, new_name, refused))
    compared = [key for key in common if key not in refused and not _is_null(a, key)]
    if across_machines:
        compared = [key for key in compared if a.reference(key[0]) != key[1]]
    findings = over_the_suite(_findings(a, b, compared, across_machines, shift or {}))
    together = None if across_machines else _together(a, b, [key for key in common if key not in refused])
    if together:
        relative = over_the_suite(_findings(a, b, compared, across_machines, shift or {}, relative=True))
        findings = tuple(_explained(*pair) for pair in zip(findings, relative, strict=True))
    believed = together is None or any(one.verdict == "regression" for one in findings)
    return Comparison(
        kind="across machines" if across_machines else "runs",
        base=base_name,
        new=new_name,
        findings=findings,
        vanished=_only_in(a, b),
        appeared=_only_in(b, a),
        wrong=tuple(_wrong(new)),
        refused=tuple(f"{' '.join(key)}: {reason}" for key, reason in refused.items()),
        notes=(
            *differences,
            *_notes(a, b, common, across_machines),
            *_power(findings),
            *(_moved(together) if believed else ()),
        ),
        veto=None if believed or together is None else _veto(together),
        facts={"rounds": max(len(a.measured[key]) for key in common), "measurements": len(common)},
    )


def _side(run: Run, name: str) -> _Side:
    measured: dict[Key, list[Measurement]] = {}
    for one in run.measurements:
        measured.setdefault((one.scenario, one.variant), []).append(one)
    if not measured:
        raise NotComparableError(f"{name}: this run holds no measurement: there is nothing to compare")
    scenarios = {one.id: one for one in run.scenarios}
    if unknown := sorted({scenario for scenario, _ in measured} - scenarios.keys()):
        raise InputError(
            f"{name}: measurements: scenario {unknown[0]} is not among the scenarios of the run: was the file edited?"
        )
    return _Side(run, scenarios, {(one.component, one.name): one for one in run.variants}, measured)


def machine_differences(base: Provenance, new: Provenance) -> list[str]:
    """What makes two runs' times incomparable, in words: processor, its number, architecture, compile target, clock.

    What a run does not know (an imported one) is unknown, not different.
    """
    facts = {
        "cpu": (base.cpu_model, new.cpu_model),
        "number of cpus": (base.cpus, new.cpus),
        "architecture": (_architecture(base), _architecture(new)),
        "compile target": (base.llvm_target_cpu, new.llvm_target_cpu),
        "clock": (base.clock.source, new.clock.source),
    }
    return [
        f"{name} {_text(one)} → {_text(other)}"
        for name, (one, other) in facts.items()
        if None not in (one, other) and one != other
    ]


def _architecture(provenance: Provenance) -> str | None:
    return provenance.kernel.rpartition(" ")[2] if provenance.kernel is not None else None


def _text(value: object) -> str:
    return "unknown" if value in (None, "") else str(value)


def _refusal(a: _Side, b: _Side, key: Key, across: bool) -> str | None:
    """Why a pair of measurements cannot be compared."""
    scenario, variant = key
    base, new = a.scenarios[scenario], b.scenarios[scenario]
    for name in _ASKED:
        one, other = getattr(base, name), getattr(new, name)
        if one != other:
            return f"another workload: {_difference(name, one, other)}"
    if base.workload_sha256 and new.workload_sha256 and base.workload_sha256 != new.workload_sha256:
        return "another workload: the sources that issue the operations changed"
    feeds = [_feed_hash(side.run, record.feed) for side, record in ((a, base), (b, new))]
    if feeds[0] != feeds[1]:
        return f"another feed: {base.feed} {_text(feeds[0])[:12]} → {new.feed} {_text(feeds[1])[:12]}"
    timings = [sorted({one.timing for one in side.measured[key]}) for side in (a, b)]
    if timings[0] != timings[1] or len(timings[0]) > 1:
        return f"another timing: {', '.join(timings[0])} → {', '.join(timings[1])}"
    if across and (a.reference(scenario) is None or a.reference(scenario) != b.reference(scenario)):
        return f"no reference variant in both runs to take ratios to ({variant})"
    return None


def _difference(name: str, one: object, other: object) -> str:
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [key for key in {**one, **other} if one.get(key) != other.get(key)]
        return ", ".join(f"{name}.{key} {one.get(key)} → {other.get(key)}" for key in keys)
    return f"{name} {one} → {other}"


def _feed_hash(run: Run, spec: str | None) -> str | None:
    return next((one.sha256 for one in run.provenance.feeds if one.spec == spec), None)


def _nothing_common(a: _Side, b: _Side, base: str, new: str, refused: Mapping[Key, str]) -> str:
    if refused:
        reasons = sorted({f"{scenario}: {reason}" for (scenario, _), reason in refused.items()})
        return f"nothing in {base} and {new} can be compared: {'; '.join(reasons)}"
    return (
        f"{base} and {new} have no scenario and variant in common: {base} has {_some(_only_in(a, b))}; "
        f"{new} has {_some(_only_in(b, a))}"
    )


def _some(names: Sequence[str], most: int = 6) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _only_in(a: _Side, b: _Side) -> tuple[str, ...]:
    return tuple(" ".join(key) for key in a.measured if key not in b.measured)


def _is_null(side: _Side, key: Key) -> bool:
    record = side.variants.get((side.scenarios[key[0]].component, key[1]))
    return record is not None and record.null


def _main_metric(side: _Side, key: Key) -> Metric:
    """What a measurement is compared by first; an open loop's throughput is given."""
    return "p50" if side.scenarios[key[0]].open_loop else "throughput"


def _metrics(side: _Side, key: Key) -> Iterable[Metric]:
    """The metrics to compare. The percentiles of batch means say what their throughput says: they are not counted twice."""
    if not side.scenarios[key[0]].open_loop:
        yield "throughput"
    if side.measured[key][0].timing == "operation":
        yield from ("p50", "p99", "p99.9")


def _findings(
    a: _Side, b: _Side, keys: Sequence[Key], across: bool, shift: Mapping[Metric, float], relative: bool = False
) -> list[Finding]:
    """The findings of all metrics; `relative` to what all scenarios have in common."""
    found: dict[tuple[Key, Metric], Finding] = {}
    for metric in verdicts.METRICS:
        rounds: dict[Key, Rounds] = {}
        for key in keys:
            if metric not in _metrics(a, key):
                continue
            either = _rounds(a, b, key, metric, across)
            if isinstance(either, Rounds):
                rounds[key] = either
            else:
                found[key, metric] = _without_effect(a, b, key, metric, either)
        limits = [_limits(b, key, metric) for key in rounds]
        values = beyond_common(list(rounds.values())) if relative else list(rounds.values())
        effects = compare_rounds(values, metric, [one.tolerance for one in limits], shift.get(metric))
        for key, effect, of in zip(rounds, effects, limits, strict=True):
            plain = _without_effect(a, b, key, metric, "")
            found[key, metric] = replace(plain, effect=effect, judgement=judge(effect, of))
    return [found[key, metric] for key in keys for metric in verdicts.METRICS if (key, metric) in found]


def _rounds(a: _Side, b: _Side, key: Key, metric: Metric, across: bool) -> Rounds | str:
    """The values of the undisturbed rounds of both sides, or why they decide nothing."""
    sides = []
    resolution = 0.0
    for side in (a, b):
        calm = [one for one in side.measured[key] if not one.disturbed]
        if len(calm) < LEAST_ROUNDS:
            many = len(side.measured[key])
            return f"{LEAST_ROUNDS} undisturbed rounds a side are needed, {len(calm)} of {many} were: more --rounds"
        if reason := _too_few_above(calm, metric):
            return f"{INFORMATIONAL}{reason}"
        values = {one.round: _value(one, metric) for one in calm}
        if min(values.values()) <= 0:
            return f"{INFORMATIONAL}{metric} is below the resolution of the clock"
        if metric != "throughput":
            resolution = max(resolution, _HDR_STEP, 1 / min(values.values()))
        if across:
            values = _over_reference(side, key, metric, values)
            if len(values) < LEAST_ROUNDS:
                return f"{LEAST_ROUNDS} rounds with the reference variant are needed a side"
        sides.append(tuple(values.values()))
    return Rounds(key[0], sides[0], sides[1], resolution)


def _over_reference(side: _Side, key: Key, metric: Metric, values: Mapping[int, float]) -> dict[int, float]:
    """Each round's value over that of the reference variant in the same round."""
    reference = side.measured[key[0], side.reference(key[0]) or ""]
    below = {one.round: _value(one, metric) for one in reference if not one.disturbed}
    return {k: value / below[k] for k, value in values.items() if below.get(k, 0) > 0}


def _too_few_above(measured: Sequence[Measurement], metric: Metric) -> str | None:
    least = LEAST_EXCEEDANCES.get(metric, 0)
    above = int(sum(one.operations // one.operations_per_value for one in measured) * _SHARES_ABOVE.get(metric, 1))
    return f"{above} values lie above {metric}, {least} are needed: more --seconds" if above < least else None


def _value(one: Measurement, metric: Metric) -> float:
    """The metric of one round in ns; 0 where it has none."""
    if metric == "throughput":
        return one.elapsed_ns / max(one.operations, 1)
    return one.percentiles.get(metric.removeprefix("p"), 0.0)


def _limits(side: _Side, key: Key, metric: Metric) -> Limits:
    record = side.scenarios[key[0]]
    return limits_of(metric, record.tolerance, record.target)


def _without_effect(a: _Side, b: _Side, key: Key, metric: Metric, reason: str) -> Finding:
    base, new = (statistics.median(_value(one, metric) for one in side.measured[key]) for side in (a, b))
    return Finding(
        scenario=key[0],
        component=b.scenarios[key[0]].component,
        variant=key[1],
        metric=metric,
        base_ns=base,
        new_ns=new,
        effect=None,
        limits=_limits(b, key, metric),
        judgement=Judgement("inconclusive", reason, None),
    )


def _together(a: _Side, b: _Side, keys: Sequence[Key]) -> Together | None:
    rounds = [_rounds(a, b, key, _main_metric(a, key), False) for key in keys]
    return moved_together([one for one in rounds if isinstance(one, Rounds)], verdicts.LIMITS["throughput"].tolerance)


def _veto(together: Together) -> str:
    return (
        f"{together.moved} of {together.of} scenarios moved in one direction (median {verdicts.percent(together.ratio)}): "
        f"the machine changed, or something that all of them use; two stored runs cannot tell which: {PAIRS_REMEDY}"
    )


def _moved(together: Together | None) -> Iterable[str]:
    if together:
        median = verdicts.percent(together.ratio)
        yield f"{together.moved} of {together.of} scenarios moved in one direction (median {median}): flags stand out from that"


def _explained(finding: Finding, relative: Finding) -> Finding:
    """The finding, inconclusive where what all scenarios have in common explains it."""
    if finding.effect is None or finding.verdict in ("inconclusive", relative.verdict):
        return finding
    judgement = Judgement("inconclusive", "nearly everything moved like this", finding.judgement.smallest_visible)
    return replace(finding, judgement=judgement)


def _power(findings: Sequence[Finding]) -> Iterable[str]:
    """What these two runs could have shown at all."""
    visible = [one.judgement.smallest_visible for one in findings if one.metric in ("throughput", "p50")]
    seen = [one for one in visible if one is not None]
    if seen:
        yield (
            f"smallest slowdown of throughput or p50 that these two runs can show: {min(seen):.1%}, "
            f"median {statistics.median(seen):.1%}; for smaller ones {PAIRS_REMEDY}"
        )


_MACHINE_FACTS = ("cpu_model", "cpus", "kernel", "llvm_target_cpu")


def _wrong(run: Run) -> Iterable[str]:
    for one in run.failures:
        if one.kind == "wrong":
            yield f"{one.scenario} {one.variant}: {one.detail}"


def _notes(a: _Side, b: _Side, common: Sequence[Key], across: bool) -> Iterable[str]:
    if across:
        yield "ratios to the reference variant are compared, not times: another machine can change them as well"
    base, new = a.run.provenance, b.run.provenance
    for name in _NOTED:
        one, other = getattr(base, name), getattr(new, name)
        if None not in (one, other) and one != other:
            yield f"{name} differs: {_text(one)} → {_text(other)}"
    for name, facts in (("base", base), ("new", new)):
        if unasked := [fact for fact in _MACHINE_FACTS if getattr(facts, fact) is None]:
            yield f"the {name} run does not know its {', '.join(unasked)}: the machine was not compared in these"
    for name in _RATED_PACKAGES:
        if base.packages.get(name) != new.packages.get(name):
            yield f"{name} differs: {_text(base.packages.get(name))} → {_text(new.packages.get(name))}"
    for name, side in (("base", a), ("new", b)):
        if side.run.provenance.interrupted:
            yield f"the {name} run was interrupted: what it lacks is listed as vanished or new"
        if disturbed := sum(one.disturbed for one in side.run.measurements):
            yield f"{disturbed} rounds of the {name} run lost too much time to the machine and are left out"
    unknown = {key[0] for key in common if not (a.scenarios[key[0]].workload_sha256 and b.scenarios[key[0]].workload_sha256)}
    if unknown:
        yield f"workload hash unknown in {len(unknown)} scenarios (an older run file): only what was asked could be compared"
    if nulls := {key[1] for key in common if _is_null(a, key)}:
        yield f"no verdict on {', '.join(sorted(nulls))}: the driver's own cost, which counts for what the machine did"
