"""The "before": a counter for each thread, 8 bytes apart, as an array of integers has them.

    line 0   counter of thread 0 | of thread 1 | … | of thread 7     every thread writes this line (false sharing)

No thread reads what another writes, yet each increment has to fetch the line from the core that wrote it last. With more than
eight threads the next eight share the next line.
"""

from tickbench.components.counters.contract import CountersConfig, NativeCounters, counters_apart
from tickbench.kernels.memory import WORD_BYTES
from tickbench.registry import variant


@variant(
    "counters",
    runtime="native",
    example_of="an array of counters: eight threads write one cache line",
    capabilities=("own_counter",),
    reference=True,
)
def shared_line(config: CountersConfig) -> NativeCounters:
    """Counters side by side."""
    return counters_apart(WORD_BYTES, config.threads)
