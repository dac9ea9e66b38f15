"""A ring each way in shared memory, messages written and read in place; both sides spin.

The plan's SharedMemoryChannel writes at a pointer that only grows, so it leaves its mapping, and takes the place after the
copy, so two writers write the same bytes. Here a ring wraps, says full, has one writer, and outlives either process.
"""

from pathlib import Path

from tickbench.components.ipc import contract
from tickbench.components.ipc.segment import Segment
from tickbench.components.ipc.segment_ring import ring_endpoint
from tickbench.registry import variant


@variant(
    "ipc",
    runtime="native",
    example_of="zero-copy rings in shared memory, both sides spin",
    capabilities=("spinning", "shared"),
)
def shared_memory_ring(config: contract.IpcConfig) -> contract.Endpoint:
    """Make one end."""
    if config.side == contract.SERVER:
        return ring_endpoint(Segment.attach(Path(config.address), contract.SERVER), blocking=False)
    return ring_endpoint(Segment.create(config.capacity, config.start_index), blocking=False)
