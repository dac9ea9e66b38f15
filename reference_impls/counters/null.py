"""Adds nothing: the loop over a batch, with one load of a line that nobody writes in place of the increment."""

from tickbench.components.counters.contract import (
    ADD_MANY,
    TOTAL,
    CountersConfig,
    NativeCounters,
    counters_apart,
)
from tickbench.kernels.atomics import load_relaxed
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_BYTES
from tickbench.registry import variant


@kernel(ADD_MANY)
def _add(state, thread, n):
    for _ in range(n):
        load_relaxed(state, 0)  # relaxed: written once; an atomic load keeps the loop from being deleted
    return n


@kernel(TOTAL)
def _total(state):
    return 0


@variant("counters", runtime="native", example_of="nothing: the cost of the loop", capabilities=("own_counter",), null=True)
def null(config: CountersConfig) -> NativeCounters:
    """Counters that stay 0."""
    block = counters_apart(ISOLATION_BYTES, config.threads).block
    return NativeCounters(block, _add, _add, _total, ISOLATION_BYTES)
