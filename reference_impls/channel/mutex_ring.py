"""A ring under a pthread mutex: the message is copied in from the producer's buffer and out into the consumer's.

line pair 0    the mutex               every thread writes it
line pair 1    head | tail | capacity  under the mutex
then           slots of 8 words        under the mutex
then           one line pair a thread  its own buffer, which it writes or reads in peace
"""

from tickbench.components.channel import contract
from tickbench.kernels.atomics import load_plain, store_plain
from tickbench.kernels.jit import kernel
from tickbench.kernels.locks import pthread_mutex_init, pthread_mutex_lock, pthread_mutex_unlock
from tickbench.kernels.memory import ISOLATION_WORDS, Block, round_up_words
from tickbench.registry import variant

_LOCK = 0
_HEAD, _TAIL, _CAPACITY, _PRODUCER_BUFFERS, _CONSUMER_BUFFERS = (ISOLATION_WORDS + i for i in range(5))
_SLOTS = 2 * ISOLATION_WORDS
_WORDS = contract.MESSAGE_WORDS


@kernel("int64(int64, int64)")
def _slot(channel, index):
    return channel + 8 * (_SLOTS + (index & (load_plain(channel, _CAPACITY) - 1)) * _WORDS)


@kernel("int64(int64, int64)")
def _copy(source, target):
    for word in range(_WORDS):
        store_plain(target, word, load_plain(source, word))
    return target


@kernel(contract.CLAIM)
def _claim(channel, thread):
    return channel + 8 * (load_plain(channel, _PRODUCER_BUFFERS) + thread * ISOLATION_WORDS)


@kernel(contract.PUBLISH)
def _publish(channel, thread, message):
    pthread_mutex_lock(channel, _LOCK)
    tail = load_plain(channel, _TAIL)
    free = tail - load_plain(channel, _HEAD) < load_plain(channel, _CAPACITY)
    if free:
        _copy(message, _slot(channel, tail))
        store_plain(channel, _TAIL, tail + 1)
    pthread_mutex_unlock(channel, _LOCK)
    return 1 if free else 0


@kernel(contract.PEEK)
def _peek(channel, thread):
    buffer = channel + 8 * (load_plain(channel, _CONSUMER_BUFFERS) + thread * ISOLATION_WORDS)
    pthread_mutex_lock(channel, _LOCK)
    head = load_plain(channel, _HEAD)
    filled = head != load_plain(channel, _TAIL)
    if filled:
        _copy(_slot(channel, head), buffer)
        store_plain(channel, _HEAD, head + 1)
    pthread_mutex_unlock(channel, _LOCK)
    return buffer if filled else 0


@kernel(contract.RELEASE)
def _release(channel, thread, message):
    return 1  # the copy is the consumer's own


@variant(
    "channel",
    runtime="native",
    example_of="ring under a mutex that copies in and out",
    capabilities=("bounded", "many_producers", "many_consumers"),
    reference=True,
)
def mutex_ring(config: contract.ChannelConfig) -> contract.NativeChannel:
    """Make an empty channel."""
    buffers = _SLOTS + round_up_words(config.capacity * _WORDS, ISOLATION_WORDS)
    block = Block(buffers + (config.producers + config.consumers) * ISOLATION_WORDS)
    block.touch()
    words = block.array
    words[_CAPACITY], words[_HEAD], words[_TAIL] = config.capacity, config.start_index, config.start_index
    words[_PRODUCER_BUFFERS], words[_CONSUMER_BUFFERS] = buffers, buffers + config.producers * ISOLATION_WORDS
    pthread_mutex_init(block.address, _LOCK, 0)
    return contract.NativeChannel(block, _claim, _publish, _peek, _release)
