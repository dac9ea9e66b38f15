"""A slot of a probe page: the same record in shared memory, in which other processes read it while it is written."""

import numpy as np

from tickbench.components.recorder import GEOMETRY, RECORD, RECORD_MANY, NativeRecorder
from tickbench.kernels.atomics import load_plain
from tickbench.kernels.jit import kernel
from tickbench.probe import Page, PageReader, record
from tickbench.registry import variant


@kernel(RECORD)
def _record(state, value_ns):
    return record.record(state, value_ns)


@kernel(RECORD_MANY)
def _record_many(state, values, n):
    inside = 0
    for i in range(n):
        inside += record.record(state, load_plain(values, i))
    return inside


@variant("recorder", runtime="native", example_of="a slot of a probe page in shared memory", capabilities=("own_loop",))
def probe_page(_config: object) -> NativeRecorder:
    """A recorder over the only slot of a page, which stays readable to this process when its file is gone."""
    with Page("recorder", slots=1) as page:
        slot, reader = page.histogram("latency", geometry=GEOMETRY), PageReader(page.path)

    def read_counts():
        histogram = reader.snapshot()["latency"].histogram
        return np.zeros(0, dtype=np.int64) if histogram is None else histogram.counts

    return NativeRecorder(slot, _record, _record_many, read_counts, page)
