"""Positions: symbol to quantity, cost and realised profit, kept up to date from fills."""

from tickbench.components.component import Component
from tickbench.components.positions.memory import MEMORY
from tickbench.components.positions.oracle import verify
from tickbench.components.positions.workloads import WORKLOADS

COMPONENT = Component(
    name="positions",
    summary="symbol to quantity, cost and realised profit from fills",
    workloads={**WORKLOADS, MEMORY.name: MEMORY},
    verify=verify,
    capabilities={"concurrent": "any number of threads fill and read at the same time"},
)
