"""A counter for each thread on a cache line of its own: the plan's CacheAlignedCounter.

line i   counter of thread i | 56 bytes of nothing     thread i writes; only a sum reads
"""

from tickbench.components.counters.contract import CountersConfig, NativeCounters, counters_apart
from tickbench.kernels.memory import LINE_BYTES
from tickbench.registry import variant


@variant("counters", runtime="native", example_of="counters padded to a cache line", capabilities=("own_counter",))
def padded_line_64(config: CountersConfig) -> NativeCounters:
    """Counters a line apart."""
    return counters_apart(LINE_BYTES, config.threads)
