"""tickbench's own recorder: an HDR bucket by one `lzcnt` and two shifts, relaxed stores and one release, one writer."""

from tickbench.components.recorder import GEOMETRY, RECORD, RECORD_MANY, NativeRecorder
from tickbench.kernels import recorder
from tickbench.kernels.hdr import Histogram
from tickbench.kernels.jit import kernel
from tickbench.registry import variant


@kernel(RECORD)
def _record(state, value_ns):
    return recorder.record(state, 0, value_ns)


@kernel(RECORD_MANY)
def _record_many(state, values, n):
    return recorder.record_many(state, 0, values, n)


@variant("recorder", runtime="native", example_of="an HDR recorder compiled into the caller", capabilities=("own_loop",))
def hdr_kernel(_config: object) -> NativeRecorder:
    """A recorder over a block of its own."""
    histogram = Histogram(GEOMETRY)

    def read_counts():
        return histogram.counts.copy()

    return NativeRecorder(histogram.address, _record, _record_many, read_counts, histogram)
