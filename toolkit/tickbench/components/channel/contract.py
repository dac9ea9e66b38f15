"""What a channel provides: messages of 64 bytes from producer threads to consumer threads, bounded, each exactly once.

A compiled channel is one block and four kernels (CLAIM, PUBLISH, PEEK, RELEASE; see `shared.exchange` for their answers).
Producers are threads 0 … producers - 1 of `claim` and `publish`, consumers threads 0 … consumers - 1 of `peek` and
`release`. A thread publishes what it claimed before it claims again, and releases what it peeked before it peeks again.
A channel that copies answers a claim with a buffer of the thread's own, and may say "full" when it is published.

A Python channel sends and receives `bytes` of MESSAGE_BYTES.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tickbench.components.shared.exchange import CLAIM, PEEK, PUBLISH, RELEASE
from tickbench.components.shared.messages import MESSAGE_BYTES, MESSAGE_WORDS, STOP_SEQUENCE
from tickbench.kernels.memory import Block
from tickbench.kernels.rings import check_capacity

__all__ = [
    "CAPABILITIES",
    "CLAIM",
    "MESSAGE_BYTES",
    "MESSAGE_WORDS",
    "PEEK",
    "PUBLISH",
    "RELEASE",
    "STOP_SEQUENCE",
    "ChannelConfig",
    "NativeChannel",
    "PythonChannel",
]

CAPABILITIES = {
    "bounded": "says full when as many messages are inside as it has room for",
    "many_producers": "more than one thread may send",
    "many_consumers": "more than one thread may receive; each message goes to one of them",
}


@dataclass(frozen=True)
class ChannelConfig:
    """Room for `capacity` messages, a power of two; the first has index `start_index` (tests let it wrap soon).

    `release_every`: how many read slots a consumer may keep before it gives them back together, if the variant can.
    """

    capacity: int = 1024
    producers: int = 1
    consumers: int = 1
    release_every: int = 1
    start_index: int = 0

    def __post_init__(self) -> None:
        check_capacity(self.capacity)


@dataclass
class NativeChannel:
    """A compiled channel; `owner` lives as long as it does."""

    block: Block
    claim_kernel: Callable[..., int]
    publish_kernel: Callable[..., int]
    peek_kernel: Callable[..., int]
    release_kernel: Callable[..., int]
    owner: Any = None

    @property
    def address(self) -> int:
        """The state that the kernels take."""
        return self.block.address


class PythonChannel(Protocol):
    """A channel for Python threads; `receive` waits for at most `timeout_s` and answers None then."""

    def send(self, message: bytes) -> None: ...

    def receive(self, timeout_s: float) -> bytes | None: ...
