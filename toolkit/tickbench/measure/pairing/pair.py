"""One pair: two fresh processes on one core that take turns, quad after quad, and what that says.

    controller (another core)     │ hello, open ─────────────► A and B build side by side on all cores
                                  │ both are moved to one core and warmed up
    quad ABBA or BAAB, drawn      │ turn ─► A ─► took    turn ─► B ─► took    turn ─► B ─► took    turn ─► A ─► took
                                  │ … 60 quads, then histograms, close

Only one side runs at a time; the other one is asleep in a read of its pipe.
"""

import os
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tickbench.analysis.pairs import reduce_quads
from tickbench.analysis.percentiles import exceedances, smooth_percentile_ns
from tickbench.analysis.verdicts import Metric
from tickbench.errors import InputError
from tickbench.kernels.hdr import Histogram
from tickbench.measure.pairing import protocol
from tickbench.measure.pairing.side import START_TIMEOUT_S, Side, SideProcess, greet, started

QUADS = 60  # replication optimum of Kalibera and Jones for a process that starts in half a second (research, part C.1)
QUADS_OF_RUNS = 2  # where a turn is a whole run, which takes a second
LEAST_TURN_NS = 500_000  # finer blocks cancel more of the machine's drift, down to some 50 hand-overs of 10 µs
MOST_ROUNDS = 1 << 40
PRIMING_SHARE = 0.25  # of a block, untimed before it: a block that starts cold hides an eighth of a change
_WARM_WINDOW, _MOST_WARM_WINDOWS, _WARM_AGREEMENT = 10, 6, 0.05
_PERCENTILES: tuple[tuple[Metric, str], ...] = (("p50", "50"), ("p99", "99"), ("p99.9", "99.9"))
LEAST_EXCEEDANCES = 100  # above a percentile, a side and pair: with fewer it is not compared


@dataclass(frozen=True)
class Turn:
    """How long a block is, the same for both sides; `whole_runs`: a block is a short run and has no size."""

    rounds: int
    priming: int
    operations_each: float
    whole_runs: bool = False
    run_timeout_s: float = 60.0

    @property
    def quads(self) -> int:
        """Quads of a pair."""
        return QUADS_OF_RUNS if self.whole_runs else QUADS

    @property
    def operations(self) -> float:
        """Operations of one block."""
        return protocol.OPERATIONS_OF_A_RUN if self.whole_runs else self.rounds * self.operations_each


@dataclass(frozen=True)
class Pair:
    """What a pair measured. `values` are log ratios new over base; `base_ns` and `new_ns` a metric's value on each side.

    `spread` is the standard error of the throughput's log ratio within the pair.
    """

    spread: float
    values: dict[Metric, float]
    base_ns: dict[Metric, float]
    new_ns: dict[Metric, float]
    cpu: int
    handover_us: float


def calibrate(side: Side, seed: int, run_timeout_s: float) -> Turn:
    """The smallest number of rounds that takes LEAST_TURN_NS, found on one side and confirmed by a second reading."""
    with started(side, seed) as process:
        operations_each = _opened(process, seed)
        if operations_each is None:
            return Turn(0, 0, 1, whole_runs=True, run_timeout_s=run_timeout_s)
        rounds, enough = 1, 0
        process.turn(1, 0)
        while enough < 2:
            took_ns = process.turn(rounds, 0)
            enough = enough + 1 if took_ns >= LEAST_TURN_NS else 0
            if not enough:
                if rounds >= MOST_ROUNDS:
                    raise InputError(f"{side.name}: {rounds} rounds took {took_ns:.0f} ns: it does no work")
                rounds = min(MOST_ROUNDS, max(rounds + 1, min(2 * rounds, int(1.1 * rounds * LEAST_TURN_NS / took_ns) + 1)))
    return Turn(rounds, round(PRIMING_SHARE * rounds), operations_each)


def _opened(process: SideProcess, seed: int) -> float | None:
    """Open a greeted or just started side; the operations of a round, None where a turn is a whole run."""
    greet(process)
    process.tell(f"open {seed}")
    return _ready(process)


def _ready(process: SideProcess) -> float | None:
    answer = process.hear_any((protocol.READY, protocol.RUNS), START_TIMEOUT_S)
    if answer[0] == protocol.RUNS:
        return None
    try:
        operations = float(answer[1])
    except ValueError:
        operations = 0.0
    if not 0 < operations < 1e15:
        raise InputError(f"{process.side.name}: answered 'ready {answer[1][:40]}': a positive number of operations is expected")
    return operations


def measure_pair(base: Side, new: Side, turn: Turn, seed: int, cpus: Sequence[int], first_cpu: int | None = None) -> Pair:
    """Measure one pair on a core drawn from `cpus` (or `first_cpu`); everything random comes from the seed."""
    draw = random.Random(seed)
    cpu = draw.choice(list(cpus)) if first_cpu is None else first_cpu
    sides = (base, new)
    with ExitStack() as stack:
        launch = [0, 1]
        draw.shuffle(launch)
        processes: dict[int, SideProcess] = {}
        for which in launch:
            processes[which] = stack.enter_context(started(sides[which], draw.getrandbits(32)))
        for which in launch:
            greet(processes[which])
            processes[which].tell(f"open {seed}")
        for which in launch:
            if _ready(processes[which]) != (None if turn.whole_runs else turn.operations_each):
                raise InputError(f"{sides[which].name}: a round is not what it is on the other side: the workload differs")
        a, b = processes[0], processes[1]
        with _controller_off(cpu, cpus):
            if not turn.whole_runs:
                a.pin([cpu])
                b.pin([cpu])
            return _take_turns(a, b, turn, draw, cpu)


def _take_turns(a: SideProcess, b: SideProcess, turn: Turn, draw: random.Random, cpu: int) -> Pair:
    _warm_up((a, b), turn)
    taken = np.empty((turn.quads, 2, 2))  # quad, side, first or second block
    start_ns, timed_ns = time.perf_counter_ns(), 0.0
    for quad in range(turn.quads):
        order = (0, 1, 1, 0) if draw.random() < 0.5 else (1, 0, 0, 1)
        seen = [0, 0]
        for which in order:
            took_ns = _turn((a, b)[which], turn)
            taken[quad, which, seen[which]] = took_ns
            seen[which] += 1
            timed_ns += took_ns
    elapsed_ns = time.perf_counter_ns() - start_ns
    handover_us = 0.0
    if not turn.whole_runs:
        primed_ns = timed_ns * turn.priming / turn.rounds
        handover_us = max(0.0, elapsed_ns - timed_ns - primed_ns) / (4 * turn.quads) / 1000
    values: dict[Metric, float] = {}
    of_side: list[dict[Metric, float]] = [{}, {}]
    value = reduce_quads(taken[:, 0], taken[:, 1])
    values["throughput"] = value.log_ratio
    for which in (0, 1):
        of_side[which]["throughput"] = float(np.median(taken[:, which])) / turn.operations
    histograms = [one.ask("histograms", protocol.HISTOGRAMS) for one in (a, b)]
    if protocol.NOTHING not in histograms:
        _add_percentiles([Histogram.decode(one) for one in histograms], values, of_side)
    for one in (a, b):
        one.ask("close", protocol.CLOSED)
    return Pair(value.spread, values, of_side[0], of_side[1], cpu, handover_us)


def _turn(process: SideProcess, turn: Turn) -> float:
    return process.whole_run(turn.run_timeout_s) if turn.whole_runs else process.turn(turn.rounds, turn.priming)


def _warm_up(sides: tuple[SideProcess, SideProcess], turn: Turn) -> None:
    """Until the last two windows of ten blocks agree within 5 % on each side, at most six windows; one run otherwise."""
    if turn.whole_runs:
        for process in sides:
            process.whole_run(turn.run_timeout_s)
        return
    for process in sides:
        last_ns = 0.0
        for _ in range(_MOST_WARM_WINDOWS):
            now_ns = float(np.median([process.turn(turn.rounds, 0) for _ in range(_WARM_WINDOW)]))
            if abs(now_ns - last_ns) <= _WARM_AGREEMENT * now_ns:
                break
            last_ns = now_ns


def _add_percentiles(
    histograms: Sequence[Histogram], values: dict[Metric, float], of_side: Sequence[dict[Metric, float]]
) -> None:
    """Ratios of percentiles, where enough records lie above them on both sides."""
    for metric, p in _PERCENTILES:
        found = []
        for histogram in histograms:
            counts: NDArray[np.int64] = histogram.counts
            above = exceedances(counts, histogram.geometry, histogram.percentile(p)) if histogram.count else 0
            if above < LEAST_EXCEEDANCES:
                break
            found.append(smooth_percentile_ns(counts, histogram.geometry, p))
        if len(found) == 2 and min(found) > 0:
            values[metric] = float(np.log(found[1] / found[0]))
            of_side[0][metric], of_side[1][metric] = found


@contextmanager
def _controller_off(cpu: int, cpus: Sequence[int]) -> Iterator[None]:
    """Keep this process off the core of the pair while it lasts, where there is another."""
    before = os.sched_getaffinity(0)
    others = set(cpus) - {cpu}
    if others:
        os.sched_setaffinity(0, others)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
