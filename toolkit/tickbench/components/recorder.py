"""The latency recorder: how much it costs to count one latency in an HDR histogram.

A recorder counts values in ns in the buckets of GEOMETRY. Compiled variants give `record(state, value)` and
`record_many(state, address of values, n)`, the loop that is their own: a recorder that can be inlined shows it there, a C
library brings a C loop. Python variants give `record(value)`.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tickbench.components.component import Component, Job, MarketFeed, Result, Verification, Workload
from tickbench.components.shared.digest import digest_of
from tickbench.components.shared.timeline import slices_of
from tickbench.components.shared.timing import batch_result
from tickbench.errors import NotMeasurableError
from tickbench.kernels.atomics import load_plain
from tickbench.kernels.clock import now_ticks, ticks_to_ns
from tickbench.kernels.hdr import HdrGeometry, Histogram, index_of
from tickbench.kernels.jit import kernel
from tickbench.kernels.recorder import record
from tickbench.registry import Variant

RECORD = "int64(int64, int64)"  # (state, value_ns) -> anything
RECORD_MANY = "int64(int64, int64, int64)"  # (state, address of int64 values, n) -> anything
GEOMETRY = HdrGeometry(lowest=1, highest=10_000_000_000, digits=3)

_BATCH = 8_192  # values a batch: 64 KiB, read in order, so that memory does not limit
_PYTHON_BATCH = 512
_EDGES = [value for power in range(34) for value in ((1 << power) - 1, 1 << power, (1 << power) + 1) if 0 <= value <= 10**10]


@dataclass
class NativeRecorder:
    """A compiled recorder; `read_counts` copies its buckets, `owner` lives as long as it does."""

    state: int
    record_kernel: Callable[..., int]
    record_many_kernel: Callable[..., int] | None
    read_counts: Callable[[], NDArray[np.int64]]
    owner: Any = None


@dataclass
class PythonRecorder:
    """A recorder that is called from Python."""

    record: Callable[[int], Any]
    read_counts: Callable[[], NDArray[np.int64]]


def expected_counts(values_ns: NDArray[np.int64], times: int = 1) -> NDArray[np.int64]:
    """The buckets after recording the values `times` times, by the index formula."""
    layout = Histogram(GEOMETRY)
    rows = [index_of(layout.address, layout.index, int(value)) for value in values_ns]
    return np.bincount(rows, minlength=GEOMETRY.counts_len).astype(np.int64) * times


def latencies_ns(seed: int, n: int) -> NDArray[np.int64]:
    """Latencies as a fast engine has them: log-normal, median 1.1 us, with a long tail."""
    return np.random.default_rng(seed).lognormal(7, 1, n).astype(np.int64)


def _difference(recorder: NativeRecorder | PythonRecorder, expected: NDArray[np.int64]) -> Verification:
    counts = recorder.read_counts()
    records = int(expected.sum())
    if len(counts) == len(expected) and (counts == expected).all():
        return Verification(True, records, f"{records} records are in their buckets")
    wrong = np.flatnonzero(counts != expected) if len(counts) == len(expected) else np.array([0])
    return Verification(
        False, records, f"bucket {int(wrong[0])}: {int(expected[wrong[0]])} records expected, {counts[wrong[0]]} seen"
    )


def verify(variant: Variant, _feed: MarketFeed | None) -> Verification:
    """Record values around every power of two and compare all buckets."""
    if variant.null:
        return Verification(True, 0, "the null variant has no answer to check")
    recorder = variant.build(None)
    values_ns = np.array(_EDGES, dtype=np.int64)
    for value in _EDGES:
        if isinstance(recorder, NativeRecorder):
            _record_each(recorder.record_kernel, recorder.state, np.array([value]).ctypes.data, 1, 1)
        else:
            recorder.record(value)
    times = 1
    if isinstance(recorder, NativeRecorder) and recorder.record_many_kernel is not None:
        _call_many(recorder.record_many_kernel, recorder.state, values_ns.ctypes.data, len(values_ns), 1)
        times = 2
    found = _difference(recorder, expected_counts(values_ns, times))
    return replace(found, digest=digest_of([values_ns, expected_counts(values_ns)])) if found.passed else found


@kernel(f"int64(pointer[{RECORD}], int64, int64, int64, int64)")
def _record_each(record_one, state, values, n, rounds):
    for _ in range(rounds):
        for i in range(n):
            record_one(state, load_plain(values, i))
    return rounds


@kernel(f"int64(pointer[{RECORD_MANY}], int64, int64, int64, int64)")
def _call_many(record_many, state, values, n, rounds):
    for _ in range(rounds):
        record_many(state, values, n)
    return rounds


@kernel(f"int64(pointer[{RECORD}], int64, int64, int64, int64, float64, int64, int64, int64)")
def _time_each(record_one, state, values, n, source, ns_per_tick, limit_ticks, words, index):
    """Batches until the time is up; the duration of each goes into the histogram. Returns the number of batches."""
    first = start = now_ticks(source)
    batches = 0
    while start - first < limit_ticks:
        for i in range(n):
            record_one(state, load_plain(values, i))
        end = now_ticks(source)
        record(words, index, ticks_to_ns(end - start, ns_per_tick))
        start = end
        batches += 1
    return batches


@kernel(f"int64(pointer[{RECORD_MANY}], int64, int64, int64, int64, float64, int64, int64, int64)")
def _time_many(record_many, state, values, n, source, ns_per_tick, limit_ticks, words, index):
    """As `_time_each`, with the variant's own loop."""
    first = start = now_ticks(source)
    batches = 0
    while start - first < limit_ticks:
        record_many(state, values, n)
        end = now_ticks(source)
        record(words, index, ticks_to_ns(end - start, ns_per_tick))
        start = end
        batches += 1
    return batches


def _checked(job: Job, recorder: Any, values_ns: NDArray[np.int64], rounds: int) -> Verification:
    if job.variant.null:
        return Verification(True, 0, "the null variant has no answer to check")
    return _difference(recorder, expected_counts(values_ns, rounds + 1))  # and once for warming up


def _result(job: Job, recorder: Any, values_ns: NDArray[np.int64], batches: int, elapsed_ns: int, service: Histogram) -> Result:
    checked = _checked(job, recorder, values_ns, batches)
    operations = batches * len(values_ns)
    return Result("batch", operations, elapsed_ns, {"service": service}, checked, operations_per_value=len(values_ns))


def _run(job: Job, many: bool) -> Result:
    recorder, service, clock = job.variant.build(None), Histogram(), job.clock
    if isinstance(recorder, PythonRecorder):
        if many:
            raise NotMeasurableError(f"recorder/{job.variant.name} has no loop of its own: it is called once a value")
        return _run_python(job, recorder, service)
    kernel_under_test = recorder.record_many_kernel if many else recorder.record_kernel
    if kernel_under_test is None:
        raise NotMeasurableError(f"recorder/{job.variant.name} has no loop of its own: no C compiler was found")
    values_ns = latencies_ns(job.seed, _BATCH)
    call, drive = (_call_many, _time_many) if many else (_record_each, _time_each)
    address, n = values_ns.ctypes.data, len(values_ns)
    call(kernel_under_test, recorder.state, address, n, 1)
    if job.pace is not None:
        return _paced(job, recorder, values_ns, lambda rounds: call(kernel_under_test, recorder.state, address, n, rounds))
    limit_ticks = clock.ticks(round(job.seconds * 1e9))
    start_ns = time.perf_counter_ns()
    batches = drive(
        kernel_under_test,
        recorder.state,
        address,
        n,
        clock.source,
        clock.ns_per_tick,
        limit_ticks,
        service.address,
        service.index,
    )
    return _result(job, recorder, values_ns, batches, time.perf_counter_ns() - start_ns, service)


def _paced(job: Job, recorder: Any, values_ns: NDArray[np.int64], run: Callable[[int], object]) -> Result:
    """Rounds over all values, as many as asked."""
    assert job.pace is not None
    done = 0

    def counted(rounds: int) -> None:
        nonlocal done
        done += rounds
        run(rounds)

    batches = job.pace.serve(counted, len(values_ns))
    return batch_result(batches, _checked(job, recorder, values_ns, done))


def _run_python(job: Job, recorder: PythonRecorder, service: Histogram) -> Result:
    values_ns = latencies_ns(job.seed, _PYTHON_BATCH)
    values, record_one, durations_ns = values_ns.tolist(), recorder.record, []
    for value in values:
        record_one(value)
    if job.pace is not None:

        def run(rounds: int) -> None:
            for _ in range(rounds):
                for value in values:
                    record_one(value)

        return _paced(job, recorder, values_ns, run)
    first = start = time.perf_counter_ns()
    while start - first < job.seconds * 1e9:
        for value in values:
            record_one(value)
        end = time.perf_counter_ns()
        durations_ns.append(end - start)
        start = end
    service.record(durations_ns)
    result = _result(job, recorder, values_ns, len(durations_ns), start - first, service)
    return replace(result, intervals=slices_of(durations_ns, start - first))


COMPONENT = Component(
    name="recorder",
    summary="counts a latency in an HDR histogram",
    workloads={
        "record": Workload("record", "record", lambda job: _run(job, many=False), needs_feed=False, paced=True),
        "record_many": Workload(
            "record_many",
            "record",
            lambda job: _run(job, many=True),
            requires=frozenset({"own_loop"}),
            needs_feed=False,
            paced=True,
        ),
    },
    verify=verify,
    capabilities={"own_loop": "brings the loop over many values, in which it may be inlined"},
)
