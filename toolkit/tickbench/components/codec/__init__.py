"""The codec: how long a message takes between memory and the wire, and how many bytes it is there."""

from tickbench.components.codec.oracle import verify
from tickbench.components.codec.timed_workloads import TIMED
from tickbench.components.codec.workloads import WORKLOADS
from tickbench.components.component import Component

COMPONENT = Component(
    name="codec",
    summary="turns orders and market-data frames into bytes and back",
    workloads={**WORKLOADS, **{one.name: one for one in TIMED}},
    verify=verify,
    capabilities={
        "messages": "encodes and decodes orders one at a time",
        "own_loop": "brings the loops over many orders, in which it may be inlined",
        "fields": "gives an order's fields to a kernel that reads them all, with a loop of its own as well",
        "depth": "encodes and decodes market-data depth frames",
        "depth_fields": "gives the levels of a depth frame to a kernel that reads them all",
        "call": "encodes one order a call from Python",
        "non_finite": "carries NaN and infinite prices",
        "versioned": "a header says what the bytes are, and every other header is refused",
    },
)
