"""A pyperf suite: for `pyperf compare_to`, `pyperf stats` and `pyperf hist`."""

import io
from datetime import datetime
from typing import Any

from tickbench.errors import InputError
from tickbench.results.exports.choice import Choice, Export
from tickbench.results.foreign_run import VARIANT
from tickbench.results.run_file import FOREIGN_SUITE, Measurement, Run, ScenarioRecord

_NS_PER_S = 1e9


def write(run: Run, _choice: Choice) -> Export:
    """Scenario x variant is a benchmark, an undisturbed round is a run with one value in seconds.

    The value is the mean time of an operation and `loops` says of how many; of an open load, whose rate is given, it is the
    median response time. Raises InputError when no round can be written.
    """
    import pyperf

    measured: dict[tuple[str, str, str], list[Measurement]] = {}
    for one in run.measurements:
        measured.setdefault((one.scenario, one.component, one.variant), []).append(one)
    scenarios = {one.id: one for one in run.scenarios}
    shared = _shared_metadata(run)
    benchmarks: list[Any] = []
    left_out = []
    for (scenario, component, variant), rounds in measured.items():
        record = scenarios.get(scenario)
        name = _benchmark_name(record, scenario, variant)
        known = shared | {"name": name, "tickbench_component": _plain(component)}
        runs = [
            pyperf.Run([value], metadata=known | facts, collect_metadata=False)
            for one in rounds
            if not one.disturbed and (value := (told := _value(record, one))[0]) > 0 and (facts := told[1])
        ]
        if runs and name in {one.get_name() for one in benchmarks}:
            left_out.append(f"{name}: another scenario and variant have the same name in pyperf")
        elif runs:
            benchmarks.append(pyperf.Benchmark(runs))
        else:
            left_out.append(f"{name}: none of its {len(rounds)} rounds is undisturbed and longer than 0 ns")
    if not benchmarks:
        raise InputError(f"this run holds no round that could be exported{': ' if left_out else ''}{'; '.join(left_out[:3])}")
    text = io.StringIO()
    pyperf.BenchmarkSuite(benchmarks).dump(text)
    return Export(text.getvalue(), tuple(left_out))


def _benchmark_name(record: ScenarioRecord | None, scenario: str, variant: str) -> str:
    """What was imported gets its own name back, unless it has several variants."""
    whole = record is not None and record.suite == FOREIGN_SUITE and variant == VARIANT
    return _plain(scenario if whole else f"{scenario} {variant}")


def _plain(text: str) -> str:
    """pyperf refuses line breaks, and a name is no place for what cannot be printed."""
    return "".join(letter if letter.isprintable() else "_" for letter in text)


def _value(record: ScenarioRecord | None, one: Measurement) -> tuple[float, dict[str, str | int | float]]:
    """Seconds of a round and what is to be said of them; 0 where it has none."""
    if record is not None and record.open_loop:
        return one.percentiles.get("50", 0.0) / _NS_PER_S, {
            "tickbench_value": f"median {'response' if 'response' in one.histograms else 'recorded'} time"
        }
    facts: dict[str, str | int | float] = {
        "tickbench_value": "mean time of an operation",
        "loops": max(one.operations, 1),
        "duration": one.elapsed_ns / _NS_PER_S,
    }
    return one.elapsed_ns / max(one.operations, 1) / _NS_PER_S, facts


def _shared_metadata(run: Run) -> dict[str, str | int]:
    """The facts under pyperf's names; what is unknown is absent."""
    of = run.provenance
    implementation, _, version = (of.python or "").partition(" ")
    facts: dict[str, str | int | None] = {
        "unit": "second",
        "date": _date(of.started_at),
        "cpu_model_name": of.cpu_model,
        "cpu_count": of.cpus,
        "platform": of.kernel and of.kernel.replace(" ", "-"),
        "python_implementation": implementation.lower(),
        "python_version": version,
        "timer": of.clock.source,
        "tickbench_version": of.tickbench,
        "tickbench_revision": of.revision,
    }
    return {
        key: _plain(value) if isinstance(value, str) else value for key, value in facts.items() if value not in (None, "", 0)
    }


def _date(started_at: str) -> str | None:
    """Local time without a zone, as pyperf writes and reads it: here UTC, so that the machine that exports does not matter."""
    try:
        moment = datetime.fromisoformat(started_at)
    except ValueError:
        return None
    return moment.replace(tzinfo=None).isoformat(" ", "microseconds")
