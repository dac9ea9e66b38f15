"""The worker process: `python -m tickbench.measure.worker` reads one job from stdin, writes one answer, exits.

The answer goes to what was stdout at the start; whatever a variant prints goes to stderr, which the parent keeps.
"""

import ctypes
import gc
import importlib
import os
import signal
import sys
import time
import traceback
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tickbench.components.component import Component, Job, MarketFeed, Result, Verification, Workload
    from tickbench.kernels.hdr import Histogram
    from tickbench.measure.job import Measured, WorkerAnswer, WorkerJob
    from tickbench.results.run_file import Interval

REPORTED_PERCENTILES = ("10", "50", "90", "99", "99.9", "99.99")
_PR_SET_PDEATHSIG = 1  # prctl(2)


def main() -> None:
    """Answer one job."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    raw = sys.stdin.buffer.read()
    import msgspec

    from tickbench.measure.job import WorkerAnswer, WorkerJob

    job = msgspec.json.decode(raw, type=WorkerJob)
    die_with_parent(job.parent_pid)
    os.sched_setaffinity(0, job.cpus)  # before numpy is imported, which starts a thread for each core it may use
    import_numba_alone()
    answer = _answered(job)
    from tickbench.kernels import jit

    hits, misses = jit.cache_counts()
    counted = msgspec.structs.replace(answer, cache_hits=hits, cache_misses=misses)
    assert isinstance(counted, WorkerAnswer)
    answers.write(msgspec.json.encode(counted))
    answers.close()
    sys.stderr.flush()
    os._exit(0)  # what a variant left running (threads, exit handlers) must not hold up the run


def import_numba_alone() -> None:
    """Import numba without scipy, which it would load only for its BLAS: 0.1 s less for each worker."""
    if "scipy" in sys.modules:
        return
    sys.modules["scipy"] = None  # type: ignore[assignment]  # the import system's way to say: not there
    try:
        importlib.import_module("numba.np.arraymath")  # asks for scipy when it is imported, and never again
    finally:
        del sys.modules["scipy"]  # a variant may still want it


def die_with_parent(parent_pid: int) -> None:
    """Ask the kernel to end this process when its parent does, so that a killed run leaves nothing that spins."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:  # it ended before the call above
        os._exit(1)


def _answered(job: "WorkerJob") -> "WorkerAnswer":
    from tickbench.errors import InvalidMeasurementError, NotMeasurableError, WrongResultError
    from tickbench.measure.job import WorkerAnswer

    try:
        if job.task == "compile":
            return _compile(job)
        return _verify(job) if job.task == "verify" else _measure(job)
    except NotMeasurableError as error:
        return WorkerAnswer(failure="not_measurable", detail=str(error))
    except InvalidMeasurementError as error:
        return WorkerAnswer(failure="invalid", detail=str(error))
    except WrongResultError as error:
        return WorkerAnswer(failure="wrong", detail=str(error))
    except Exception as error:  # whatever a variant raises costs it its number, and is named
        traceback.print_exc()
        return WorkerAnswer(failure="raised", detail=f"{type(error).__name__}: {error}")


def _compile(job: "WorkerJob") -> "WorkerAnswer":
    """Import one module of variants, or everything that variants share; importing compiles what is not in the cache."""
    import pkgutil

    from tickbench import kernels
    from tickbench.measure.job import WorkerAnswer
    from tickbench.registry import import_variants, load_module

    if job.module is None:
        for info in pkgutil.iter_modules(kernels.__path__):
            importlib.import_module(f"{kernels.__name__}.{info.name}")
        importlib.import_module("tickbench.measure.noise")
        _component(job)
    elif job.module in job.impls:
        load_module(job.module)
    else:
        import_variants(job.module)
    return WorkerAnswer()


def _component(job: "WorkerJob") -> "Component":
    """The job's component; what `--impls` names comes first, since it may bring a component of its own."""
    from tickbench.components.component import find_component
    from tickbench.registry import load_module

    for name in job.impls:
        load_module(name)
    return find_component(job.component)


def _feed(job: "WorkerJob") -> "MarketFeed | None":
    from tickbench.feeds import open_feed

    return open_feed(job.feed) if job.feed is not None else None


def verify_job(job: "WorkerJob") -> "Verification":
    """What the oracle says of the job's variant on the job's feed."""
    from tickbench.registry import find

    component = _component(job)
    return component.verify(find(job.component, job.variant, job.impls), _feed(job))


def _verify(job: "WorkerJob") -> "WorkerAnswer":
    from tickbench.measure.job import WorkerAnswer

    found = verify_job(job)
    return WorkerAnswer(failure=None if found.passed else "wrong", detail=found.detail, checks=found.checks)


def make_work(job: "WorkerJob") -> "tuple[Workload, Job]":
    """The job's workload, and what it is to be called with."""
    from tickbench.components.component import Job
    from tickbench.kernels.clock import calibrate
    from tickbench.measure.load_plan import make_plan
    from tickbench.registry import find

    workload = _component(job).workloads[job.workload]
    feed = _feed(job)
    plan_ns = None
    if job.load is not None and feed is not None:
        plan_ns = make_plan(job.load, job.seconds, job.seed, feed.receive_ns)
    return workload, Job(
        variant=find(job.component, job.variant, job.impls),
        clock=calibrate(),
        feed=feed,
        parameters=job.parameters,
        writers=job.writers,
        readers=job.readers,
        seconds=job.seconds,
        seed=job.seed,
        plan_ns=plan_ns,
    )


def _measure(job: "WorkerJob") -> "WorkerAnswer":
    from tickbench.measure import noise
    from tickbench.measure.job import WorkerAnswer

    workload, work = make_work(job)
    spun = noise.spin_before(work.clock)
    gc.collect()
    gc.freeze()  # the collector must not walk what the harness imported while a Python variant is timed
    before = noise.read_counters(job.cpus)
    began_s = time.monotonic()
    result = workload.run(work)
    after = noise.read_counters(job.cpus)
    if not result.verification.passed:
        return WorkerAnswer(failure="wrong", detail=f"after the timed run: {result.verification.detail}")
    if not result.operations:
        return WorkerAnswer(
            failure="not_measurable", detail=f"no operation was finished in {job.seconds} s: set seconds higher"
        )
    if work.plan_ns is not None:
        _judge(result, job.response_budget_us)
    lost = noise.ledger(before, after, len(job.cpus), job.writers + job.readers)
    return WorkerAnswer(checks=result.verification.checks, measured=_measured(result, {**lost, **spun}, began_s))


def _judge(result: "Result", response_budget_us: float) -> None:
    """Raise InvalidMeasurementError if the generator, not the variant, was late: nothing is said about the variant then."""
    from tickbench.errors import InvalidMeasurementError
    from tickbench.measure.load_plan import judge_generator

    counters = result.counters
    late_ns, sent, planned = counters["generator_lag_p999_ns"], int(counters["sent"]), int(counters["planned"])
    reason = judge_generator(late_ns, 1000 * response_budget_us, sent, planned)
    if reason is not None:
        raise InvalidMeasurementError(reason)


def _measured(result: "Result", noise: dict[str, float | None], began_s: float) -> "Measured":
    from tickbench.measure.job import Measured

    primary = result.histograms.get("response") or result.histograms.get("service")
    percentiles: dict[str, float] = {}
    if primary is not None and primary.count:
        values = primary.percentiles(REPORTED_PERCENTILES)
        percentiles = dict(zip((*REPORTED_PERCENTILES, "max"), (*values, primary.max_ns), strict=True))
    return Measured(
        timing=result.timing,
        operations=result.operations,
        elapsed_ns=result.elapsed_ns,
        percentiles={name: value / result.operations_per_value for name, value in percentiles.items()},
        histograms={name: one.encode() for name, one in result.histograms.items()},
        counters={name: float(value) for name, value in result.counters.items()},  # numpy's numbers too
        operations_per_value=result.operations_per_value,
        noise=noise,
        began_s=began_s,
        intervals=_intervals(result, primary),
    )


def _intervals(result: "Result", primary: "Histogram | None") -> "list[Interval]":
    """The slices that the workload made, or the whole time as one."""
    from tickbench.components.shared.timeline import one_slice
    from tickbench.results.run_file import Interval

    if primary is None or not primary.count:
        return []
    slices = result.intervals or [one_slice(primary, result.elapsed_ns)]
    return [Interval(start_ns=one.start_ns, end_ns=one.end_ns, histogram=one.histogram.encode()) for one in slices]


if __name__ == "__main__":
    main()
