"""A component for tests of the harness: a variant adds numbers, its oracle knows the sum."""

import time

from tickbench.components.component import Component, Job, Result, Verification, Workload
from tickbench.kernels.hdr import Histogram


def _verify(variant, feed):
    add = variant.build(None)
    found = add(2, 3)
    return Verification(found == 5, 1, "2 + 3 = 5" if found == 5 else f"2 + 3 = 5, got {found}")


def _run(job: Job) -> Result:
    add = job.variant.build(job.parameters)
    histogram = Histogram()
    if job.pace is not None:

        def rounds(count):
            for number in range(count):
                add(number, 1)

        turns = job.pace.serve(rounds, 1)
        return Result("batch", turns.count, turns.elapsed_ns, {"service": histogram}, _verify(job.variant, None))
    operations, start = 0, time.perf_counter_ns()
    deadline = start + int(job.seconds * 1e9)
    while operations < 50 or time.perf_counter_ns() < deadline:
        before = time.perf_counter_ns()
        add(operations, 1)
        histogram.record(time.perf_counter_ns() - before)
        operations += 1
    elapsed = time.perf_counter_ns() - start
    right = add(20, 22) == 42
    return Result(
        "operation",
        operations,
        elapsed,
        {"service": histogram},
        Verification(right, 1, "" if right else "20 + 22 is not 42 any more"),
        counters={"from_parameter": float(job.parameters["factor"])},
    )


COMPONENT = Component(
    name="sums",
    summary="adds two numbers",
    workloads={
        "adding": Workload("adding", "addition", _run, parameters={"factor": 1, "label": "x"}, needs_feed=False, paced=True)
    },
    verify=_verify,
    capabilities={"exact": "adds without rounding"},
)
