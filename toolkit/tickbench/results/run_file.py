"""The run file, schema `tickbench.run/1`: its types, saving that never loses the last good state, loading that distrusts.

One JSON document a run. Unknown keys are ignored, so that a later minor version can add some; another schema number is
refused. Times are in ns; a value that the machine would not tell is null.
"""

import os
import re
import tempfile
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from tickbench.errors import InputError

SCHEMA_NAME = "tickbench.run"
SCHEMA_VERSION = 1
SCHEMA = f"{SCHEMA_NAME}/{SCHEMA_VERSION}"
FOREIGN_SUITE = "foreign"  # of the scenarios of an imported run

Count = Annotated[int, msgspec.Meta(ge=0)]
FailureKind = Literal["wrong", "raised", "crashed", "timed_out", "not_measurable", "invalid"]


class FeedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One input of the run: as the user named it, and the hash of its content."""

    spec: str
    name: str
    sha256: str
    events: Count
    updates: Count


class ClockRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The clock that the workers read; `refusal` says why it is not the time-stamp counter."""

    source: str | None
    error_ppm: float | None
    read_cost_ns: float | None
    recorder_cost_ns: float | None
    refusal: str | None = None


class Provenance(msgspec.Struct, kw_only=True):
    """Where, when, with what and from which revision a run was made; an imported run does not know all of it.

    `certificate` is what `selftest` said of the machine.
    """

    tickbench: str
    command: list[str]
    started_at: str
    ended_at: str | None = None
    interrupted: bool = False
    seed: int | None
    cpu_model: str | None
    cpus: Count | None
    allowed_cpus: list[int]
    memory_bytes: Count | None
    kernel: str | None
    governor: str | None
    hypervisor: bool | None
    python: str | None
    llvm_target_cpu: str | None
    packages: dict[str, str]
    machine: dict[str, str | int | float]
    revision: str | None
    clean: bool | None
    clock: ClockRecord
    feeds: list[FeedRecord]
    kernel_cache_hits: Count = 0
    kernel_cache_misses: Count = 0
    repeated_workers: Count = 0
    certificate: dict[str, Any] | None = None


class ScenarioRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked; `point` holds the swept keys and values of a scenario that is one of a sweep.

    `value` says what a value of the histogram is, where it is not the duration of an operation. `tolerance` and `target` are
    the scenario's own limits for comparisons. `workload_sha256`: see `measure.plan.workload_hash`.
    """

    id: str
    suite: str
    why: str
    component: str
    workload: str
    operation: str
    feed: str | None
    writers: Count
    readers: Count
    requires: list[str]
    load: dict[str, Any]
    parameters: dict[str, Any]
    point: dict[str, Any] = {}
    rounds: Count
    seconds: float
    open_loop: bool
    shown_counters: list[str] = []
    value: str = ""
    tolerance: dict[str, float] = {}
    target: dict[str, float] = {}
    workload_sha256: str = ""


class VariantRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One implementation that took part."""

    component: str
    name: str
    runtime: Literal["python", "native"]
    example_of: str
    capabilities: list[str]
    reference: bool
    null: bool


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A slice of a worker's measured time, in ns from its start; the histogram is of the primary values, with 2 digits."""

    start_ns: Count
    end_ns: Count
    histogram: str


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """What one worker measured: one variant in one scenario in one round.

    A value of the histograms covers `operations_per_value` operations; `percentiles` are per operation already.
    `percentiles` are of the response time for an open load, else of the service time; `tries` counts the workers that it
    took to stay under the limit of lost time, and `disturbed` says that none did. `started_s` is from the start of the run;
    `intervals` are the values over time, none where a workload does not tell.
    """

    scenario: str
    component: str
    variant: str
    round: Count
    threads: Count
    load: dict[str, Any]
    timing: Literal["operation", "batch"]
    unit: Literal["ns"] = "ns"
    operations: Count
    elapsed_ns: Count
    operations_per_value: Annotated[int, msgspec.Meta(ge=1)] = 1
    verified: bool
    percentiles: dict[str, float]
    histograms: dict[str, str]
    counters: dict[str, float] = {}
    noise: dict[str, float | None] = {}
    tries: Count = 1
    disturbed: bool = False
    cpus: list[int] = []
    started_s: float | None = None
    intervals: list[Interval] = []


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A number that was not had: who, in which round (None: before the rounds), why, and the end of the worker's stderr."""

    scenario: str
    component: str
    variant: str
    round: Count | None
    kind: FailureKind
    detail: str
    stderr: str = ""


class Skipped(msgspec.Struct, frozen=True, kw_only=True):
    """A variant that a scenario did not ask, and the reason."""

    scenario: str
    component: str
    variant: str
    reason: str


class Run(msgspec.Struct, kw_only=True):
    """One execution of scenarios x variants x rounds on one machine at one revision."""

    schema: str = SCHEMA
    provenance: Provenance
    scenarios: list[ScenarioRecord] = []
    variants: list[VariantRecord] = []
    measurements: list[Measurement] = []
    failures: list[Failure] = []
    skipped: list[Skipped] = []


def save(run: Run, path: Path) -> None:
    """Replace `path` by the run in one step: a reader or a crash sees the old file or the new one, whole.

    Raises InputError when the disk won't take it; the file then holds what the last successful call wrote.
    """
    try:
        write_and_rename(msgspec.json.format(msgspec.json.encode(run), indent=1), path)
    except OSError as error:
        kept = f"{path} holds the last state that could be saved" if path.exists() else "nothing was saved"
        raise InputError(f"cannot write the run file {path}: {error.strerror or error}; {kept}") from error


def write_and_rename(content: bytes, path: Path) -> None:
    """Replace `path` by `content` in one step; raises OSError, with the old file in place."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # the rename must not reach the disk before the content
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def load(path: Path) -> Run:
    """Read a run file; raises InputError that names the file and the key."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the run file {path}: {error.strerror or error}") from error
    try:
        _check_schema(msgspec.json.decode(content, type=_SchemaOnly).schema, path)
        return msgspec.json.decode(content, type=Run)
    except msgspec.ValidationError as error:
        raise InputError(f"{path}: {explain(error)}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{path}: not a whole JSON document ({error}): was the file cut off or edited?") from error


class _SchemaOnly(msgspec.Struct):
    schema: str


def _check_schema(schema: str, path: Path) -> None:
    if schema == SCHEMA:
        return
    match = re.fullmatch(rf"{re.escape(SCHEMA_NAME)}/([0-9]{{1,9}})", schema)
    if match and int(match[1]) > SCHEMA_VERSION:
        raise InputError(f"{path}: schema {schema} is newer than this tickbench reads ({SCHEMA}): update tickbench")
    raise InputError(f"{path}: schema is {schema!r}, not {SCHEMA!r}: this is not a run file of tickbench")


def explain(error: msgspec.ValidationError) -> str:
    """msgspec's text as `key: what is wrong`."""
    text, _, place = str(error).partition(" - at ")
    key = place.strip("`").removeprefix("$").removeprefix(".")
    return f"{key}: {text}" if key else text
