"""The order book: contract, event queue, oracle, workloads."""

from tickbench.components.component import Component
from tickbench.components.order_book.memory import MEMORY
from tickbench.components.order_book.oracle import verify
from tickbench.components.order_book.workloads import WORKLOADS

COMPONENT = Component(
    name="order_book",
    summary="price levels of two sides, best bid and ask, update events",
    workloads={**WORKLOADS, MEMORY.name: MEMORY},
    verify=verify,
    capabilities={
        "concurrent_readers": "any number of threads may read while one writes",
        "concurrent_writers": "any number of threads may update",
        "events": "publishes update events",
    },
)
