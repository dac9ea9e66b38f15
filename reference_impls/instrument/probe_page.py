"""The probe page from plain Python: perf_counter_ns around the call, the record by a kernel called at its entry point.

The kernel keeps the GIL and is called without numba's dispatch; the histogram lies in shared memory, where other processes
read it while it is written.
"""

from collections.abc import Callable

from tickbench.components.instrument.contract import ProbeConfig, PythonProbe, Reading
from tickbench.probe import Page, PageReader
from tickbench.probe import python as fast
from tickbench.registry import variant


@variant(
    "instrument",
    runtime="python",
    example_of="a slot of a probe page, recorded from plain Python",
    capabilities=("nanoseconds", "failures"),
)
def probe_page(config: ProbeConfig) -> PythonProbe:
    """Make the probe."""
    with Page("instrument", slots=2) as page:  # a counter takes room as well
        slot, over, reader = page.histogram("call"), page.counter("violations"), PageReader(page.path)
    clock_ns, threshold_ns, record, add = config.clock_ns, config.threshold_ns, fast.record, fast.add

    def wrap(function: Callable[[int], int]) -> Callable[[int], int]:
        def instrumented(argument: int) -> int:
            start_ns = clock_ns()
            try:
                return function(argument)
            finally:
                elapsed_ns = clock_ns() - start_ns
                record(slot, elapsed_ns)
                if elapsed_ns > threshold_ns:
                    add(over, 1)

        return instrumented

    def read() -> Reading:
        snapshot = reader.snapshot()
        histogram = snapshot.total("call")
        return Reading(histogram.count, histogram.sum_ns, snapshot["violations"].value)

    return PythonProbe(wrap, read)
