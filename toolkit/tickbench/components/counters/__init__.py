"""Counters of several threads: what false sharing costs, and what padding buys."""

from tickbench.components.component import Component
from tickbench.components.counters.oracle import verify
from tickbench.components.counters.workloads import WORKLOADS

COMPONENT = Component(
    name="counters",
    summary="counts events of several threads",
    workloads=WORKLOADS,
    verify=verify,
    capabilities={"own_counter": "each thread has a counter of its own, so a load and a store add to it"},
)
