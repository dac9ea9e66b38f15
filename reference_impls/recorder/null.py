"""Records nothing: its time is that of the loop over the values, and of the call where there is one."""

import numpy as np

from tickbench.components.recorder import GEOMETRY, RECORD, RECORD_MANY, NativeRecorder
from tickbench.kernels.atomics import load_relaxed
from tickbench.kernels.jit import kernel
from tickbench.registry import variant


@kernel(RECORD)
def _record(_state, _value_ns):
    return 0


@kernel(RECORD_MANY)
def _record_many(_state, values, n):
    total = 0
    for i in range(n):
        total += load_relaxed(values, i)  # relaxed: keeps the loads one by one, as a recorder makes them
    return total


@variant("recorder", runtime="native", example_of="nothing at all", capabilities=("own_loop",), null=True)
def null(_config: object) -> NativeRecorder:
    """A recorder without a state."""
    return NativeRecorder(0, _record, _record_many, lambda: np.zeros(GEOMETRY.counts_len, dtype=np.int64))
