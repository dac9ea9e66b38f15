"""A counter for each core, on a pair of lines of its own: what a library does that cannot number its caller's threads.

    lines 2c, 2c+1   counter of core c     threads that run on core c write it; a sum reads all

The core is asked for at every increment, since the thread may have moved. It may also move between the question and the add,
and two threads of a core may be switched in between a load and a store: so the add stays locked, whatever the pinning, and
there is no plain one. `sched_getcpu` reads the core from the thread's rseq area (glibc 2.35), no system call; the plan's sketch
takes the core as an argument and leaves open who keeps it true.
"""

from tickbench.components.counters.contract import (
    ADD_MANY,
    COUNTERS,
    FIRST_COUNTER,
    STRIDE_WORDS,
    CountersConfig,
    NativeCounters,
    counters_apart,
)
from tickbench.kernels.atomics import fetch_add_relaxed, load_plain
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_BYTES
from tickbench.kernels.system import current_cpu
from tickbench.registry import variant


@kernel(ADD_MANY)
def _locked_add(state, thread, n):
    stride, most = load_plain(state, STRIDE_WORDS), load_plain(state, COUNTERS) - 1
    for _ in range(n):
        core = min(current_cpu(), most)  # a core that was plugged in later shares the last counter
        fetch_add_relaxed(state, FIRST_COUNTER + core * stride, 1)  # relaxed: a counter orders nothing but itself
    return n


@variant("counters", runtime="native", example_of="a padded counter for each core, found by sched_getcpu")
def per_core(config: CountersConfig) -> NativeCounters:
    """Counters of cores."""
    apart = counters_apart(ISOLATION_BYTES, config.cores)
    return NativeCounters(apart.block, _locked_add, None, apart.total, ISOLATION_BYTES)
