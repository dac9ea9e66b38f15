"""The run: prepare, verify, then round after round one fresh worker at a time, saving after each.

A worker that fails costs its own number and is named in the run; the others go on. An interrupt ends the worker in flight
and keeps what was measured.
"""

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from tickbench.components.component import Component, find_component
from tickbench.errors import (
    EXIT_GATE_FAILED,
    EXIT_INTERRUPTED,
    EXIT_INVALID_MEASUREMENT,
    EXIT_PASSED,
    UsageError,
)
from tickbench.feeds import Feed, open_feed
from tickbench.kernels.clock import calibrate
from tickbench.measure import noise, provenance, spawn
from tickbench.measure.job import WorkerAnswer, WorkerJob
from tickbench.measure.machine import allowed_cpus
from tickbench.measure.observer import Observer
from tickbench.measure.plan import (
    Entry,
    Plan,
    Step,
    check_wanted,
    enter,
    make_plan,
    scenario_record,
    variant_record,
)
from tickbench.measure.pool import new_job, run_all
from tickbench.measure.prepare import CacheUse, prepare
from tickbench.measure.scenario import Scenario
from tickbench.registry import Unavailable, Variant, discover, load_module
from tickbench.results.run_file import Failure, Measurement, Run, Skipped, save

LOST_LIMIT_PERCENT = 5.0  # of a worker's time; measured on shared two-core machines: 1 to 5 % is normal there
EXTRA_TRIES = 2
VERIFY_TIMEOUT_S = 300.0
# A worker starts in half a second; warming up, replaying a whole feed at least once and checking it may take many times
# the measured time.
START_ALLOWANCE_S, SECONDS_FACTOR = 60.0, 10.0


@dataclass(frozen=True)
class Request:
    """What a run is asked for: scenarios, names of variants (all by default), the user's modules, the seed."""

    scenarios: Sequence[Scenario]
    variants: Sequence[str] = ()
    impls: Sequence[str] = ()
    seed: int = 1
    command: Sequence[str] = ()
    timeout_s: float | None = None


@dataclass(frozen=True)
class Prospect:
    """A request after everything in it was found: entries with variants, inputs, and what compiling took."""

    request: Request
    entries: tuple[Entry, ...]
    components: dict[str, Component]
    skipped: tuple[Skipped, ...]
    feeds: dict[str, Feed]
    cache_use: CacheUse = field(default_factory=CacheUse)


def look_up(request: Request, observer: Observer) -> Prospect:
    """Compile, discover, open the feeds; raises UsageError or InputError for what cannot be."""
    for name in request.impls:
        load_module(name)
    names = {one.component for one in request.scenarios}
    components = {name: find_component(name) for name in names}
    use = prepare(names, request.impls, observer)
    found = {name: discover(name, request.impls) for name in names}
    check_wanted(request.variants, *_merged(list(found.values())))
    entries, skipped = [], []
    for scenario in request.scenarios:
        variants, missing = found[scenario.component]
        entry, left_out = enter(scenario, components[scenario.component], variants, missing, request.variants)
        entries.append(entry)
        skipped += left_out
    if not any(entry.variants for entry in entries):
        reasons = "; ".join(sorted({f"{one.variant} {one.reason}" for one in skipped}))
        raise UsageError(f"no variant can take part in these scenarios: {reasons or 'there is none'}")
    feeds = {spec: open_feed(spec) for spec in sorted({entry.feed for entry in entries if entry.feed})}
    return Prospect(request, tuple(entries), components, tuple(skipped), feeds, use)


def _merged(
    found: "Sequence[tuple[list[Variant], list[Unavailable]]]",
) -> tuple[list[Variant], list[Unavailable]]:
    return [one for variants, _ in found for one in variants], [one for _, gone in found for one in gone]


@dataclass(frozen=True)
class Verdict:
    """What the oracle said about a variant on a feed."""

    component: str
    variant: str
    feed: str | None
    answer: WorkerAnswer


def verify_all(prospect: Prospect, observer: Observer) -> list[Verdict]:
    """Let the oracle check every variant on every feed it will be measured on, once each, several at a time."""
    wanted = {(entry.scenario.component, one.name, entry.feed) for entry in prospect.entries for one in entry.variants}
    impls = list(prospect.request.impls)
    jobs = [
        new_job(component, task="verify", variant=variant, feed=feed, impls=impls)
        for component, variant, feed in sorted(wanted, key=str)
    ]
    observer.stage("verifying", len(jobs))
    verdicts = []
    for job, answer in run_all(jobs, prospect.request.timeout_s or VERIFY_TIMEOUT_S):
        verdicts.append(Verdict(job.component, job.variant, job.feed, answer))
        observer.done(f"{job.variant}: {answer.failure or 'right'}")
    return sorted(verdicts, key=lambda one: (one.component, one.variant, one.feed or ""))


@dataclass
class Running:
    """A run in progress: the document, where it is kept, and how a worker is run (tests replace that)."""

    run: Run
    path: Path
    observer: Observer
    request: Request
    run_worker: Callable[[WorkerJob, float], WorkerAnswer] = spawn.run_worker
    began_s: float = field(default_factory=time.monotonic)  # one clock for all processes of a machine

    def keep(self) -> None:
        """Save what there is."""
        save(self.run, self.path)

    def count(self, answer: WorkerAnswer) -> None:
        """Add a worker's use of the kernel cache."""
        self.run.provenance.kernel_cache_hits += answer.cache_hits
        self.run.provenance.kernel_cache_misses += answer.cache_misses


def run(request: Request, path: Path, observer: Observer) -> Run:
    """Execute a request and keep the run file at `path` up to date; returns the run, also when interrupted."""
    prospect = look_up(request, observer)
    running = Running(new_run(prospect), path, observer, request)
    running.keep()
    try:
        plan = _verified_plan(prospect, running)
        execute(plan, running)
    except KeyboardInterrupt:
        running.run.provenance.interrupted = True
    running.run.provenance.ended_at = provenance.now_utc()
    running.keep()
    return running.run


def new_run(prospect: Prospect) -> Run:
    """The document before the first worker."""
    request = prospect.request
    facts = provenance.collect(request.command, request.seed, calibrate(), prospect.feeds)
    facts.kernel_cache_hits, facts.kernel_cache_misses = prospect.cache_use.hits, prospect.cache_use.misses
    variants = {(one.component, one.name): one for entry in prospect.entries for one in entry.variants}
    return Run(
        provenance=facts,
        scenarios=[scenario_record(entry) for entry in prospect.entries],
        variants=[variant_record(one) for one in variants.values()],
        skipped=list(prospect.skipped),
    )


def _verified_plan(prospect: Prospect, running: Running) -> Plan:
    """Verify everything; what fails is recorded and left out of the plan."""
    failed = {}
    for verdict in verify_all(prospect, running.observer):
        running.count(verdict.answer)
        if verdict.answer.failure:
            failed[verdict.component, verdict.variant, verdict.feed] = verdict.answer
    entries = []
    for entry in prospect.entries:
        passed = []
        for variant in entry.variants:
            answer = failed.get((entry.scenario.component, variant.name, entry.feed))
            if answer is None:
                passed.append(variant)
            else:
                running.run.failures.append(_failure(entry.scenario, variant.name, None, answer))
        entries.append(replace(entry, variants=tuple(passed)))
    running.keep()
    return make_plan(entries, prospect.skipped, running.request.seed, allowed_cpus())


def execute(plan: Plan, running: Running) -> None:
    """Take every step of the plan; save after each."""
    running.observer.stage("measuring", len(plan.steps))
    for step in plan.steps:
        measurement, answer = _measure(step, running)
        if measurement is None:
            running.run.failures.append(_failure(step.entry.scenario, step.variant.name, step.round, answer))
        else:
            running.run.measurements.append(measurement)
        running.keep()
        outcome = f" {answer.failure}: {answer.detail}" if answer.failure else ""
        running.observer.done(f"{step.entry.scenario.id} {step.variant.name} round {step.round + 1}{outcome}")


def _measure(step: Step, running: Running) -> tuple[Measurement | None, WorkerAnswer]:
    """One number: again while too much time was lost, the quietest of the tries counts (chosen blind to its result)."""
    quietest: WorkerAnswer | None = None
    tries = 0
    timeout_s = running.request.timeout_s or START_ALLOWANCE_S + SECONDS_FACTOR * step.entry.scenario.seconds
    while tries <= EXTRA_TRIES:
        answer = running.run_worker(_job(step, running.request.impls), timeout_s)
        running.count(answer)
        tries += 1
        running.run.provenance.repeated_workers += tries > 1
        if answer.measured is None:
            if quietest is None:
                return None, answer
            break
        if quietest is None or _lost_percent(answer) < _lost_percent(quietest):
            quietest = answer
        if step.entry.workload.expects_disturbance or _lost_percent(quietest) <= LOST_LIMIT_PERCENT:
            break
    assert quietest is not None
    return _measurement(step, quietest, tries, running.began_s), quietest


def _lost_percent(answer: WorkerAnswer) -> float:
    """Share of its time that a worker lost; 0 where the machine does not tell."""
    return (answer.measured.noise.get(noise.LOST_PERCENT) if answer.measured else None) or 0.0


def _job(step: Step, impls: Sequence[str]) -> WorkerJob:
    scenario = step.entry.scenario
    return WorkerJob(
        task="measure",
        component=scenario.component,
        parent_pid=os.getpid(),
        cpus=list(step.cpus),
        variant=step.variant.name,
        impls=list(impls),
        workload=scenario.workload,
        parameters=dict(step.entry.parameters),
        feed=step.entry.feed,
        writers=scenario.writers,
        readers=scenario.readers,
        seconds=scenario.seconds,
        seed=step.seed,
        load=scenario.load,
        response_budget_us=scenario.response_budget_us,
    )


def _measurement(step: Step, answer: WorkerAnswer, tries: int, run_began_s: float) -> Measurement:
    scenario, measured = step.entry.scenario, answer.measured
    assert measured is not None
    return Measurement(
        scenario=scenario.id,
        component=scenario.component,
        variant=step.variant.name,
        round=step.round,
        threads=scenario.threads,
        load=msgspec.to_builtins(scenario.load),
        timing=measured.timing,
        operations=measured.operations,
        elapsed_ns=measured.elapsed_ns,
        operations_per_value=measured.operations_per_value,
        verified=True,
        percentiles=measured.percentiles,
        histograms=measured.histograms,
        counters=measured.counters,
        noise=measured.noise,
        tries=tries,
        disturbed=not step.entry.workload.expects_disturbance and _lost_percent(answer) > LOST_LIMIT_PERCENT,
        cpus=list(step.cpus),
        started_s=None if measured.began_s is None else measured.began_s - run_began_s,
        intervals=measured.intervals,
    )


def _failure(scenario: Scenario, variant: str, number: int | None, answer: WorkerAnswer) -> Failure:
    assert answer.failure is not None
    return Failure(
        scenario=scenario.id,
        component=scenario.component,
        variant=variant,
        round=number,
        kind=answer.failure,
        detail=answer.detail,
        stderr=answer.stderr,
    )


def failed_verification(failure: Failure) -> bool:
    """Whether the variant is at fault: a wrong answer at any time, or no answer to the oracle (no round was begun)."""
    return failure.kind == "wrong" or (failure.round is None and failure.kind != "not_measurable")


def exit_status(run: Run) -> int:
    """130 if interrupted; 1 if a verification failed; 3 if some variant has no valid number in some scenario; else 0."""
    if run.provenance.interrupted:
        return EXIT_INTERRUPTED
    if any(failed_verification(one) for one in run.failures):
        return EXIT_GATE_FAILED
    measured = {(one.scenario, one.variant) for one in run.measurements}
    lost = [one for one in run.failures if (one.scenario, one.variant) not in measured]
    if not measured or any(one.kind != "not_measurable" for one in lost):
        return EXIT_INVALID_MEASUREMENT
    return EXIT_PASSED
