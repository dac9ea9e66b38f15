"""The probe around a call: what it costs to know how long a call took, and how often that was too long."""

from typing import Any

from tickbench.components.component import Component, Job, Result, Verification, Workload
from tickbench.components.instrument import contract
from tickbench.components.instrument.contract import NativeProbe, ProbeConfig, PythonProbe
from tickbench.components.instrument.drivers import drive_wrap
from tickbench.components.instrument.oracle import NOTHING_TO_CHECK, verify
from tickbench.components.shared.timing import batch_result, operations_for, time_batches, time_loop

CALLS = 64  # arguments of one pass
_BARE_SHARE = 0.2  # of the measured time, for the same loop over the bare call


def _timed_wrap(job: Job) -> Result:
    clock = job.clock
    probe = job.variant.build(ProbeConfig(source=clock.source, ns_per_tick=clock.ns_per_tick))
    return _timed_native(job, probe) if isinstance(probe, NativeProbe) else _timed_python(job, probe)


def _timed_native(job: Job, probe: NativeProbe) -> Result:
    passes_run = 0

    def run(passes: int) -> Any:
        nonlocal passes_run
        passes_run += passes
        return drive_wrap(probe.wrap, probe.state, CALLS, passes)

    batches = time_loop(job, run, CALLS)
    answer = run(1)
    if job.variant.null:
        return batch_result(batches, NOTHING_TO_CHECK)
    expected = sum(map(contract.python_work, range(CALLS)))
    return batch_result(batches, _counted(probe.read().count, passes_run * CALLS, answer == expected))


def _timed_python(job: Job, probe: PythonProbe) -> Result:
    """A Python loop around the wrapped call, and before it the same loop around the bare one."""
    calls_run, arguments, answers = 0, list(range(CALLS)), list[int]()
    wrapped = probe.wrap(contract.python_work)

    def run(passes: int) -> None:
        nonlocal calls_run, answers
        calls_run += passes * CALLS
        for _ in range(passes):
            answers = [wrapped(argument) for argument in arguments]

    def bare(passes: int) -> None:
        for _ in range(passes):
            _ = [contract.python_work(argument) for argument in arguments]

    passes = operations_for(bare)
    bare_batches = time_batches(lambda: bare(passes), passes * CALLS, job.seconds * _BARE_SHARE)
    batches = time_loop(job, run, CALLS)
    right = answers == list(map(contract.python_work, arguments))
    bare_call_ns = bare_batches.elapsed_ns / bare_batches.count / bare_batches.operations_each
    return batch_result(batches, _counted(probe.read().count, calls_run, right), bare_call_ns=bare_call_ns)


def _counted(count: int, calls: int, right: bool) -> Verification:
    if count != calls or not right:
        return Verification(
            False, calls, f"{calls} calls were made and {count} counted, answers {'' if right else 'not '}right"
        )
    return Verification(True, calls, f"{calls} calls are counted")


COMPONENT = Component(
    name="instrument",
    summary="wraps a call with a histogram of its time and a counter of violations",
    workloads={"wrap": Workload("wrap", "wrapped call", _timed_wrap, needs_feed=False, paced=True)},
    verify=verify,
    capabilities={
        "nanoseconds": "keeps nanoseconds: a call of 999 ns is not counted as 0",
        "failures": "counts a call that raises as well",
    },
)
