"""The loop around a compiled probe."""

from tickbench.components.instrument.contract import WRAP
from tickbench.kernels.jit import kernel


@kernel(f"int64(pointer[{WRAP}], int64, int64, int64)")
def drive_wrap(wrap, state, n, passes):
    """Wrap n calls with the arguments 0 … n - 1, `passes` times; returns the sum of what they returned."""
    total = 0
    for _ in range(passes):
        for i in range(n):
            total += wrap(state, i)
    return total
