"""The oracle of the counters: no increment is lost, sums never go back, and counters lie where the variant says."""

from itertools import pairwise

from tickbench.components.component import Job, MarketFeed, Verification
from tickbench.components.counters.contract import CountersConfig, NativeCounters
from tickbench.components.counters.workloads import adder, checked, cores, reader
from tickbench.components.shared.crowd import run_crowd
from tickbench.components.shared.digest import digest_of
from tickbench.kernels.clock import calibrate
from tickbench.registry import Variant

THREADS = 4  # and a reader: more than the cores of a small machine, so that threads are switched in the middle, too
_SECONDS = 0.05  # side by side, in each way: some million increments


def misplaced(made: NativeCounters) -> str | None:
    """The first counter that does not keep the promised distance, in words."""
    promised, addresses = made.isolation_bytes, made.addresses()
    for i, address in enumerate(addresses):
        if address % promised:
            return f"counter {i} lies at {address:#x}, which is no multiple of the promised {promised} bytes"
    for i, (first, second) in enumerate(pairwise(addresses)):
        if abs(second - first) < promised:
            return f"counters {i} and {i + 1} are {abs(second - first)} bytes apart, {promised} were promised"
    return None


def verify(variant: Variant, _feed: MarketFeed | None) -> Verification:
    """Count with four threads and a reader, in each way that the variant offers, and compare with what the threads did."""
    if variant.null:
        return Verification(True, 0, "the null variant has no answer to check")
    made = variant.build(CountersConfig(THREADS, cores()))
    if (made.plain_add is not None) != ("own_counter" in variant.capabilities):
        return Verification(False, 0, "plain_add and the capability own_counter belong together: one is missing")
    if fault := misplaced(made):
        return Verification(False, 0, fault)
    job, increments = Job(variant, calibrate(), seconds=_SECONDS), 0
    for add in [made.locked_add] if made.plain_add is None else [made.locked_add, made.plain_add]:
        crowd = run_crowd(job, [*([adder(made, add)] * THREADS), reader(made)])
        increments += crowd.issued - crowd.issued_each[-1]
        found = checked(variant, made, increments, sum(crowd.wrong_each))
        if not found.passed:
            return found
    detail = f"{increments} increments of {THREADS} threads are in the total, no sum went back"
    return Verification(True, increments, detail, digest_of(["counters", THREADS]))  # how many there were is chance
