"""Trades in memory: an array of structures against a structure of arrays, for sums, filters and whole records.

The contract (contract) says what is asked, the oracle (oracle) what is right, the workloads (workloads) how it is timed.
"""

from tickbench.components.component import Component
from tickbench.components.trades.memory import MEMORY
from tickbench.components.trades.oracle import verify
from tickbench.components.trades.workloads import WORKLOADS

COMPONENT = Component(
    name="trades",
    summary="trades in memory: the layout of the fields, sums and filters over them",
    workloads={**WORKLOADS, MEMORY.name: MEMORY},
    verify=verify,
)
