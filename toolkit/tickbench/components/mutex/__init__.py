"""Mutual exclusion: the lock of the C library against adaptive, ticket and reader-writer locks."""

from tickbench.components.component import Component
from tickbench.components.mutex.oracle import verify
from tickbench.components.mutex.workloads import WORKLOADS

COMPONENT = Component(
    name="mutex",
    summary="lets one thread at a time into a critical section",
    workloads=WORKLOADS,
    verify=verify,
    capabilities={"shared_read": "readers enter side by side", "first_come_first_served": "nobody overtakes"},
)
