"""Channels under real threads: every message once, in order for each producer, whole when it is read in place."""

import os

import pytest

from tickbench.components.channel.contract import ChannelConfig
from tickbench.components.channel.workloads import stream
from tickbench.components.component import Job
from tickbench.kernels.clock import MONOTONIC, Clock
from tickbench.registry import find

SECONDS = 0.1 * float(os.environ.get("TICKBENCH_STRESS", "1"))
CLOCK = Clock(MONOTONIC, 1.0, 0.0, 0.0, None)


def run(name, writers, readers, capacity, *, pinned=True, release_every=1, start_index=0):
    variant = find("channel", name)
    channel = variant.build(
        ChannelConfig(capacity, writers, readers, release_every=release_every, start_index=start_index),
    )
    job = Job(variant, CLOCK, writers=writers, readers=readers, seconds=SECONDS)
    found = stream(job, channel, 16, warm_seconds=0.0, pinned=pinned).verify()
    assert found.passed, found.detail
    assert found.checks > 0


@pytest.mark.parametrize("capacity", [1, 2, 64])
@pytest.mark.parametrize("start_index", [0, 2**63 - 100, -100])
def test_one_producer_and_one_consumer(capacity, start_index):
    run("spsc_ring", 1, 1, capacity, start_index=start_index)


def test_slots_released_late():
    run("spsc_ring", 1, 1, 8, release_every=4)


@pytest.mark.parametrize("name", ["mpmc_ring", "mutex_ring"])
@pytest.mark.parametrize(("threads", "capacity"), [((1, 1), 1), ((2, 2), 2), ((2, 2), 64), ((4, 4), 4)])
def test_many_producers_and_consumers(name, threads, capacity):
    run(name, *threads, capacity, pinned=False)


def test_indices_of_many_wrap():
    run("mpmc_ring", 2, 2, 4, start_index=-100)
