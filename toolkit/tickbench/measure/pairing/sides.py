"""Sides of every kind: a variant here, a variant of another revision or another --impls file, a user's program, a canary."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from tickbench.measure.job import WorkerJob
from tickbench.measure.pairing.side import Side
from tickbench.measure.pairing.worker import PairJob
from tickbench.measure.plan import Entry

LEAST_RUN_S, MOST_RUN_S = 0.1, 0.2  # of a whole run that is one turn


@dataclass(frozen=True)
class Home:
    """Where the code of a side lives: which interpreter runs it, with which environment, and the user's modules there."""

    name: str
    python: str = sys.executable
    environment: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None
    impls: tuple[str, ...] = ()


def variant_side(home: Home, entry: Entry, variant: str, name: str, slowdown: float = 1.0) -> Side:
    """The side that runs a variant in a scenario."""
    scenario = entry.scenario
    job = WorkerJob(
        task="measure",
        component=scenario.component,
        parent_pid=os.getpid(),
        cpus=[],
        variant=variant,
        impls=list(home.impls),
        workload=scenario.workload,
        parameters=dict(entry.parameters),
        feed=entry.feed,
        writers=scenario.writers,
        readers=scenario.readers,
        seconds=min(max(scenario.seconds, LEAST_RUN_S), MOST_RUN_S),
        load=scenario.load,
        response_budget_us=scenario.response_budget_us,
    )
    content = msgspec.json.encode(PairJob(job=job, slowdown=slowdown)).decode()
    command = [home.python, "-X", "faulthandler", "-m", "tickbench.measure.pairing.worker", content]
    return Side(name, command, home.environment, home.folder)


def canary_side(kind: str, slowdown: float = 1.0) -> Side:
    """Identical code for both sides, unless it is told to do more work than it is asked."""
    return Side(f"canary {kind}", [sys.executable, "-m", "tickbench.measure.pairing.canary", kind, repr(slowdown)])


def command_side(name: str, command: Sequence[str]) -> Side:
    """A user's program."""
    return Side(name, command)
