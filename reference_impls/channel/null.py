"""The channel that carries nothing: what the drivers, their messages and the calls through function pointers cost alone.

Each thread has a buffer of its own, a line pair: producers write into it, consumers find always the same message there.
That message says STOP_SEQUENCE, so that who waits for the end of a stream finds it.
"""

from tickbench.components.channel import contract
from tickbench.kernels.atomics import load_plain
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_WORDS, Block
from tickbench.registry import variant

_PRODUCERS = 0
_BUFFERS = ISOLATION_WORDS


@kernel(contract.CLAIM)
def _claim(channel, thread):
    return channel + 8 * (_BUFFERS + thread * ISOLATION_WORDS)


@kernel(contract.PUBLISH)
def _publish(channel, thread, slot):
    return 1


@kernel(contract.PEEK)
def _peek(channel, thread):
    return channel + 8 * (_BUFFERS + (load_plain(channel, _PRODUCERS) + thread) * ISOLATION_WORDS)


@kernel(contract.RELEASE)
def _release(channel, thread, slot):
    return 1


@variant(
    "channel",
    runtime="native",
    example_of="nothing: the cost of the driver",
    capabilities=("bounded", "many_producers", "many_consumers"),
    null=True,
)
def null(config: contract.ChannelConfig) -> contract.NativeChannel:
    """Make the channel that carries nothing."""
    block = Block(_BUFFERS + (config.producers + config.consumers) * ISOLATION_WORDS)
    block.array[_PRODUCERS] = config.producers
    block.array[_BUFFERS + config.producers * ISOLATION_WORDS :: ISOLATION_WORDS] = contract.STOP_SEQUENCE
    return contract.NativeChannel(block, _claim, _publish, _peek, _release)
