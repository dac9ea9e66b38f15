"""The queue of Python's standard library, queue.SimpleQueue (written in C): unbounded, hands over references to objects."""

from queue import Empty, SimpleQueue

from tickbench.components.channel import contract
from tickbench.registry import variant


@variant(
    "channel",
    runtime="python",
    example_of="SimpleQueue of the standard library",
    capabilities=("many_producers", "many_consumers"),
)
def queue(config: contract.ChannelConfig) -> contract.PythonChannel:
    """Make an empty channel."""
    return _Queue()


class _Queue:
    def __init__(self) -> None:
        messages: SimpleQueue[bytes] = SimpleQueue()
        self._get, self.send = messages.get, messages.put

    def receive(self, timeout_s: float) -> bytes | None:
        try:
            return self._get(timeout=timeout_s)
        except Empty:
            return None
