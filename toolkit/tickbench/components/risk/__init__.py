"""Risk: the checks that an order passes before it leaves the house."""

from tickbench.components.component import Component
from tickbench.components.risk.oracle import verify
from tickbench.components.risk.workloads import WORKLOADS

COMPONENT = Component(
    name="risk",
    summary="pre-trade checks: limits, collar, rate, fat finger, kill switch",
    workloads=WORKLOADS,
    verify=verify,
    capabilities={"concurrent_writer": "one thread checks while another publishes prices and positions"},
)
