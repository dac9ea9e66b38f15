"""A ring for any number of producers and consumers: a stamp in each slot says whose it is; written and read in place."""

from tickbench.components.channel import contract
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import Block
from tickbench.kernels.rings import mpmc_claim, mpmc_initialise, mpmc_peek, mpmc_publish, mpmc_release, mpmc_words
from tickbench.registry import variant


@kernel(contract.CLAIM)
def _claim(channel, thread):
    return mpmc_claim(channel)


@kernel(contract.PUBLISH)
def _publish(channel, thread, slot):
    return mpmc_publish(slot)


@kernel(contract.PEEK)
def _peek(channel, thread):
    return mpmc_peek(channel)


@kernel(contract.RELEASE)
def _release(channel, thread, slot):
    return mpmc_release(channel, slot)


@variant(
    "channel",
    runtime="native",
    example_of="zero-copy ring of many producers and consumers with a stamp in each slot",
    capabilities=("bounded", "many_producers", "many_consumers"),
)
def mpmc_ring(config: contract.ChannelConfig) -> contract.NativeChannel:
    """Make an empty channel."""
    block = Block(mpmc_words(config.capacity))
    block.touch()
    mpmc_initialise(block.address, config.capacity, config.start_index)
    return contract.NativeChannel(block, _claim, _publish, _peek, _release)
