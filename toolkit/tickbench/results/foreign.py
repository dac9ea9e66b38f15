"""Runs out of other tools' files: pyperf, pytest-benchmark and .hlog (see `foreign_hlog`), recognised by their content.

A value of the JSON files is a mean over loops, so the timing is "batch". What they do not say is null, never guessed.
Host names and paths are left behind.

- pyperf: the values of one process are one round, for values of one process share its memory layout, hash seed and caches and
  are no independent samples of anything that a second process does not share. Runs without values (calibrations) are left out.
- pytest-benchmark: all rounds are of one process and there may be a hundred thousand of them. They become at most MOST_GROUPS
  groups of neighbours in time, the method of batch means: neighbours are correlated, means of long blocks hardly are, and a
  drift stays visible as spread between groups (B. W. Schmeiser, Batch size effects in the analysis of simulation output,
  Operations Research 30(3), 1982: 10 to 30 batches are enough). What differs between processes stays unseen.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Annotated, Any, Literal

import msgspec

from tickbench.errors import InputError
from tickbench.results.foreign_hlog import looks_like, read_hlog
from tickbench.results.foreign_run import MOST_GROUPS, VARIANT, Benchmark, moment, provenance_of, run_of
from tickbench.results.run_file import Provenance, Run, Skipped, explain

_MOST_LOOPS = 10**15

Seconds = Annotated[float, msgspec.Meta(gt=0, le=1e9)]
Loops = Annotated[int, msgspec.Meta(ge=1, le=_MOST_LOOPS)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
Fact = str | int | float | bool | list[Any] | None
Metadata = dict[str, Fact]

# What pyperf says of a machine and a build; not its host name and not its paths.
_PYPERF_FACTS = ("aslr", "boot_time", "cpu_config", "cpu_freq", "platform", "python_compiler", "runnable_threads", "timer")


class _PyperfRun(msgspec.Struct, frozen=True):
    metadata: Metadata = {}
    values: list[Seconds] = []


class _PyperfBenchmark(msgspec.Struct, frozen=True):
    runs: Annotated[list[_PyperfRun], msgspec.Meta(min_length=1)]
    metadata: Metadata = {}


class _Pyperf(msgspec.Struct, frozen=True):
    version: Literal["1.0"]
    benchmarks: Annotated[list[_PyperfBenchmark], msgspec.Meta(min_length=1)]
    metadata: Metadata = {}


class _Stats(msgspec.Struct, frozen=True):
    iterations: Loops
    data: list[Seconds] | None = None


class _PytestBenchmark(msgspec.Struct, frozen=True):
    fullname: Name
    stats: _Stats
    params: dict[str, Any] | None = None
    options: dict[str, Any] = {}


class _Cpu(msgspec.Struct, frozen=True):
    brand_raw: str | None = None
    count: Annotated[int, msgspec.Meta(ge=1)] | None = None


class _MachineInfo(msgspec.Struct, frozen=True):
    machine: str | None = None
    python_implementation: str | None = None
    python_version: str | None = None
    release: str | None = None
    system: str | None = None
    cpu: _Cpu = _Cpu()


class _CommitInfo(msgspec.Struct, frozen=True):
    id: str | None = None
    dirty: bool | None = None


class _PytestFile(msgspec.Struct, frozen=True):
    machine_info: _MachineInfo
    benchmarks: Annotated[list[_PytestBenchmark], msgspec.Meta(min_length=1)]
    commit_info: _CommitInfo = _CommitInfo()
    datetime: str | None = None
    version: str | None = None


def read(content: bytes, name: str) -> Run:
    """The run that a file of another tool holds; `name` is said in errors, which are InputError with the key or line."""
    if looks_like(content):
        return read_hlog(content, name)
    try:
        keys = msgspec.json.decode(content, type=dict[str, msgspec.Raw])
        reader = READERS[_recognise(keys, name)]
        return reader(content, name)
    except msgspec.ValidationError as error:
        raise InputError(f"{name}: {explain(error)}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{name}: not a whole JSON document ({error}): was the file cut off or edited?") from error


def _recognise(keys: dict[str, msgspec.Raw], name: str) -> str:
    if "schema" in keys:
        raise InputError(f"{name}: schema: {bytes(keys['schema']).decode()[:60]}: a file of tickbench needs no import")
    if "benchmarks" in keys and "machine_info" in keys:
        return "pytest-benchmark"
    if "benchmarks" in keys and "version" in keys:
        return "pyperf"
    raise InputError(
        f"{name}: benchmarks: this is neither a pyperf suite (keys version, benchmarks) nor a pytest-benchmark file "
        f"(machine_info, benchmarks): its keys are {', '.join(sorted(keys)[:8]) or 'none'}"
    )


def _read_pyperf(content: bytes, name: str) -> Run:
    suite = msgspec.json.decode(content, type=_Pyperf)
    found, skipped = [], []
    dates = []
    for i, one in enumerate(suite.benchmarks):
        key = f"benchmarks[{i}]"
        shared = suite.metadata | one.metadata
        runs = [(shared | run.metadata, run.values) for run in one.runs if run.values]
        facts = runs[0][0] if runs else shared | one.runs[0].metadata
        title = facts.get("name")
        if not isinstance(title, str) or not title:
            raise InputError(f"{name}: {key}.metadata.name: a text is expected, got {title!r}")
        unit = facts.get("unit", "second")
        if unit != "second" or not runs:
            reason = f"measured in {unit}, not in seconds" if unit != "second" else "calibration only: it holds no value"
            skipped.append(Skipped(scenario=title, component="pyperf", variant=VARIANT, reason=reason))
            continue
        dates += [moment(metadata.get("date"), f"{name}: {key}.runs.metadata.date") for metadata, _ in runs]
        loops = [_loops(metadata, f"{name}: {key}.runs.metadata") for metadata, _ in runs]
        found.append(Benchmark(title, [values for _, values in runs], loops, {}, key))
    first = suite.benchmarks[0]
    facts = suite.metadata | first.metadata | first.runs[-1].metadata
    if not found:
        raise InputError(f"{name}: benchmarks: none of them holds a time: there is nothing to import")
    run = run_of(name, "pyperf", found, _pyperf_provenance(name, facts, sorted(dates)))
    run.skipped += skipped
    return run


def _loops(metadata: Metadata, place: str) -> int:
    product = 1
    for key in ("loops", "inner_loops"):
        value = metadata.get(key, 1)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _MOST_LOOPS:
            raise InputError(f"{place}.{key}: a number from 1 to {_MOST_LOOPS} is expected, got {str(value)[:40]}")
        product *= value
    return product


def _pyperf_provenance(name: str, facts: Metadata, dates: Sequence[str]) -> Provenance:
    cpus = facts.get("cpu_count")
    python = _text(facts, "python_version")
    implementation = {"cpython": "CPython", "pypy": "PyPy"}.get(_text(facts, "python_implementation") or "", "")
    platform = re.match(r"(\w+)-(.+)-([^-]+)-with-", _text(facts, "platform") or "")
    version = _text(facts, "perf_version")
    return provenance_of(
        name,
        started_at=dates[0],
        ended_at=dates[-1],
        cpu_model=_text(facts, "cpu_model_name"),
        cpus=cpus if isinstance(cpus, int) and not isinstance(cpus, bool) and cpus > 0 else None,
        kernel=" ".join(platform.groups()) if platform else None,
        python=f"{implementation} {python.partition(' ')[0]}".strip() if python else None,
        packages={"pyperf": version} if version else {},
        machine={key: value for key in _PYPERF_FACTS if isinstance(value := facts.get(key), str | int | float)},
        clock=_text(facts, "timer"),
    )


def _text(facts: Metadata, key: str) -> str | None:
    value = facts.get(key)
    return value if isinstance(value, str) and value else None


def _read_pytest(content: bytes, name: str) -> Run:
    file = msgspec.json.decode(content, type=_PytestFile)
    found = []
    for i, one in enumerate(file.benchmarks):
        if not one.stats.data:
            raise InputError(
                f"{name}: benchmarks[{i}].stats.data: the rounds' times are not in the file: "
                "save it by --benchmark-json FILE or with --benchmark-save-data"
            )
        groups = list(_groups(one.stats.data))
        found.append(
            Benchmark(one.fullname, groups, [one.stats.iterations] * len(groups), one.params or {}, f"benchmarks[{i}]")
        )
    machine, commit = file.machine_info, file.commit_info
    timers = {str(one.options["timer"]) for one in file.benchmarks if one.options.get("timer")}
    named = commit.id if commit.id != "unversioned" else None
    saved_at = moment(file.datetime, f"{name}: datetime")
    provenance = provenance_of(
        name,
        started_at=saved_at,
        ended_at=saved_at,  # the one time that such a file says
        cpu_model=machine.cpu.brand_raw,
        cpus=machine.cpu.count,
        kernel=_joined(machine.system, machine.release, machine.machine),
        python=_joined(machine.python_implementation, machine.python_version),
        packages={"pytest-benchmark": file.version} if file.version else {},
        machine={},
        clock=timers.pop() if len(timers) == 1 else None,
    )
    provenance.revision = named
    provenance.clean = None if named is None or commit.dirty is None else not commit.dirty
    return run_of(name, "pytest-benchmark", found, provenance)


def _joined(*facts: str | None) -> str | None:
    known = [one for one in facts if one]
    return " ".join(known) if len(known) == len(facts) else None


def _groups(values: Sequence[float]) -> Iterator[Sequence[float]]:
    """At most MOST_GROUPS groups of neighbours, whose sizes differ by one at most."""
    many = min(MOST_GROUPS, len(values))
    edges = [i * len(values) // many for i in range(many + 1)]
    return (values[low:high] for low, high in pairwise(edges))


READERS: dict[str, Callable[[bytes, str], Run]] = {"pyperf": _read_pyperf, "pytest-benchmark": _read_pytest}
