"""The OpenTelemetry SDK: a histogram instrument in ns and a counter for violations, aggregated in memory."""

from collections.abc import Callable

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from tickbench.components.instrument.contract import ProbeConfig, PythonProbe, Reading
from tickbench.registry import variant


@variant(
    "instrument",
    runtime="python",
    example_of="the OpenTelemetry SDK: a histogram and a counter",
    capabilities=("nanoseconds", "failures"),
)
def opentelemetry(config: ProbeConfig) -> PythonProbe:
    """Make the probe, with a provider of its own."""
    reader = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[reader], shutdown_on_exit=False)
    meter = provider.get_meter("engine")
    observe = meter.create_histogram("latency", unit="ns").record
    count = meter.create_counter("latency_violations").add
    clock_ns, threshold_ns = config.clock_ns, config.threshold_ns

    def wrap(function: Callable[[int], int]) -> Callable[[int], int]:
        def instrumented(argument: int) -> int:
            start_ns = clock_ns()
            try:
                return function(argument)
            finally:
                elapsed_ns = clock_ns() - start_ns
                observe(elapsed_ns)
                if elapsed_ns > threshold_ns:
                    count(1)

        return instrumented

    return PythonProbe(wrap, lambda: _read(reader))


def _read(reader: InMemoryMetricReader) -> Reading:
    data = reader.get_metrics_data()
    resources = data.resource_metrics if data else []
    metrics = {one.name: one for resource in resources for scope in resource.scope_metrics for one in scope.metrics}
    if "latency" not in metrics:
        return Reading(0, 0, 0)
    point = metrics["latency"].data.data_points[0]
    over = metrics["latency_violations"].data.data_points[0].value if "latency_violations" in metrics else 0
    return Reading(point.count, round(point.sum), round(over))
