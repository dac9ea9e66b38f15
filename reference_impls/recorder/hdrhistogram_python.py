"""The hdrhistogram package's `record_value`: what a Python engine would call."""

import numpy as np
from hdrh.histogram import HdrHistogram

from tickbench.components.recorder import GEOMETRY, PythonRecorder
from tickbench.registry import variant


@variant("recorder", runtime="python", example_of="the hdrhistogram package, called for each value", reference=True)
def hdrhistogram_python(_config: object) -> PythonRecorder:
    """A recorder over an HdrHistogram of the package."""
    histogram = HdrHistogram(GEOMETRY.lowest, GEOMETRY.highest, GEOMETRY.digits)
    return PythonRecorder(histogram.record_value, lambda: np.array(list(histogram.counts), dtype=np.int64))
