"""From a run file to the rows of the history: which machine, which question, and one value a metric."""

import hashlib
import statistics
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from tickbench.errors import InputError
from tickbench.results.run_file import Measurement, Provenance, Run, ScenarioRecord

PERCENTILES = ("50", "99", "99.9")
# Counters that say how much or how fast; the others describe the input and are the same in every run.
COUNTERS = ("resident_growth_bytes", "own_bytes", "reserved_bytes", "bytes_per_message", "reads_per_s", "fairness")
THROUGHPUT = "throughput"
METRICS = (THROUGHPUT, *(f"p{one}" for one in PERCENTILES), *COUNTERS)
_NS_PER_S = 1_000_000_000


def unit_of(metric: str) -> str:
    """The unit of a metric."""
    if metric == THROUGHPUT:
        return "operations/s"
    if metric in COUNTERS:
        return "bytes" if "bytes" in metric else "1/s" if metric.endswith("_per_s") else ""
    return "ns"


def content_id(path: Path) -> str:
    """A hash of what a run file says, however it is laid out; raises InputError when it cannot be read."""
    try:
        document = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"cannot read the run file {path}: {error}") from error
    return hashlib.sha256(msgspec.json.encode(document, order="deterministic")).hexdigest()


def machine_class(facts: Provenance) -> str:
    """What must be equal for times to be comparable, in words: the facts that `compare` looks at."""
    architecture = facts.kernel.rpartition(" ")[2] if facts.kernel else "unknown architecture"
    cpu = facts.cpu_model or "unknown CPU"
    return f"{cpu}, {facts.cpus} CPUs, {architecture}, {facts.llvm_target_cpu}, {facts.clock.source}"


def run_row(run: Run, run_id: str) -> dict[str, Any]:
    """The row of a run."""
    facts = run.provenance
    return {
        "id": run_id,
        "machine": machine_class(facts),
        "started_at": facts.started_at,
        "revision": facts.revision,
        "clean": facts.clean,
        "interrupted": facts.interrupted or facts.ended_at is None,
        "tickbench": facts.tickbench,
        "command": " ".join(facts.command),
    }


def point_rows(run: Run) -> Iterator[dict[str, Any]]:
    """One row a scenario, variant and metric: the median over the rounds, the lowest and the highest."""
    scenarios = {one.id: one for one in run.scenarios}
    feeds = {one.spec: one.sha256 for one in run.provenance.feeds}
    groups: dict[tuple[str, str], list[Measurement]] = {}
    for one in run.measurements:
        if one.scenario in scenarios:
            groups.setdefault((one.scenario, one.variant), []).append(one)
    for (scenario, variant), measured in groups.items():
        asked = _asked(scenarios[scenario], feeds, measured[0].timing)
        values: dict[str, list[float]] = {}
        for one in measured:
            for metric, value in _values(one).items():
                values.setdefault(metric, []).append(value)
        for metric, rounds in values.items():
            yield {
                "scenario": scenario,
                "variant": variant,
                "metric": metric,
                "asked": asked,
                "value": statistics.median(rounds),
                "low": min(rounds),
                "high": max(rounds),
                "rounds": len(rounds),
            }


def _values(one: Measurement) -> dict[str, float]:
    values = {THROUGHPUT: one.operations * _NS_PER_S / max(one.elapsed_ns, 1)}
    values |= {f"p{p}": one.percentiles[p] for p in PERCENTILES if p in one.percentiles}
    return values | {name: one.counters[name] for name in COUNTERS if name in one.counters}


def _asked(scenario: ScenarioRecord, feeds: Mapping[str, str], timing: str) -> str:
    question = (
        scenario.workload,
        scenario.parameters,
        scenario.writers,
        scenario.readers,
        scenario.load,
        scenario.workload_sha256,
        feeds.get(scenario.feed or ""),
        timing,
    )
    return hashlib.sha256(msgspec.json.encode(question, order="deterministic")).hexdigest()[:16]
