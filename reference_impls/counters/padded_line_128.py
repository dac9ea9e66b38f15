"""A counter for each thread on a pair of cache lines of its own.

    lines 2i, 2i+1   counter of thread i | 120 bytes of nothing     thread i writes; only a sum reads

Intel's spatial prefetcher fetches lines in pairs, so two neighbouring lines may still disturb each other there; crossbeam's
CachePadded takes 128 bytes on x86-64 for that reason. On AMD the two paddings should not differ.
"""

from tickbench.components.counters.contract import CountersConfig, NativeCounters, counters_apart
from tickbench.kernels.memory import ISOLATION_BYTES
from tickbench.registry import variant


@variant("counters", runtime="native", example_of="counters padded to a pair of cache lines", capabilities=("own_counter",))
def padded_line_128(config: CountersConfig) -> NativeCounters:
    """Counters two lines apart."""
    return counters_apart(ISOLATION_BYTES, config.threads)
