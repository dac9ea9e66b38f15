"""The 64-byte message that queues are measured with: one cache line, its checksum in the last word.

    word 0 sequence | 1 producer | 2 … 6 payload | 7 checksum

The checksum is a sum of the other words, each times an odd constant of its own (multilinear hashing), so that a word that
belongs to another message, or two that changed places, show. Each word differs from message to message.
"""

from tickbench.components.shared.digest import digest_of
from tickbench.kernels.atomics import load_plain, store_plain
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import Block

SEQUENCE, PRODUCER, PAYLOAD, CHECKSUM = 0, 1, 2, 7
MESSAGE_WORDS = 8
MESSAGE_BYTES = 64
STOP_SEQUENCE = -1  # of a message that ends a stream

# The first bits of the square roots of 2, 3, 5, 7, 11, 13, 17 behind the point (the initial values of SHA-512, FIPS 180-4),
# made odd: multiplying by an odd number loses nothing.
_K = tuple(
    ((one | 1) & 0xFFFF_FFFF_FFFF_FFFF) - ((one >> 63) << 64)
    for one in (
        0x6A09E667F3BCC908,
        0xBB67AE8584CAA73B,
        0x3C6EF372FE94F82B,
        0xA54FF53A5F1D36F1,
        0x510E527FADE682D1,
        0x9B05688C2B3E6C1F,
        0x1F83D9ABFB41BD6B,
    )
)
_K0, _K1, _K2, _K3, _K4, _K5, _K6 = _K


@kernel("int64(int64)")
def checksum_of(message):
    """What the checksum of the message at this address should be."""
    low = load_plain(message, 0) * _K0 + load_plain(message, 1) * _K1 + load_plain(message, 2) * _K2
    high = load_plain(message, 3) * _K3 + load_plain(message, 4) * _K4 + load_plain(message, 5) * _K5
    return low + high + load_plain(message, 6) * _K6


@kernel("int64(int64, int64, int64)")
def write_message(message, producer, sequence):
    """Write a whole message in place; plain stores, as its words are the writer's until they are published."""
    store_plain(message, SEQUENCE, sequence)
    store_plain(message, PRODUCER, producer)
    for word in range(PAYLOAD, CHECKSUM):
        store_plain(message, word, sequence ^ (word << 56))
    store_plain(message, CHECKSUM, checksum_of(message))
    return sequence


@kernel("boolean(int64)")
def is_whole(message):
    """Whether the checksum is that of the other words: no word is missing, old or of another message."""
    return load_plain(message, CHECKSUM) == checksum_of(message)


def digest_of_messages(producers: int = 2, sequences: int = 16) -> str:
    """What oracles of queues tell of their right answers: the first messages, as all variants must carry them."""
    block = Block(MESSAGE_WORDS * producers * sequences)
    for number in range(producers * sequences):
        write_message(block.address + MESSAGE_BYTES * number, *divmod(number, sequences))
    return digest_of([block.array])
