"""The transport without another process: what was sent is what is received, so a round trip is the cost of the driver alone."""

from tickbench.components.ipc import contract
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import Block
from tickbench.registry import variant


@kernel(contract.CLAIM)
def _claim(end, thread):
    return end


@kernel(contract.PUBLISH)
def _publish(end, thread, slot):
    return 1


@kernel(contract.PEEK)
def _peek(end, thread):
    return end


@kernel(contract.RELEASE)
def _release(end, thread, slot):
    return 1


@variant(
    "ipc", runtime="native", example_of="nothing: the cost of the driver", capabilities=("spinning", "blocking"), null=True
)
def null(config: contract.IpcConfig) -> contract.Endpoint:
    """Make the only end."""
    return contract.Endpoint(Block(contract.MESSAGE_WORDS), _claim, _publish, _peek, _release, in_process=True)
