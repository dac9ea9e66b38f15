"""What a transport between two processes provides: messages of 64 bytes each way, each exactly once, in order.

A variant builds one end. The client's end is built first and makes what both need; its `address` (text) and `handed_over`
(file descriptors that the other process inherits) let the server build the other end. The operations and their answers are
those of `shared.exchange`; an end is used by one thread. Negative answers: CLOSED, the other side is gone; CORRUPT, what it
wrote cannot be. `meet` waits until the other end is there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from tickbench.components.shared.exchange import (
    CLAIM,
    CLOSED,
    IDLE,
    PEEK,
    PUBLISH,
    RELEASE,
    SPIN_LOOKS,
    give_way,
)
from tickbench.components.shared.messages import MESSAGE_BYTES, MESSAGE_WORDS, STOP_SEQUENCE
from tickbench.kernels.memory import Block
from tickbench.kernels.rings import RING_CORRUPT as CORRUPT
from tickbench.kernels.rings import check_capacity

__all__ = [
    "CAPABILITIES",
    "CLAIM",
    "CLIENT",
    "CLOSED",
    "CORRUPT",
    "IDLE",
    "MESSAGE_BYTES",
    "MESSAGE_WORDS",
    "PEEK",
    "PUBLISH",
    "RELEASE",
    "SERVER",
    "STOP_SEQUENCE",
    "Endpoint",
    "IpcConfig",
    "give_way",
]

Side = Literal["client", "server"]
CLIENT: Side = "client"
SERVER: Side = "server"

CAPABILITIES = {
    "spinning": "waits by looking again and again, on a core of its own",
    "blocking": "waits asleep in the kernel",
    "shared": "keeps messages in memory that both processes map",
}


@dataclass(frozen=True)
class IpcConfig:
    """One end: which side, the address that the client's end told (for the server), and the room of a ring in messages."""

    side: Side = CLIENT
    address: str = ""
    capacity: int = 64
    start_index: int = 0

    def __post_init__(self) -> None:
        check_capacity(self.capacity)


def _nothing() -> None:
    return


@dataclass
class Endpoint:
    """One end of a transport; `owner` lives as long as it does, `close` lets it go."""

    block: Block
    claim_kernel: Callable[..., int]
    publish_kernel: Callable[..., int]
    peek_kernel: Callable[..., int]
    release_kernel: Callable[..., int]
    idle_kernel: Callable[..., int] = give_way
    spin_looks: int = SPIN_LOOKS
    address: str = ""
    handed_over: tuple[int, ...] = ()
    in_process: bool = False
    owner: Any = None
    meet: Callable[[], None] = _nothing
    close: Callable[[], None] = _nothing
    explain: Callable[[int], str] = "the other side answered with code {}".format

    @property
    def ends(self) -> tuple[Any, ...]:
        """What the drivers of `shared.exchange` take, from `claim` to `spin_looks`; an endpoint is both ways in one."""
        state = self.block.address
        kernels = self.claim_kernel, self.publish_kernel, self.peek_kernel, self.release_kernel, self.idle_kernel
        return (*kernels, state, state, state, self.spin_looks)
