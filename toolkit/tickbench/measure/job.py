"""What passes between the parent and a worker process: one JSON job in, one JSON answer out."""

from typing import Any, Literal

import msgspec

from tickbench.measure.load_plan import Load
from tickbench.results.run_file import FailureKind, Interval

Task = Literal["compile", "verify", "measure"]


class WorkerJob(msgspec.Struct, frozen=True, kw_only=True):
    """One thing for one fresh process to do.

    `compile`: import `module`, or what all variants of `component` share. `verify`: the component's oracle on `feed`.
    `measure`: the workload, for one variant, pinned to `cpus`.
    """

    task: Task
    component: str
    parent_pid: int
    cpus: list[int]
    module: str | None = None
    variant: str = ""
    impls: list[str] = []
    workload: str = ""
    parameters: dict[str, Any] = {}
    feed: str | None = None
    writers: int = 1
    readers: int = 0
    seconds: float = 0.0
    seed: int = 1
    load: Load | None = None
    response_budget_us: float = 3000.0


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A workload's result in a form that JSON takes; `began_s` is when the workload was called, by the monotonic clock."""

    timing: Literal["operation", "batch"]
    operations: int
    elapsed_ns: int
    percentiles: dict[str, float]
    histograms: dict[str, str]
    counters: dict[str, float]
    operations_per_value: int
    noise: dict[str, float | None]
    began_s: float | None = None
    intervals: list[Interval] = []


class WorkerAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a job: `failure` is None if it was done, and `detail` then says what was checked."""

    failure: FailureKind | None = None
    detail: str = ""
    checks: int = 0
    measured: Measured | None = None
    cache_hits: int = 0
    cache_misses: int = 0
    stderr: str = ""
