"""The oracle of channels: a deque decides what may come; then real threads, every message accounted for."""

import random
from collections import deque

from tickbench.components.channel import python_driver
from tickbench.components.channel.contract import MESSAGE_WORDS, ChannelConfig, NativeChannel
from tickbench.components.channel.workloads import stream
from tickbench.components.component import Job, MarketFeed, Verification
from tickbench.components.shared.messages import SEQUENCE, digest_of_messages, is_whole, write_message
from tickbench.errors import TickbenchError
from tickbench.kernels.atomics import load_plain
from tickbench.kernels.clock import MONOTONIC, Clock
from tickbench.kernels.jit import kernel
from tickbench.registry import Variant

_CAPACITIES = (1, 2, 8)
# Where int64 and uint64 indices wrap soon: just below 2^63 and just below 2^64.
_STARTS = (0, 2**63 - 5, -5)
_STEPS = 300
_SECONDS = 0.02
_CLOCK = Clock(MONOTONIC, 1.0, 0.0, 0.0, None)


@kernel("int64(int64, int64)")
def _word(address, index):
    return load_plain(address, index)


def try_send(channel: NativeChannel, sequence: int, thread: int = 0) -> bool:
    """Claim, write, publish; False where the channel is full."""
    slot = channel.claim_kernel(channel.address, thread)
    if slot == 0:
        return False
    write_message(slot, thread, sequence)
    return bool(channel.publish_kernel(channel.address, thread, slot) == 1)


def try_receive(channel: NativeChannel, thread: int = 0) -> int | None:
    """Peek, check, release: the sequence number, None where the channel is empty, -2 for a message that is not whole."""
    slot = channel.peek_kernel(channel.address, thread)
    if slot == 0:
        return None
    sequence = int(_word(slot, SEQUENCE)) if is_whole(slot) else -2
    channel.release_kernel(channel.address, thread, slot)
    return sequence


def verify(variant: Variant, _feed: MarketFeed | None) -> Verification:
    """Single steps against a deque at several capacities and start indices, then threads; the first difference in words."""
    if variant.null:
        return Verification(True, 0, "the null variant has no answer to check")
    if not isinstance(variant.build(ChannelConfig()), NativeChannel):
        return _verify_python(variant)
    checks = 0
    for capacity in _CAPACITIES:
        for start in _STARTS:
            done, difference = _steps(variant, capacity, start)
            checks += done
            if difference:
                return Verification(False, checks, f"capacity {capacity}, first index {start}: {difference}")
    for capacity, (writers, readers) in ((1, (1, 1)), (8, (1, 1)), (8, (2, 2))):
        if writers > 1 and not {"many_producers", "many_consumers"} <= variant.capabilities:
            continue
        found = _threads(variant, capacity, writers, readers)
        checks += found.checks
        if not found.passed:
            return Verification(False, checks, f"capacity {capacity}, {writers} producers, {readers} consumers: {found.detail}")
    return Verification(True, checks, f"{checks} messages arrived once, whole and in order", digest_of_messages())


def _steps(variant: Variant, capacity: int, start: int) -> tuple[int, str]:
    """Random sends and receives from one thread; (messages, what differed or nothing)."""
    channel = variant.build(ChannelConfig(capacity=capacity, start_index=start))
    model: deque[int] = deque()
    draw, sequence = random.Random(f"{capacity}/{start}"), 0
    for step in range(_STEPS):
        if draw.random() < (0.7 if step % 60 < 30 else 0.3):
            sent = try_send(channel, sequence)
            if sent != (len(model) < capacity):
                return sequence, f"with {len(model)} messages inside a send said {'done' if sent else 'full'}"
            if sent:
                model.append(sequence)
                sequence += 1
        else:
            expected = model.popleft() if model else None
            if (received := try_receive(channel)) != expected:
                return sequence, f"message {expected} expected, {received} came (-2: its checksum is wrong)"
    return sequence, _in_place(channel, model)


def _in_place(channel: NativeChannel, model: deque[int]) -> str:
    """Empty the channel; then what a peek showed must stay as it is until it is released, whatever is sent meanwhile."""
    while model:
        if (received := try_receive(channel)) != (expected := model.popleft()):
            return f"message {expected} expected, {received} came"
    try_send(channel, 1)
    slot = channel.peek_kernel(channel.address, 0)
    before = [int(_word(slot, word)) for word in range(MESSAGE_WORDS)]
    for sequence in range(2, 12):
        try_send(channel, sequence)
    after = [int(_word(slot, word)) for word in range(MESSAGE_WORDS)]
    channel.release_kernel(channel.address, 0, slot)
    return "" if before == after else "a message changed between peek and release: the slot was given back too early"


def _threads(variant: Variant, capacity: int, writers: int, readers: int) -> Verification:
    job = Job(variant, _CLOCK, writers=writers, readers=readers, seconds=_SECONDS)
    channel = variant.build(ChannelConfig(capacity=capacity, producers=writers, consumers=readers))
    try:
        done = stream(job, channel, 64, warm_seconds=0.0)
    except TickbenchError as error:
        return Verification(False, 0, str(error))
    return done.verify()


def _verify_python(variant: Variant) -> Verification:
    job = Job(variant, _CLOCK, writers=1, readers=1, seconds=_SECONDS)
    try:
        streamed = python_driver.throughput(job, variant.build(ChannelConfig())).verification
        if not streamed.passed:
            return streamed
        there, back = variant.build(ChannelConfig()), variant.build(ChannelConfig())
        answered = python_driver.rounds(job, there, back, 3).verification
    except TickbenchError as error:
        return Verification(False, 0, str(error))
    digest = digest_of_messages() if answered.passed else ""
    return Verification(answered.passed, streamed.checks + answered.checks, answered.detail, digest)
