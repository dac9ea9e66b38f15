"""A ring for one producer and one consumer: written and read in place, each side remembers the other's index.

    line pairs 0, 1       the producer's own words, the consumer's own words
    then                  the shared words: tail | head | slots (see kernels.rings)

The plan's `recv() -> &T` by peek leaves the slot to the producer while it is read; here it is the reader's until released.
"""

from tickbench.components.channel import contract
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_BYTES, Block
from tickbench.kernels.rings import (
    SPSC_OWN_WORDS,
    spsc_claim,
    spsc_peek,
    spsc_publish,
    spsc_release,
    spsc_start_at,
    spsc_take_consumer,
    spsc_take_producer,
    spsc_words,
)
from tickbench.registry import variant

_CONSUMER_BYTES = 8 * SPSC_OWN_WORDS
_RING_BYTES = 2 * _CONSUMER_BYTES
assert _CONSUMER_BYTES % ISOLATION_BYTES == 0


@kernel(contract.CLAIM)
def _claim(channel, thread):
    return spsc_claim(channel, channel + _RING_BYTES)


@kernel(contract.PUBLISH)
def _publish(channel, thread, slot):
    return spsc_publish(channel, channel + _RING_BYTES)


@kernel(contract.PEEK)
def _peek(channel, thread):
    return spsc_peek(channel + _CONSUMER_BYTES, channel + _RING_BYTES)


@kernel(contract.RELEASE)
def _release(channel, thread, slot):
    return spsc_release(channel + _CONSUMER_BYTES, channel + _RING_BYTES)


@variant(
    "channel",
    runtime="native",
    example_of="zero-copy ring of one producer and one consumer with remembered indices",
    capabilities=("bounded",),
)
def spsc_ring(config: contract.ChannelConfig) -> contract.NativeChannel:
    """Make an empty channel."""
    block = Block(2 * SPSC_OWN_WORDS + spsc_words(config.capacity))
    block.touch()
    own, ring = block.address, block.address + _RING_BYTES
    spsc_start_at(ring, config.start_index)
    spsc_take_producer(own, ring, config.capacity)
    spsc_take_consumer(own + _CONSUMER_BYTES, ring, config.capacity, config.release_every)
    return contract.NativeChannel(block, _claim, _publish, _peek, _release)
