"""A probe compiled into the code that it measures: two clock readings, an HDR bucket, a compare.

    line pair 1   violations                   one writer, the thread that is measured; readable by any
    then          the histogram (kernels.recorder), likewise

A reader in another thread, or in another process that maps the block, copies counters that only grow.
"""

from tickbench.components.instrument import contract
from tickbench.components.instrument.contract import OWN_WORDS, WRAP, NativeProbe, ProbeConfig, Reading
from tickbench.kernels.atomics import load_relaxed, store_relaxed
from tickbench.kernels.hdr import Histogram
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_WORDS
from tickbench.kernels.recorder import HdrGeometry, histogram_words, initialise_histogram, record
from tickbench.registry import variant

_VIOLATIONS, _HISTOGRAM = OWN_WORDS, OWN_WORDS + ISOLATION_WORDS
_GEOMETRY = HdrGeometry()


@kernel(WRAP)
def _wrap(state, argument):
    start = contract.now(state)
    result = contract.work(argument)
    elapsed_ns = contract.since_ns(state, start)
    record(state, _HISTOGRAM, elapsed_ns)
    if elapsed_ns > contract.threshold_ns(state):
        # relaxed: one writer, and a reader wants the number only
        store_relaxed(state, _VIOLATIONS, load_relaxed(state, _VIOLATIONS) + 1)
    return result


@variant(
    "instrument",
    runtime="native",
    example_of="an HDR histogram and the clock, compiled into the caller",
    capabilities=("nanoseconds",),
)
def kernel_probe(config: ProbeConfig) -> NativeProbe:
    """Make the probe."""
    block = contract.new_state(config, ISOLATION_WORDS + histogram_words(_GEOMETRY))
    initialise_histogram(block.array, _HISTOGRAM, _GEOMETRY)
    histogram = Histogram.view(block.array, _HISTOGRAM)

    def read() -> Reading:
        return Reading(histogram.count, histogram.sum_ns, int(block.array[_VIOLATIONS]))

    return NativeProbe(block.address, _wrap, read, block)
