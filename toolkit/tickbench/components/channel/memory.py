"""The memory of network buffers: two channels, in and out, full of messages of MESSAGE_BYTES."""

from typing import Any

from tickbench.components.channel.contract import MESSAGE_BYTES, ChannelConfig, NativeChannel
from tickbench.components.component import Job, Result, Verification
from tickbench.components.shared.fill import drain, fill
from tickbench.components.shared.memory import Loaded, measure_load, memory_workload

MESSAGES = 1 << 16  # in each of the two: 4 MiB
CHANNELS = 2
_LEAST = 8
_PATIENCE_S = 1.0


def memory(job: Job) -> Result:
    """Build two channels and fill them."""

    def load(messages: int) -> Loaded:
        channels = [job.variant.build(ChannelConfig(capacity=max(messages, _LEAST))) for _ in range(CHANNELS)]
        sent = sum(_fill(channel, messages) for channel in channels)

        def check() -> Verification:
            found = sum(_drain(channel, messages) for channel in channels)
            return Verification(found == sent == CHANNELS * messages, found, f"{sent} messages went in, {found} came out")

        return Loaded(channels, CHANNELS * messages, check)

    return measure_load(job, load, int(job.parameters["messages"]))


def _fill(channel: Any, messages: int) -> int:
    """Send until all are inside or it is full; how many went in."""
    if isinstance(channel, NativeChannel):
        return int(fill(channel.claim_kernel, channel.publish_kernel, channel.address, messages))
    for sequence in range(messages):
        channel.send(sequence.to_bytes(MESSAGE_BYTES, "little"))
    return messages


def _drain(channel: Any, messages: int) -> int:
    """Receive them again; how many came out."""
    if isinstance(channel, NativeChannel):
        return int(drain(channel.peek_kernel, channel.release_kernel, channel.address, messages))
    for received in range(messages):
        if channel.receive(_PATIENCE_S) is None:
            return received
    return messages


MEMORY = memory_workload("message", memory, messages=MESSAGES)
