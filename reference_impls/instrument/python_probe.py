"""tickbench's histogram from Python: perf_counter_ns around the call, one dispatch of the recording kernel a call."""

from collections.abc import Callable

from tickbench.components.instrument.contract import ProbeConfig, PythonProbe, Reading
from tickbench.kernels.hdr import Histogram
from tickbench.kernels.recorder import record
from tickbench.registry import variant


@variant(
    "instrument",
    runtime="python",
    example_of="an HDR histogram recorded by a kernel, called from Python",
    capabilities=("nanoseconds", "failures"),
)
def python_probe(config: ProbeConfig) -> PythonProbe:
    """Make the probe."""
    histogram, violations = Histogram(), 0
    clock_ns, threshold_ns, words, index = config.clock_ns, config.threshold_ns, histogram.address, histogram.index

    def wrap(function: Callable[[int], int]) -> Callable[[int], int]:
        def instrumented(argument: int) -> int:
            nonlocal violations
            start_ns = clock_ns()
            try:
                return function(argument)
            finally:
                elapsed_ns = clock_ns() - start_ns
                record(words, index, elapsed_ns)
                if elapsed_ns > threshold_ns:
                    violations += 1

        instrumented.histogram = histogram  # lives as long as what writes to its address
        return instrumented

    return PythonProbe(wrap, lambda: Reading(histogram.count, histogram.sum_ns, violations))
