"""A spinning thread beside noisy neighbours: how much of its time it loses, in how long gaps, and how often it is moved."""

import os
from dataclasses import replace

from tickbench.components.affinity.contract import Placement
from tickbench.components.affinity.neighbours import Neighbours, noisy_neighbours
from tickbench.components.affinity.spin import Spun, spin_placed, steal_ns
from tickbench.components.component import Job, MarketFeed, Result, Verification, Workload
from tickbench.components.shared.digest import digest_of
from tickbench.errors import InputError
from tickbench.kernels.clock import calibrate
from tickbench.registry import Variant

MOST_NEIGHBOURS = 64
_ORACLE_SECONDS = 0.05


def judge(placement: Placement, spun: Spun, neighbours: Neighbours, alive_after_spin: int) -> Verification:
    """Did the thread run where the variant says, and did the neighbours live through the spin and no longer?"""
    expected = len(neighbours.pids)
    checks = spun.histogram.count + 2 * expected + 1
    if spun.affinity != placement.own:
        return Verification(
            False, checks, f"cores {sorted(placement.own)} were asked for, the thread had {sorted(spun.affinity)}"
        )
    if spun.outside:
        return Verification(False, checks, f"the thread was seen outside cores {sorted(placement.own)} {spun.outside} times")
    if alive_after_spin != expected:
        return Verification(False, checks, f"{expected - alive_after_spin} of {expected} neighbours ended before the spin did")
    if neighbours.alive():
        return Verification(False, checks, f"{neighbours.alive()} of {expected} neighbours outlived the measurement")
    return Verification(True, checks, f"the thread stayed on cores {sorted(placement.own)} beside {expected} neighbours")


def place(variant: Variant) -> Placement:
    """The variant's placement among the cores that this process may use."""
    made = variant.build(sorted(os.sched_getaffinity(0)))
    assert isinstance(made, Placement)
    return made


def verify(variant: Variant, _feed: MarketFeed | None) -> Verification:
    """A short spin beside one neighbour, and a look at where both run."""
    placement = place(variant)
    with noisy_neighbours(1, placement.neighbours) as neighbours:
        where = frozenset(os.sched_getaffinity(neighbours.pids[0]))
        spun, alive = spin_placed(calibrate(), placement, _ORACLE_SECONDS), neighbours.alive()
    if where != placement.neighbours:
        return Verification(False, 1, f"neighbours belong on cores {sorted(placement.neighbours)}, one was on {sorted(where)}")
    found = judge(placement, spun, neighbours, alive)
    return replace(found, digest=digest_of(["affinity"])) if found.passed else found  # where a thread ran is all that there is


def _spin(job: Job) -> Result:
    count = int(job.parameters["neighbours"])
    if not 0 <= count <= MOST_NEIGHBOURS:
        raise InputError(f"affinity: parameters.neighbours is 0 to {MOST_NEIGHBOURS}, got {count}")
    placement = place(job.variant)
    with noisy_neighbours(count, placement.neighbours) as neighbours:
        steal_before = steal_ns()
        spun, alive = spin_placed(job.clock, placement, job.seconds), neighbours.alive()
        steal_after = steal_ns()
    stolen = None if steal_before is None or steal_after is None else steal_after - steal_before
    return Result(
        timing="operation",
        operations=spun.readings,
        elapsed_ns=spun.elapsed_ns,
        histograms={"service": spun.histogram},
        verification=judge(placement, spun, neighbours, alive),
        counters=_counters(spun, neighbours, stolen),
    )


def _counters(spun: Spun, neighbours: Neighbours, stolen_ns: int | None) -> dict[str, float]:
    """Rates a second; a counter that the machine does not keep is left out, never 0."""
    per_s = 1e9 / spun.elapsed_ns
    counters = {
        "lost_ns_per_s": spun.lost_ns * per_s,
        "long_lost_ns_per_s": spun.long_lost_ns * per_s,
        "long_gaps_per_s": spun.long_gaps * per_s,
        "longest_gap_ns": float(spun.histogram.max_ns),
        "migrations_per_s": spun.migrations * per_s,
        "neighbours_cpu_ns": float(sum(neighbours.cpu_ns)),
    }
    if spun.waited_ns is not None:
        counters["run_queue_wait_ns_per_s"] = spun.waited_ns * per_s
        # What no neighbour and no other task of this machine explains: interrupts and the hypervisor.
        counters["unexplained_lost_ns_per_s"] = max(0.0, spun.lost_ns - spun.waited_ns) * per_s
    if stolen_ns is not None:
        counters["steal_ns_per_s_all_cores"] = stolen_ns * per_s
    return counters


WORKLOADS = {
    "spin": Workload(
        "spin",
        "clock reading",
        _spin,
        parameters={"neighbours": 0},
        needs_feed=False,
        all_cores=True,
        expects_disturbance=True,
        shown_counters=("long_lost_ns_per_s", "migrations_per_s"),
        value="gap over 1 µs between two readings",
    )
}
