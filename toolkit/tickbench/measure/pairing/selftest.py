"""Complete gates with a known truth: identical code, or one side doing a known share more, beside known neighbours.

A slowdown is work: a side runs round(rounds x factor) rounds and says nothing of it. Subjects have a hundred rounds a turn
at least, so that 1 % can be injected.
"""

import itertools
import multiprocessing
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from tickbench.analysis.certificate import Gate
from tickbench.measure.observer import Observer
from tickbench.measure.pairing.session import Session, Subject
from tickbench.measure.pairing.sides import Home, canary_side, variant_side
from tickbench.measure.plan import Entry

SLOWDOWNS = (1.03, 1.05, 1.01, 1.10, 1.02)
_BUSY_BYTES = 64 << 20
_SPIKE_S, _SPIKE_EVERY_S = 0.010, 0.100


def _wanted() -> bool:
    """Whether the process that wants this neighbour is still there: a killed one must not leave hogs behind."""
    parent = multiprocessing.parent_process()
    return parent is not None and parent.is_alive()


def _cpu_hog() -> None:
    while _wanted():
        sum(range(1_000_000))


def _memory_hog() -> None:
    source, target = bytearray(_BUSY_BYTES), bytearray(_BUSY_BYTES)
    while _wanted():
        target[:] = source


def _spikes() -> None:
    while _wanted():
        end_s = time.perf_counter() + _SPIKE_S
        while time.perf_counter() < end_s:
            sum(range(1_000))
        time.sleep(_SPIKE_EVERY_S - _SPIKE_S)


CELLS: Mapping[str, tuple[Callable[[], None], ...]] = {
    "idle": (),
    "one CPU hog": (_cpu_hog,),
    "two CPU hogs": (_cpu_hog, _cpu_hog),
    "memory hog": (_memory_hog,),
    "spikes of 10 ms": (_spikes,),
}
MakeSubject = Callable[[float], Subject]


def loops() -> dict[str, MakeSubject]:
    """Subjects that need nothing but the interpreter: loops that spend their time in C."""

    def maker(kind: str) -> MakeSubject:
        return lambda slowdown: Subject("selftest", "selftest", kind, canary_side(kind), canary_side(kind, slowdown))

    return {kind: maker(kind) for kind in ("compute", "allocation")}


def compiled(entries: Iterable[Entry]) -> dict[str, MakeSubject]:
    """Subjects that are variants in scenarios: those of the suite `selftest`."""
    here = Home("here")

    def maker(entry: Entry, variant: str) -> MakeSubject:
        base = variant_side(here, entry, variant, variant)
        return lambda slowdown: Subject(
            entry.scenario.id, entry.scenario.component, variant, base, variant_side(here, entry, variant, variant, slowdown)
        )

    return {f"{one.scenario.id} {variant.name}": maker(one, variant.name) for one in entries for variant in one.variants}


def plan(cells: Sequence[str], subjects: Sequence[str], seed: int) -> Iterator[tuple[str, str, float]]:
    """Cell, subject and slowdown of gate after gate, without end: half of them with none, cells in blocks of a dozen gates."""
    draw = random.Random(f"{seed}/selftest")
    slowdowns, names = itertools.cycle(SLOWDOWNS), list(subjects)
    for cell in itertools.cycle(cells):
        draw.shuffle(names)
        for _, name in zip(range(6), itertools.cycle(names), strict=False):
            yield cell, name, 1.0
            yield cell, name, next(slowdowns)


def run_gates(
    subjects: Mapping[str, MakeSubject],
    cells: Sequence[str],
    seconds: float,
    seed: int,
    observer: Observer,
    done: Callable[[Gate], None],
) -> list[float]:
    """Gates until the time is up, each told to `done` at once; returns the hand-over times in µs."""
    end_s = time.monotonic() + seconds
    session = Session(seed=seed, observer=observer, most_seconds=60.0)
    for cell, block in itertools.groupby(plan(cells, list(subjects), seed), key=lambda one: one[0]):
        with neighbours(CELLS[cell]):
            for _, name, slowdown in block:
                if time.monotonic() > end_s:
                    return session.handovers_us
                done(_gate(session, cell, name, slowdown, subjects[name](slowdown)))
    return session.handovers_us


def _gate(session: Session, cell: str, name: str, slowdown: float, subject: Subject) -> Gate:
    start_s = time.monotonic()
    finding = next(one for one in session.verdicts(subject) if one.metric == "throughput")
    effect = finding.effect
    assert effect is not None
    elapsed_s = time.monotonic() - start_s
    return Gate(cell, name, slowdown, finding.verdict, effect.ratio, effect.low, effect.high, effect.samples, elapsed_s)


@contextmanager
def neighbours(kinds: Sequence[Callable[[], None]]) -> Iterator[None]:
    """Let these run beside what is measured."""
    context = multiprocessing.get_context("spawn")
    running = [context.Process(target=one, daemon=True) for one in kinds]
    for process in running:
        process.start()
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.join()
