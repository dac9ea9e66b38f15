"""What the exchange measures, all from its own monotonic clock, in ns. Values are kept in a list and recorded in batches."""

from __future__ import annotations

from array import array

import numpy as np

from tickbench.kernels.hdr import Histogram

# Recording a batch takes 20 µs, once in a second or so; one call for each value would take 1 µs each time.
BATCH = 8_192
NAMES = {
    "tick_to_order": "tick sent to order received",
    "order_to_fill": "order received to its outcome sent",
    "tick_to_fill": "tick sent to the outcome of its order sent",
    "lag": "tick sent after its planned time",
    "fill_lateness": "outcome sent after its delay was over",
}


class Series:
    """One histogram behind a buffer."""

    def __init__(self) -> None:
        self._histogram = Histogram()
        self._waiting = array("q")

    def add(self, value_ns: int) -> None:
        """Keep one value."""
        self._waiting.append(value_ns)
        if len(self._waiting) >= BATCH:
            self._flush()

    @property
    def histogram(self) -> Histogram:
        """Everything that was added."""
        self._flush()
        return self._histogram

    def _flush(self) -> None:
        if self._waiting:
            self._histogram.record(np.frombuffer(self._waiting, dtype=np.int64))
            self._waiting = array("q")


class Measures:
    """The histograms of a run by name."""

    def __init__(self) -> None:
        self.tick_to_order = Series()
        self.order_to_fill = Series()
        self.tick_to_fill = Series()
        self.lag = Series()
        self.fill_lateness = Series()

    def histograms(self) -> dict[str, Histogram]:
        """The histograms by name."""
        return {name: getattr(self, name).histogram for name in NAMES}
