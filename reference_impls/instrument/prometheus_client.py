"""prometheus_client: `Histogram.observe` in seconds, as its documentation has it, and a `Counter` for violations.

Its buckets are the exporter's few, here around microseconds: a percentile can be no finer than those. Each observation takes a
lock, so that any thread may call it.
"""

from collections.abc import Callable

import prometheus_client as library

from tickbench.components.instrument.contract import ProbeConfig, PythonProbe, Reading
from tickbench.registry import variant

_NS_PER_S = 1_000_000_000
_BUCKETS_S = (1e-6, 2e-6, 5e-6, 1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2)


@variant(
    "instrument",
    runtime="python",
    example_of="prometheus_client: a Histogram and a Counter",
    capabilities=("nanoseconds", "failures"),
)
def prometheus_client(config: ProbeConfig) -> PythonProbe:
    """Make the probe, with a registry of its own."""
    registry = library.CollectorRegistry()
    histogram = library.Histogram("latency_seconds", "time of a call", buckets=_BUCKETS_S, registry=registry)
    counter = library.Counter("latency_violations", "calls over the threshold", registry=registry)
    clock_ns, threshold_ns, observe, count = config.clock_ns, config.threshold_ns, histogram.observe, counter.inc

    def wrap(function: Callable[[int], int]) -> Callable[[int], int]:
        def instrumented(argument: int) -> int:
            start_ns = clock_ns()
            try:
                return function(argument)
            finally:
                elapsed_ns = clock_ns() - start_ns
                observe(elapsed_ns / _NS_PER_S)
                if elapsed_ns > threshold_ns:
                    count()

        return instrumented

    def read() -> Reading:
        calls, total_s, over = (
            registry.get_sample_value(name) or 0.0
            for name in ("latency_seconds_count", "latency_seconds_sum", "latency_violations_total")
        )
        return Reading(round(calls), round(total_s * _NS_PER_S), round(over))

    return PythonProbe(wrap, read)
