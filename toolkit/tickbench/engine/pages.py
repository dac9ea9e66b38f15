"""The probe page of an engine: the histograms of its stages, by name, and the counters that an observer wants while it runs."""

from __future__ import annotations

from tickbench import probe
from tickbench.engine.resident import give_back

# In the order of a message's way through the engine; also the stages of the page, after "idle".
STAGES = (
    "websocket_receive",
    "parse",
    "order_book",
    "signal",
    "risk",
    "serialise",
    "send",
    "fill",
    "position",
)
# message: all of a frame's or report's handling, with the stage in flight. compiled: from parsed to serialised.
# receive_to_send: of orders sent by the tick that decided them. order_wait: of those that waited for an earlier order.
WHOLES = ("message", "compiled", "receive_to_send", "order_wait", "tick_to_fill")
APP = "tickbench-engine"
ALLOCATIONS = "python_allocations"  # gauge: memory blocks that compiled code asked for, where a compiled loop is counted


class EnginePage:
    """The page and the addresses of its slots by name."""

    def __init__(self, app: str = APP) -> None:
        self.page = probe.Page(app, stages=("idle", *STAGES), slots=len(STAGES) + len(WHOLES) + 1)  # one for the counters
        self.slots = {name: self.page.histogram(name) for name in (*STAGES, *WHOLES)}
        self.orders = self.page.counter("orders")
        self.frames = self.page.counter("frames")

    def discard(self) -> None:
        """Close a page that nobody writes to any more and give its memory back: a page stays mapped for good."""
        size = self.page.path.stat().st_size
        self.page.close()
        give_back(self.page.address, size, shared=True)
