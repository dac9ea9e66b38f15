"""The plan of a run: which variant is measured in which scenario, round, order and on which cores; fixed before it starts.

Rounds go around the suite: each scenario comes once a round, and in it each variant once, both shuffled by the seed. The
variants of a scenario in a round follow each other directly and, if single-threaded, on the same core, since ratios are
taken between them.
"""

import hashlib
import importlib
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from tickbench.components.component import Component, Workload
from tickbench.errors import InputError, UsageError
from tickbench.measure.scenario import Scenario, check_parameters
from tickbench.registry import Unavailable, Variant, unknown_name
from tickbench.results.run_file import ScenarioRecord, Skipped, VariantRecord


@dataclass(frozen=True)
class Entry:
    """A scenario with what was found for it: its workload, its variants and its complete parameters."""

    scenario: Scenario
    workload: Workload
    variants: tuple[Variant, ...]
    parameters: dict[str, object]

    @property
    def feed(self) -> str | None:
        """What to open as input, None for a workload that needs no feed."""
        return self.scenario.feed if self.workload.needs_feed else None


@dataclass(frozen=True)
class Step:
    """One worker: a variant in a scenario in a round, on some cores, with the seed of all variants of that round."""

    entry: Entry
    variant: Variant
    round: int
    cpus: tuple[int, ...]
    seed: int


@dataclass(frozen=True)
class Plan:
    """Everything a run will do, in order."""

    entries: tuple[Entry, ...]
    steps: tuple[Step, ...]
    skipped: tuple[Skipped, ...]
    seed: int


def enter(
    scenario: Scenario,
    component: Component,
    variants: Sequence[Variant],
    missing: Sequence[Unavailable],
    wanted: Sequence[str],
) -> tuple[Entry, list[Skipped]]:
    """Find what a scenario needs; raises InputError for a workload or parameter that its component lacks.

    `wanted` are the names given with `--variant`, all by default. Variants that cannot take part are returned with the reason.
    """
    workload = component.workloads.get(scenario.workload)
    if workload is None:
        raise InputError(
            f"scenario {scenario.id}: " + unknown_name(f"workload of {component.name}", scenario.workload, component.workloads)
        )
    if workload.open_loop == (scenario.load_kind == "closed"):
        kind = "an open loop: give it a load plan" if workload.open_loop else 'a closed loop: its load is "closed"'
        raise InputError(f"scenario {scenario.id}: load: workload {workload.name} is {kind}")
    needed = workload.requires | frozenset(scenario.requires)
    _check_capabilities(scenario, component)
    _check_variants(scenario, variants, missing)
    chosen, skipped = [], []
    for variant in variants:
        if (wanted and variant.name not in wanted) or not _asked(scenario, variant.name):
            continue
        if lacking := sorted(needed - variant.capabilities):
            skipped.append(_skip(scenario, variant.name, f"is not made for {', '.join(lacking)}"))
        else:
            chosen.append(variant)
    for gone in missing:
        name = gone.module.rpartition(".")[2]
        if (not wanted or name in wanted) and _asked(scenario, name):
            skipped.append(_skip(scenario, name, gone.reason))
    return Entry(scenario, workload, tuple(chosen), check_parameters(scenario, workload.parameters)), skipped


def check_wanted(wanted: Iterable[str], variants: Iterable[Variant], missing: Iterable[Unavailable]) -> None:
    """Raise UsageError for a `--variant` that no component of the run has, with the nearest names."""
    known = {one.name for one in variants} | {gone.module.rpartition(".")[2] for gone in missing}
    for name in wanted:
        if name not in known:
            raise UsageError(unknown_name("variant", name, known))


def make_plan(entries: Sequence[Entry], skipped: Sequence[Skipped], seed: int, cpus: Sequence[int]) -> Plan:
    """Interleave: each round holds each (scenario, variant) once, in an order drawn from the seed."""
    draw = random.Random(f"{seed}/order")
    steps: list[Step] = []
    for number in range(max((one.scenario.rounds for one in entries), default=0)):
        of_round = [one for one in entries if number < one.scenario.rounds]
        draw.shuffle(of_round)
        for entry in of_round:
            variants = list(entry.variants)
            draw.shuffle(variants)
            one_core = entry.scenario.threads == 1 and not entry.workload.all_cores
            chosen = (draw.choice(cpus),) if one_core else tuple(cpus)
            seed_of_round = random.Random(f"{seed}/{entry.scenario.id}/{number}").getrandbits(31)
            steps += [Step(entry, one, number, chosen, seed_of_round) for one in variants]
    return Plan(tuple(entries), tuple(steps), tuple(skipped), seed)


def scenario_record(entry: Entry) -> ScenarioRecord:
    """What was asked, in the form of the run file."""
    scenario = entry.scenario
    return ScenarioRecord(
        id=scenario.id,
        suite=scenario.suite,
        why=scenario.why,
        component=scenario.component,
        workload=scenario.workload,
        operation=entry.workload.operation,
        feed=entry.feed,
        writers=scenario.writers,
        readers=scenario.readers,
        requires=sorted(entry.workload.requires | frozenset(scenario.requires)),
        load=msgspec.to_builtins(scenario.load),
        parameters=dict(entry.parameters),
        point=dict(scenario.point),
        rounds=scenario.rounds,
        seconds=scenario.seconds,
        open_loop=entry.workload.open_loop,
        shown_counters=list(entry.workload.shown_counters),
        value=entry.workload.value,
        tolerance={str(key): value for key, value in scenario.tolerance.items()},
        target={str(key): value for key, value in scenario.target.items()},
        workload_sha256=workload_hash(entry),
    )


def workload_hash(entry: Entry) -> str:
    """What decides how operations are issued: two measurements with the same hash asked the same.

    The sources of the component and of what components share, the workload's name, the complete parameters, the threads and the
    load. Kernels and variants are left out: they are what comparisons are about. 64 hex digits.
    """
    scenario = entry.scenario
    asked = {
        "sources": _sources_hash(scenario.component),
        "workload": scenario.workload,
        "parameters": dict(entry.parameters),
        "threads": [scenario.writers, scenario.readers],
        "load": msgspec.to_builtins(scenario.load),
    }
    return hashlib.sha256(msgspec.json.encode(asked, order="deterministic")).hexdigest()


@cache
def _sources_hash(component: str) -> str:
    digest = hashlib.sha256()
    for name in (component, "shared"):
        module = importlib.import_module(f"tickbench.components.{name}")
        for path in _sources(Path(str(module.__file__))):
            digest.update(f"{name}/{path.name}".encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _sources(file: Path) -> Iterator[Path]:
    """A module's own file, or all files of its package."""
    if file.name != "__init__.py":
        yield file
        return
    yield from sorted(path for path in file.parent.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def variant_record(variant: Variant) -> VariantRecord:
    """One implementation, in the form of the run file."""
    return VariantRecord(
        component=variant.component,
        name=variant.name,
        runtime=variant.runtime,
        example_of=variant.example_of,
        capabilities=sorted(variant.capabilities),
        reference=variant.reference,
        null=variant.null,
    )


def _check_capabilities(scenario: Scenario, component: Component) -> None:
    for name in scenario.requires:
        if name not in component.capabilities:
            raise InputError(
                f"scenario {scenario.id}: requires: "
                + unknown_name(f"capability of {component.name}", name, component.capabilities)
            )


def _asked(scenario: Scenario, variant: str) -> bool:
    """Whether the scenario asks for this variant: it names some, or it means all that can take part."""
    return not scenario.variants or variant in scenario.variants


def _check_variants(scenario: Scenario, variants: Sequence[Variant], missing: Sequence[Unavailable]) -> None:
    known = {one.name for one in variants} | {gone.module.rpartition(".")[2] for gone in missing}
    for name in scenario.variants:
        if name not in known:
            raise InputError(f"scenario {scenario.id}: variants: " + unknown_name("variant", name, known))


def _skip(scenario: Scenario, variant: str, reason: str) -> Skipped:
    return Skipped(scenario=scenario.id, component=scenario.component, variant=variant, reason=reason)
