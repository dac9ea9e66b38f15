"""The channel: carries 64-byte messages from producer threads to consumer threads of one process."""

from tickbench.components.channel import workloads
from tickbench.components.channel.contract import CAPABILITIES
from tickbench.components.channel.memory import MEMORY
from tickbench.components.channel.oracle import verify
from tickbench.components.component import Component, Workload

COMPONENT = Component(
    name="channel",
    summary="carries messages between threads",
    workloads={
        MEMORY.name: MEMORY,
        "throughput": Workload(
            "throughput",
            "message",
            workloads.throughput,
            parameters={"capacity": workloads.CAPACITY, "release_every": workloads.RELEASE_EVERY},
            needs_feed=False,
        ),
        "ping_pong": Workload(
            "ping_pong", "round trip", workloads.ping_pong, parameters={"capacity": workloads.CAPACITY}, needs_feed=False
        ),
        "burst": Workload(
            "burst",
            "burst",
            workloads.burst,
            parameters={"capacity": workloads.CAPACITY, "burst": workloads.BURST},
            needs_feed=False,
        ),
    },
    verify=verify,
    capabilities=CAPABILITIES,
)
