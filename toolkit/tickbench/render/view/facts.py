"""The machine, the input and the run; warnings are what the doctor would warn of."""

from collections.abc import Iterator

import msgspec

from tickbench.measure.certificate import Certificate
from tickbench.render.certificate import certificate_facts
from tickbench.render.numbers import quantity
from tickbench.render.tables import three_digits
from tickbench.render.view.model import Fact
from tickbench.results.run_file import FOREIGN_SUITE, Provenance, Run

_UNKNOWN = "unknown"
_GOVERNOR = "performance"  # every other governor changes the clock rate while it is measured
_MOST_CLOCK_ERROR_PPM = 5.0  # as the doctor's
_PACKAGES = ("numba", "llvmlite", "numpy", "hdrhistogram")
_HASH_DIGITS = 12


def facts_of(run: Run) -> tuple[Fact, ...]:
    """All facts, grouped: run, input, machine, clock, software."""
    provenance = run.provenance
    groups = (
        ("run", _run(run)),
        ("input", _input(provenance)),
        ("machine", _machine(provenance)),
        ("clock", _clock(provenance)),
        ("software", _software(provenance)),
    )
    return tuple(Fact(group, *fact) for group, facts in groups for fact in facts)


_Facts = Iterator[tuple[str, str, bool]]


def _run(run: Run) -> _Facts:
    facts = run.provenance
    yield "started", facts.started_at, False
    if facts.interrupted:
        yield "ended", f"interrupted{' at ' + facts.ended_at if facts.ended_at else ''}: what is here was measured", True
    else:
        yield "ended", facts.ended_at or "not yet, or it was killed: what is here was measured", facts.ended_at is None
    yield "revision", _text(facts.revision), False
    tree = {True: "clean", False: "with uncommitted changes", None: _UNKNOWN}[facts.clean]
    yield "work tree", tree, facts.clean is False
    yield "seed", _text(facts.seed), False
    disturbed = sum(one.disturbed for one in run.measurements)
    told = f"{len(run.measurements)} kept, {facts.repeated_workers} repeated for lost time"
    yield "workers", told, False
    if disturbed:
        yield "disturbed", f"{disturbed} of {len(run.measurements)} workers lost too much time, repeats too", True
    if run.failures:
        yield "failures", f"{len(run.failures)} numbers were not had", True
    if any(one.suite == FOREIGN_SUITE for one in run.scenarios):
        yield "source", "imported: another tool measured it, and what it does not tell is unknown", False


def _input(facts: Provenance) -> _Facts:
    if not facts.feeds:
        yield "feed", "none", False
    for one in facts.feeds:
        yield one.spec, f"{one.name}, {one.events:,} events, {one.updates:,} updates, sha256 {one.sha256[:_HASH_DIGITS]}", False


def _machine(facts: Provenance) -> _Facts:
    yield "processor", _text(facts.cpu_model), False
    allowed = f", allowed {', '.join(map(str, facts.allowed_cpus))}" if facts.allowed_cpus else ""
    yield "cores", f"{_text(facts.cpus)}{allowed}", False
    yield "memory", _UNKNOWN if facts.memory_bytes is None else quantity(facts.memory_bytes, "bytes"), False
    yield "kernel", _text(facts.kernel), False
    yield "governor", _text(facts.governor), facts.governor not in (None, _GOVERNOR)
    virtual = {True: "yes: other guests take time from this one", False: "no", None: _UNKNOWN}[facts.hypervisor]
    yield "virtual machine", virtual, facts.hypervisor is True
    for name, value in facts.machine.items():
        yield name.replace("_", " "), str(value), False


def _clock(facts: Provenance) -> _Facts:
    clock = facts.clock
    yield "source", _text(clock.source), False
    if clock.refusal:
        yield "time-stamp counter", f"not used: {clock.refusal}", True
    if clock.error_ppm is not None:
        yield "error", f"{three_digits(clock.error_ppm)} ppm", abs(clock.error_ppm) > _MOST_CLOCK_ERROR_PPM
    if clock.read_cost_ns is not None:
        yield "a reading costs", quantity(clock.read_cost_ns, "ns"), False
    if clock.recorder_cost_ns is not None:
        yield "a record costs", quantity(clock.recorder_cost_ns, "ns"), False


def _software(facts: Provenance) -> _Facts:
    yield "tickbench", facts.tickbench, False
    yield "Python", _text(facts.python), False
    yield "compile target", _text(facts.llvm_target_cpu), False
    known = [f"{name} {facts.packages[name]}" for name in _PACKAGES if name in facts.packages]
    known += [f"{name} {version}" for name, version in facts.packages.items() if name not in _PACKAGES]
    yield "packages", ", ".join(known) or _UNKNOWN, False


def _text(value: object) -> str:
    return _UNKNOWN if value in (None, "") else str(value)


def certificate_lines(run: Run) -> tuple[str, ...]:
    """What `selftest` said of the machine when the run was made, a line each; none where it had not been asked."""
    found = run.provenance.certificate
    if not found:
        return ()
    try:
        known = msgspec.convert(found, type=Certificate)
    except msgspec.ValidationError:
        return ("the certificate of the machine in this run file cannot be read",)
    lines = [f"{name}: {value}" for name, value in certificate_facts(known).items()]
    lines += [
        f"injected +{100 * (one.slowdown - 1):.0f} %: found in {one.detected} of {one.gates} gates" for one in known.powers
    ]
    return tuple(lines)
