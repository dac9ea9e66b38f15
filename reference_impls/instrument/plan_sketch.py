"""The plan's `instrument()` (10.2), word for word in Python: a registry lookup by name, whole microseconds as a float.

Three faults that its readers would find late: `as_micros()` truncates, so every call below 1 us adds 0 to the histogram and a
call of 5.999 us does not violate a threshold of 5; a call that raises is not counted; the lookup by name is paid a call.
"""

from collections import defaultdict
from collections.abc import Callable

from tickbench.components.instrument.contract import ProbeConfig, PythonProbe, Reading
from tickbench.registry import variant

_NAME, _NS_PER_US = "order_book.update", 1_000


@variant("instrument", runtime="python", example_of="the plan's sketch: whole microseconds", reference=True)
def plan_sketch(config: ProbeConfig) -> PythonProbe:
    """Make the probe; its histogram keeps a count for each number of microseconds."""
    histograms: dict[str, dict[float, int]] = defaultdict(lambda: defaultdict(int))
    counters: dict[str, int] = defaultdict(int)
    clock_ns, threshold_us = config.clock_ns, config.threshold_ns / _NS_PER_US

    def instrument(name: str, function: Callable[[int], int], argument: int) -> int:
        start = clock_ns()
        result = function(argument)
        elapsed = float((clock_ns() - start) // _NS_PER_US)
        histograms[name][elapsed] += 1
        if elapsed > threshold_us:
            counters[name] += 1
        return result

    def wrap(function: Callable[[int], int]) -> Callable[[int], int]:
        return lambda argument: instrument(_NAME, function, argument)

    def read() -> Reading:
        kept = histograms[_NAME]
        total_ns = sum(round(micros) * times * _NS_PER_US for micros, times in kept.items())
        return Reading(sum(kept.values()), total_ns, counters[_NAME])

    return PythonProbe(wrap, read)
