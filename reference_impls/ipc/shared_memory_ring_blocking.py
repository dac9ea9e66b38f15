"""The ring in shared memory of which both sides sleep (futex) when there is nothing to do, and are woken by the other."""

from pathlib import Path

from tickbench.components.ipc import contract
from tickbench.components.ipc.segment import Segment
from tickbench.components.ipc.segment_ring import ring_endpoint
from tickbench.registry import variant


@variant(
    "ipc",
    runtime="native",
    example_of="zero-copy rings in shared memory, sides sleep on a futex",
    capabilities=("blocking", "shared"),
)
def shared_memory_ring_blocking(config: contract.IpcConfig) -> contract.Endpoint:
    """Make one end."""
    if config.side == contract.SERVER:
        return ring_endpoint(Segment.attach(Path(config.address), contract.SERVER), blocking=True)
    return ring_endpoint(Segment.create(config.capacity, config.start_index), blocking=True)
