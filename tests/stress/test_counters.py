"""Counters under more real threads than cores, pinned and not: exact totals, and sums that never go back or beyond."""

import os

import pytest

from stress.test_locks import run, thread
from tickbench.components.counters.contract import TOTAL, CountersConfig
from tickbench.components.counters.workloads import cores
from tickbench.kernels.atomics import fetch_add_relaxed, load_relaxed, store_relaxed
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_WORDS, Block
from tickbench.registry import discover

EFFORT = int(os.environ.get("TICKBENCH_STRESS", "1"))
THREADS, ROUNDS, ADDS = 6, 100 * EFFORT, 20_000
DONE, WENT_BACK, READS = (ISOLATION_WORDS * i for i in range(3))

_variants, _unavailable = discover("counters")
_ways = [
    pytest.param(one, way, id=f"{one.name}-{way}")
    for one in _variants
    if not one.null
    for way in ("locked_add", "plain_add")
    if way == "locked_add" or "own_counter" in one.capabilities
]


@kernel(f"int64(pointer[{TOTAL}], int64, int64)")
def watch(total, state, control):
    """Sum until told that all is done."""
    last = reads = back = 0
    while load_relaxed(control, DONE) == 0:  # relaxed: a flag that orders nothing
        seen = total(state)
        back += seen < last
        last = seen
        reads += 1
    fetch_add_relaxed(control, WENT_BACK, back)
    fetch_add_relaxed(control, READS, reads)
    return reads


@kernel("int64(int64)")
def stop(control):
    store_relaxed(control, DONE, 1)
    return 0


@pytest.mark.parametrize(("variant", "way"), _ways)
def test_threads_that_move_between_cores_lose_no_increment(variant, way):
    made, control = variant.build(CountersConfig(THREADS, cores())), Block(3 * ISOLATION_WORDS)
    add, state = getattr(made, way), made.block.address

    def write(number):
        for _ in range(ROUNDS):
            add(state, number, ADDS)  # back to Python between: a thread may come back on another core

    def write_all():
        run([thread(write, number) for number in range(THREADS)])
        stop(control.address)

    run([thread(watch, made.total, state, control.address), thread(write_all)])
    assert made.total(state) == THREADS * ROUNDS * ADDS
    assert control.array[WENT_BACK] == 0
    assert control.array[READS] > 0
