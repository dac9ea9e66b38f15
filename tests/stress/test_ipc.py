"""kill -9 of either side of a segment at random moments: a successor takes over, and no message is lost, torn or kept twice.

The producer numbers its messages by their position in the ring, so a successor knows what to send next. The consumer keeps
a log in memory that outlives it, one row a position: what comes again after a death falls on the row it had.
"""

import os
import random
import signal
import time
import warnings

import pytest

from patience import STUCK_S
from tickbench.components.ipc.contract import CLIENT, SERVER
from tickbench.components.ipc.segment import Segment
from tickbench.components.shared.messages import PRODUCER, SEQUENCE, is_whole, write_message
from tickbench.kernels.atomics import load_plain, load_relaxed, store_plain, store_relaxed
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import Block
from tickbench.kernels.rings import (
    SPSC_OWN_WORDS,
    spsc_claim,
    spsc_peek,
    spsc_position,
    spsc_publish,
    spsc_release,
    spsc_take_consumer,
    spsc_take_producer,
)
from tickbench.kernels.system import yield_core

CAPACITY = 8
MESSAGES = 400_000
KILLS = 20
TORN, OTHERWISE = 0, 1  # first words of the log; then one word a position: how the message there was seen
ROWS = 16


@kernel("int64(int64, int64, int64, int64)")
def produce_all(own, ring, capacity, messages):
    """Send messages position 0 … messages - 1; returns 0, or a negative answer."""
    code = spsc_take_producer(own, ring, capacity)
    while code >= 0 and spsc_position(own) < messages:
        slot = spsc_claim(own, ring)
        if slot < 0:
            return slot
        if slot == 0:
            yield_core()
        else:
            write_message(slot, 5, spsc_position(own))
            spsc_publish(own, ring)
    return code


@kernel("int64(int64, int64, int64, int64, int64)")
def consume_all(own, ring, capacity, messages, log):
    """Read until position `messages`, and log each message at its position before it is released."""
    code = spsc_take_consumer(own, ring, capacity, 1)
    while code >= 0 and spsc_position(own) < messages:
        slot = spsc_peek(own, ring)
        if slot < 0:
            return slot
        if slot == 0:
            yield_core()
            continue
        position = spsc_position(own)
        if not is_whole(slot):
            store_relaxed(log, TORN, load_relaxed(log, TORN) + 1)  # relaxed: read when the process has ended
        elif load_plain(slot, SEQUENCE) != position or load_plain(slot, PRODUCER) != 5:
            store_relaxed(log, OTHERWISE, load_relaxed(log, OTHERWISE) + 1)  # relaxed: as above
        else:
            store_plain(log, ROWS + position, 1)
        spsc_release(own, ring)
    return code


def start(segment, side, log):
    """Fork a process that takes a side and works to the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking beside idle threads: the child only runs kernels
        pid = os.fork()
    if pid:
        return pid
    try:
        mine = Segment.attach(segment.path, side)
        own = Block(SPSC_OWN_WORDS)
        if side == CLIENT:
            code = produce_all(own.address, mine.rings[0], CAPACITY, MESSAGES)
        else:
            code = consume_all(own.address, mine.rings[1], CAPACITY, MESSAGES, log)
        os._exit(0 if code == 0 else 1)
    except BaseException:
        os._exit(2)


@pytest.fixture
def segment():
    made = Segment.create(CAPACITY)
    made.words[16] = 0  # nobody's: the test only watches
    yield made
    made.remove()


def test_killed_producers_and_consumers_are_replaced_without_loss(segment):
    log_block = Block(ROWS + MESSAGES)  # anonymous and shared: children write into it
    draw = random.Random(1)
    running = {side: start(segment, side, log_block.address) for side in (CLIENT, SERVER)}
    finished: set[str] = set()
    attached = {side: segment.taken(side) for side in (CLIENT, SERVER)}
    kills, deadline_s = 0, time.monotonic() + STUCK_S
    while len(finished) < 2:
        assert time.monotonic() < deadline_s, "a process is stuck"
        time.sleep(draw.uniform(0.0005, 0.004))
        side = draw.choice([one for one in running if one not in finished])
        if kills < KILLS:
            if segment.taken(side) == attached[side]:
                continue  # it has not come as far as to have something to lose
            attached[side] = segment.taken(side)
            os.kill(running[side], signal.SIGKILL)
            kills += 1
            os.waitpid(running[side], 0)
            running[side] = start(segment, side, log_block.address)
            continue
        pid, status = os.waitpid(running[side], os.WNOHANG)
        if pid:
            assert os.waitstatus_to_exitcode(status) == 0
            finished.add(side)
    assert log_block.array[TORN] == 0
    assert log_block.array[OTHERWISE] == 0
    assert log_block.array[ROWS:].all(), "a message was lost"
    assert segment.taken(CLIENT) + segment.taken(SERVER) >= KILLS
