"""Channels: the oracle accepts every variant and rejects broken ones; full, empty, capacities and index wrap."""

from collections import deque
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tickbench.components.channel.contract import PEEK, RELEASE, ChannelConfig
from tickbench.components.channel.oracle import try_receive, try_send, verify
from tickbench.components.shared.messages import CHECKSUM, MESSAGE_WORDS, is_whole, write_message
from tickbench.errors import InputError
from tickbench.kernels.atomics import load_plain, store_plain
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import Block
from tickbench.kernels.rings import RING_CORRUPT, SPSC_OWN_WORDS, TAIL, mpmc_abandon
from tickbench.registry import discover, find

pytestmark = pytest.mark.cores

BOUNDED = [one for one in discover("channel")[0] if "bounded" in one.capabilities and not one.null]
each_bounded = pytest.mark.parametrize("variant", BOUNDED, ids=lambda one: one.name)
WRAPS = (2**63 - 2, -2)  # indices just below 2^63 and 2^64


@each_bounded
@pytest.mark.parametrize("capacity", [0, -1, 3, 6, 1 << 30])
def test_a_capacity_that_is_no_power_of_two_is_refused(variant, capacity):
    with pytest.raises(InputError, match="power of two"):
        variant.build(ChannelConfig(capacity=capacity))


@each_bounded
@pytest.mark.parametrize("capacity", [1, 2, 4])
@pytest.mark.parametrize("start", [0, *WRAPS])
def test_full_and_empty_are_exact_across_the_wrap(variant, capacity, start):
    channel = variant.build(ChannelConfig(capacity=capacity, start_index=start))
    for lap in range(4):
        assert [try_send(channel, 10 * lap + i) for i in range(capacity)] == [True] * capacity
        assert not try_send(channel, 99)
        assert [try_receive(channel) for _ in range(capacity + 1)] == [*(10 * lap + i for i in range(capacity)), None]


@settings(max_examples=30, deadline=None)
@given(steps=st.lists(st.booleans(), max_size=60), capacity=st.sampled_from([1, 2, 8]), release_every=st.integers(1, 9))
def test_slots_that_are_released_late_come_back(steps, capacity, release_every):
    channel = find("channel", "spsc_ring").build(ChannelConfig(capacity=capacity, release_every=release_every))
    model = deque()
    for i, sends in enumerate(steps):
        if sends:
            if try_send(channel, i):
                model.append(i)
            else:
                assert len(model) >= capacity // 2, "full although less than half is in use"
        else:
            assert try_receive(channel) == (model.popleft() if model else None)


def test_an_abandoned_slot_is_passed_over():
    channel = find("channel", "mpmc_ring").build(ChannelConfig(capacity=2))
    for lap in range(5):
        mpmc_abandon(channel.claim_kernel(channel.address, 0))
        assert try_send(channel, lap)
        assert [try_receive(channel), try_receive(channel)] == [lap, None]


def test_an_index_that_cannot_be_is_not_followed():
    channel = find("channel", "spsc_ring").build(ChannelConfig(capacity=4))
    channel.block.array[2 * SPSC_OWN_WORDS + TAIL] = 5
    assert channel.peek_kernel(channel.address, 0) == RING_CORRUPT


@pytest.mark.parametrize("word", range(MESSAGE_WORDS))
def test_a_message_with_one_word_of_another_is_not_whole(word):
    one, other = Block(MESSAGE_WORDS), Block(MESSAGE_WORDS)
    write_message(one.address, 0, 7)
    write_message(other.address, 1, 8)
    assert is_whole(one.address)
    one.array[word] = other.array[word]
    assert not is_whole(one.address)


_ring = find("channel", "spsc_ring").build(ChannelConfig())
_peek_rightly, _release_rightly = _ring.peek_kernel, _ring.release_kernel


@kernel(RELEASE)
def _nothing(channel, thread, slot):
    return 1


@kernel(PEEK)
def _peek_and_give_back(channel, thread):
    slot = _peek_rightly(channel, thread)
    if slot > 0:
        _release_rightly(channel, thread, slot)
    return slot


@kernel(PEEK)
def _peek_and_damage(channel, thread):
    slot = _peek_rightly(channel, thread)
    if slot > 0:
        store_plain(slot, CHECKSUM, load_plain(slot, CHECKSUM) + 1)
    return slot


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"release_kernel": _nothing}, id="never-released"),
        pytest.param({"peek_kernel": _peek_and_give_back, "release_kernel": _nothing}, id="released-by-peek"),
        pytest.param({"peek_kernel": _peek_and_damage}, id="damaged"),
    ],
)
def test_the_oracle_rejects_broken_rings(changes):
    honest = find("channel", "spsc_ring")
    found = verify(replace(honest, build=lambda config: replace(honest.build(config), **changes)), None)
    assert not found.passed
