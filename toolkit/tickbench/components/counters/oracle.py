"""The oracle of the counters: no increment is lost, sums never go back, and counters lie where the variant says."""

from collections.abc import Callable
from itertools import pairwise

from tickbench.components.component import MarketFeed, Verification
from tickbench.components.counters.contract import TOTAL, CountersConfig, NativeCounters
from tickbench.components.counters.workloads import cores
from tickbench.components.shared.threads import run_together
from tickbench.kernels.jit import kernel
from tickbench.registry import Variant

THREADS = 4
_ADDS = 100_000  # of a thread: a few time slices' worth of chances to lose one where threads share a counter
_MOST_SUMS = 50_000


@kernel(f"int64(pointer[{TOTAL}], int64, int64, int64)")
def _watch(total, state, expected, most):
    """Sum until the total is `expected`, at most `most` times; returns the sums that went back or beyond it."""
    wrong = last = 0
    for _ in range(most):
        seen = total(state)
        if seen < last or seen > expected:
            wrong += 1
        last = seen
        if seen == expected:
            break
    return wrong


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


def _counted(made: NativeCounters, add: Callable[..., int], before: int) -> str | None:
    """Let threads add and one sum; what went wrong, in words."""
    state, expected = made.block.address, before + THREADS * _ADDS

    def adder(thread: int) -> Callable[[], int]:
        return lambda: add(state, thread, _ADDS)

    def watch() -> int:
        return int(_watch(made.total, state, expected, _MOST_SUMS))

    *_, wrong = run_together([*(adder(thread) for thread in range(THREADS)), watch])
    seen = made.total(state)
    if seen != expected:
        return f"{expected} increments were made, the total is {seen}"
    return f"{wrong} sums went back or beyond what was added" if wrong else None


def verify(variant: Variant, _feed: MarketFeed | None) -> Verification:
    """Count with four threads and a reader, in each way that the variant offers, and compare with the number of calls."""
    if variant.null:
        return Verification(True, 0, "the null variant has no answer to check")
    made = variant.build(CountersConfig(THREADS, cores()))
    ways = [made.locked_add] if made.plain_add is None else [made.locked_add, made.plain_add]
    checks = len(ways) * THREADS * _ADDS
    if (made.plain_add is not None) != ("own_counter" in variant.capabilities):
        return Verification(False, checks, "plain_add and the capability own_counter belong together: one is missing")
    if fault := misplaced(made):
        return Verification(False, checks, fault)
    for done, add in enumerate(ways):
        if fault := _counted(made, add, done * THREADS * _ADDS):
            return Verification(False, checks, fault)
    return Verification(True, checks, f"{checks} increments of {THREADS} threads are in the total, and no sum went back")
