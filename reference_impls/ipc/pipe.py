"""Two pipes, one each way; a reader sleeps in the kernel until a message comes."""

import os

from tickbench.components.ipc import contract
from tickbench.components.ipc.streams import stream_endpoint
from tickbench.registry import variant


@variant("ipc", runtime="native", example_of="a pipe each way, blocking reads", capabilities=("blocking",))
def pipe(config: contract.IpcConfig) -> contract.Endpoint:
    """Make one end."""
    if config.side == contract.SERVER:
        read_fd, write_fd = (int(one) for one in config.address.split())
        return stream_endpoint(read_fd, write_fd, blocking=True)
    (their_read, our_write), (our_read, their_write) = os.pipe(), os.pipe()
    return stream_endpoint(
        our_read,
        our_write,
        blocking=True,
        address=f"{their_read} {their_write}",
        handed_over=(their_read, their_write),
    )
