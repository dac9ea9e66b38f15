"""A run made of what another tool measured: what every reader of `results.foreign` ends with."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import tickbench
from tickbench.errors import InputError
from tickbench.kernels.hdr import Histogram
from tickbench.results.run_file import (
    FOREIGN_SUITE,
    ClockRecord,
    Measurement,
    Provenance,
    Run,
    ScenarioRecord,
    VariantRecord,
)

VARIANT = "main"
MOST_GROUPS = 10  # rounds that are made of one process's values: see `foreign`
_NS_PER_S = 1e9
_MOST_NS = 2**62  # what the histograms and the run file can hold


@dataclass(frozen=True)
class Benchmark:
    """One benchmark: seconds per operation of each value, in rounds; `loops[i]` operations make a value of round i."""

    name: str
    rounds: Sequence[Sequence[float]]
    loops: Sequence[int]
    parameters: dict[str, Any]
    key: str


def moment(text: object, place: str) -> str:
    """A time of a file in ISO 8601, UTC where it has a zone; InputError names `place` (file and key) when it is none.

    Baselines and the history are in the order of time, so that a run must have one.
    """
    try:
        when = datetime.fromisoformat(str(text))
        when = when.astimezone(UTC) if when.tzinfo else when
    except (ValueError, OverflowError) as error:
        raise InputError(f"{place}: the time of the measurement is expected, got {str(text)[:40]!r}") from error
    return when.replace(tzinfo=None).isoformat(timespec="seconds") + ("Z" if when.tzinfo else "")


def provenance_of(name: str, *, clock: str | None, **known: Any) -> Provenance:
    """What the file says, and null for the rest."""
    return Provenance(
        tickbench=tickbench.__version__,
        command=["tickbench", "import", Path(name).name],
        seed=None,
        allowed_cpus=[],
        memory_bytes=None,
        governor=None,
        hypervisor=None,
        llvm_target_cpu=None,
        revision=None,
        clean=None,
        clock=ClockRecord(source=clock, error_ppm=None, read_cost_ns=None, recorder_cost_ns=None),
        feeds=[],
        **known,
    )


def run_of(name: str, tool: str, found: Sequence[Benchmark], provenance: Provenance) -> Run:
    """The run; InputError when a name is unusable, or a time impossible."""
    run = Run(provenance=provenance)
    run.variants.append(
        VariantRecord(
            component=tool, name=VARIANT, runtime="python", example_of=tool, capabilities=[], reference=False, null=False
        )
    )
    seen: set[str] = set()
    for one in found:
        if one.name in seen or not one.name.isprintable():
            fault = "is there twice" if one.name in seen else "has characters that cannot be printed"
            raise InputError(f"{name}: {one.key}: the name {one.name!r} {fault}")
        seen.add(one.name)
        measured = [_measurement(name, tool, one, i) for i in range(len(one.rounds))]
        run.scenarios.append(_scenario(tool, one, sum(m.elapsed_ns for m in measured) / _NS_PER_S))
        run.measurements += measured
    return run


def _scenario(tool: str, one: Benchmark, seconds: float) -> ScenarioRecord:
    return ScenarioRecord(
        id=one.name,
        suite=FOREIGN_SUITE,
        why=f"imported from {tool}",
        component=tool,
        workload="foreign",
        operation="call",
        feed=None,
        writers=1,
        readers=0,
        requires=[],
        load={"kind": "closed"},
        parameters=one.parameters,
        rounds=len(one.rounds),
        seconds=seconds,
        open_loop=False,
    )


def _measurement(name: str, tool: str, one: Benchmark, number: int) -> Measurement:
    """One round: the values as a histogram of `loops` operations each; nothing was verified, as there is no oracle."""
    loops, values_ns = one.loops[number], [value * _NS_PER_S for value in one.rounds[number]]
    elapsed_ns = sum(values_ns) * loops
    if elapsed_ns >= _MOST_NS:
        raise InputError(f"{name}: {one.key}: round {number} took {elapsed_ns / _NS_PER_S:.3g} s by its loops: not possible")
    histogram = Histogram()
    histogram.record([round(value * loops) for value in values_ns])
    return Measurement(
        scenario=one.name,
        component=tool,
        variant=VARIANT,
        round=number,
        threads=1,
        load={"kind": "closed"},
        timing="batch",
        operations=loops * len(values_ns),
        elapsed_ns=max(1, round(elapsed_ns)),
        operations_per_value=loops,
        verified=False,
        percentiles={"50": statistics.median_low(values_ns), "max": max(values_ns)},
        histograms={"service": histogram.encode()},
    )
