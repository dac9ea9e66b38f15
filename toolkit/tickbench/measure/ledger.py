"""The ledger of claims: scenarios/claims.toml, one entry a promise, and what a run says of each.

[[claim]]
id = "order-book-update"
section = "1.1"                      where the plan promises it
promise = "…"                        what it promises
reading = "…"                        what its words leave open, and how they were read
scenario = "claims/order-book"       the scenario that measures both variants
before = "mutex_hash"                the variant without the change …
after = "lockfree_ladder"            … and with it
metric = "p99"                       p10, p50, p90, p99, p99.9, max: of an operation, in ns; mean: elapsed time an operation;
                                     rate: operations a second; counter:NAME: a counter of the workload
better = "lower"                     or "higher"
unit = "ns"                          of the metric
gain = 3.0                           promised: so many times better
promised_before = 15_000             promised figures, in the unit; the second is a limit
promised_after = 5_000

An entry with `not_testable = "why"` in place of scenario, variants and metric is listed with that reason.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from tickbench.analysis.claims import Judgement, judge
from tickbench.analysis.percentiles import LEAST_EXCEEDANCES
from tickbench.errors import InputError
from tickbench.kernels.hdr import rank_of
from tickbench.measure.catalogue import beside_scenarios
from tickbench.measure.scenario import Text, read_toml, refuse_unknown
from tickbench.results.run_file import Measurement, Run, explain

FILE_NAME = "claims.toml"
_COUNTER = "counter:"
_NS_PER_S = 1_000_000_000
_PERCENTILES = ("p10", "p50", "p90", "p99", "p99.9", "max")
_TESTED = ("scenario", "before", "after", "metric", "unit")  # what an entry that can be tested needs

Positive = Annotated[float, msgspec.Meta(gt=0)]


class Claim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One promise, and what tests it."""

    id: Text
    section: Text
    promise: Text
    reading: Text
    scenario: Text | None = None
    before: Text | None = None
    after: Text | None = None
    metric: Text | None = None
    better: Literal["lower", "higher"] = "lower"
    unit: Text | None = None
    gain: Positive | None = None
    promised_before: float | None = None
    promised_after: float | None = None
    not_testable: Text | None = None


class _Ledger(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    claim: list[Claim]


@dataclass(frozen=True)
class Finding:
    """A claim and what the run says of it."""

    claim: Claim
    judgement: Judgement


def claims_file() -> Path:
    """The ledger that ships beside the scenarios."""
    return beside_scenarios(FILE_NAME, "--claims")


def read_claims(path: Path) -> list[Claim]:
    """All entries of a ledger; raises InputError that names the file, the entry and the key."""
    document = read_toml(path, "the claims")
    refuse_unknown(f"{path}", document, ["claim"])
    for entry in document.get("claim", []):
        if isinstance(entry, dict):
            refuse_unknown(f"{path}: claim {entry.get('id', '?')}", entry, Claim.__struct_fields__)
    try:
        claims = msgspec.convert(document, type=_Ledger).claim
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: {explain(error)}") from error
    _check(path, claims)
    return claims


def _check(path: Path, claims: Sequence[Claim]) -> None:
    seen: set[str] = set()
    for one in claims:
        place = f"{path}: claim {one.id}"
        if one.id in seen:
            raise InputError(f"{place}: the id stands there twice: rename one")
        seen.add(one.id)
        lacking = [key for key in _TESTED if getattr(one, key) is None]
        if one.not_testable is None and lacking:
            raise InputError(f"{place}: {', '.join(lacking)} missing: give them, or say not_testable = why")
        if one.not_testable is not None and len(lacking) < len(_TESTED):
            raise InputError(f"{place}: has not_testable and {next(k for k in _TESTED if k not in lacking)}: keep one of them")
        if one.not_testable is None and one.gain is None and one.promised_after is None:
            raise InputError(f"{place}: promises nothing: give gain, promised_after, or both")
        metric = one.metric or _PERCENTILES[0]
        if metric not in (*_PERCENTILES, "mean", "rate") and not metric.startswith(_COUNTER):
            raise InputError(f"{place}: metric: {metric!r} is none of {', '.join(_PERCENTILES)}, mean, rate, {_COUNTER}NAME")


def judge_run(run: Run, claims: Iterable[Claim]) -> list[Finding]:
    """What a run says of each claim, in their order."""
    return [Finding(one, _judge(run, one)) for one in claims]


def _judge(run: Run, claim: Claim) -> Judgement:
    if claim.not_testable is not None:
        return Judgement("not testable here", claim.not_testable)
    try:
        before, after = (_by_round(run, claim, name or "") for name in (claim.before, claim.after))
    except _NoValuesError as reason:
        return Judgement("not testable here", str(reason))
    return judge(before, after, better=claim.better, promised_gain=claim.gain, promised_after=claim.promised_after)


class _NoValuesError(Exception):
    """Why the run holds no values for a claim."""


def _by_round(run: Run, claim: Claim, variant: str) -> dict[int, float]:
    """The metric of a variant in each round; raises _NoValuesError with the reason where there is none."""
    of_scenario = [one for one in run.measurements if one.scenario == claim.scenario and one.variant == variant]
    if not of_scenario:
        raise _NoValuesError(_absence(run, claim, variant))
    _check_samples(of_scenario, claim.metric or "")
    return {one.round: _value(one, claim.metric or "") for one in of_scenario}


def _absence(run: Run, claim: Claim, variant: str) -> str:
    """Why a variant was not measured in the claim's scenario."""
    if claim.scenario not in {one.id for one in run.scenarios}:
        return f"{claim.scenario} is not in this run: tickbench run {claim.scenario}"
    for failure in run.failures:
        if failure.scenario == claim.scenario and failure.variant == variant:
            return f"{variant}: {failure.kind.replace('_', ' ')}: {failure.detail}"
    for skipped in run.skipped:
        if skipped.scenario == claim.scenario and skipped.variant == variant:
            return f"{variant}: {skipped.reason}"
    return f"{variant} was not measured in {claim.scenario}: was it left out by --variant?"


def _check_samples(measured: Sequence[Measurement], metric: str) -> None:
    """Raise _NoValuesError where too few samples of all rounds lie above the percentile that is to decide."""
    if metric not in _PERCENTILES or metric == "max":
        return
    values = sum(one.operations // one.operations_per_value for one in measured)
    if values - rank_of(metric.removeprefix("p"), max(values, 1)) < LEAST_EXCEEDANCES:
        raise _NoValuesError(f"{metric} of {values} samples decides nothing: more --seconds")


def _value(measurement: Measurement, metric: str) -> float:
    if metric.startswith(_COUNTER):
        name = metric.removeprefix(_COUNTER)
        if name not in measurement.counters:
            raise _NoValuesError(f"{measurement.variant} has no counter {name}: {_no_counter(name)}")
        return measurement.counters[name]
    if metric == "mean":
        return measurement.elapsed_ns / max(measurement.operations, 1)
    if metric == "rate":
        return measurement.operations * _NS_PER_S / max(measurement.elapsed_ns, 1)
    return measurement.percentiles[metric.removeprefix("p")]


def _no_counter(name: str) -> str:
    return "needs hardware counters" if name.startswith("hardware_") else "this version of the workload does not count it"
