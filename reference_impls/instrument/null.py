"""No probe: the bare call, through the same driver."""

from tickbench.components.instrument import contract
from tickbench.components.instrument.contract import WRAP, NativeProbe, Reading
from tickbench.kernels.jit import kernel
from tickbench.registry import variant


@kernel(WRAP)
def _wrap(_state, argument):
    return contract.work(argument)


@variant("instrument", runtime="native", example_of="the bare call", capabilities=("nanoseconds", "failures"), null=True)
def null(_config: object) -> NativeProbe:
    """Make the probe that counts nothing."""
    return NativeProbe(0, _wrap, lambda: Reading(0, 0, 0))
