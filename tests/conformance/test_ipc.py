"""The segment between two processes: what it refuses, who holds it, and how the oracle judges a wrong transport."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tickbench.components import ipc
from tickbench.components.ipc.contract import CLIENT, CORRUPT, PEEK, SERVER
from tickbench.components.ipc.segment import MAGIC, Process, Segment, this_process
from tickbench.components.ipc.segment_ring import ring_endpoint
from tickbench.components.ipc.streams import stream_peek
from tickbench.components.shared.messages import CHECKSUM, write_message
from tickbench.errors import InputError
from tickbench.kernels.atomics import load_plain, store_plain
from tickbench.kernels.jit import kernel
from tickbench.kernels.rings import TAIL
from tickbench.registry import find

pytestmark = pytest.mark.cores


@pytest.fixture
def segment():
    made = Segment.create(4)
    yield made
    made.remove()


def ended_process():
    """The identity of a process that has ended and was not waited for: a zombie, whose number is still taken."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    return pid


def test_a_process_is_told_from_another_with_its_number():
    own = this_process()
    assert own.is_alive()
    assert Process.of(own.word) == own
    assert not replace(own, start_ticks=own.start_ticks - 1).is_alive()


def test_a_zombie_is_not_alive():
    pid = ended_process()
    start_ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    assert not Process(pid, start_ticks).is_alive()
    os.waitpid(pid, 0)


def test_the_file_is_its_owners_alone(segment):
    assert segment.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("word", "value"), [(0, MAGIC + 1), (1, 2), (2, 0), (2, 3), (2, 8), (2, 1 << 60), (2, -4), (3, 1), (3, 1 << 40)]
)
def test_a_damaged_header_is_refused(segment, word, value):
    segment.words[word] = value
    with pytest.raises(InputError, match="shared memory"):
        Segment.attach(segment.path, SERVER)


@pytest.mark.parametrize("size", [0, 7, 64, 3 * 128, 1400])
def test_a_file_of_another_size_is_refused(tmp_path, segment, size):
    copy = tmp_path / "short"
    copy.write_bytes(segment.words.tobytes()[:size])
    with pytest.raises(InputError, match="shared memory"):
        Segment.attach(copy, SERVER)


def test_there_is_no_segment(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        Segment.attach(tmp_path / "nothing", SERVER)


def test_the_side_of_a_living_process_is_not_taken(segment):
    segment.words[16] = Process(os.getppid(), Process.of(int(segment.words[16])).start_ticks).word
    parent_start = int(Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[19])
    segment.words[16] = Process(os.getppid(), parent_start).word
    with pytest.raises(InputError, match=f"held by process {os.getppid()}"):
        Segment.attach(segment.path, CLIENT)


def test_the_side_of_a_dead_process_is_taken_and_counted(segment):
    segment.words[16] = Process(4_000_000, 1).word
    again = Segment.attach(segment.path, CLIENT)
    assert again.holder(CLIENT) == this_process()
    assert again.taken(CLIENT) == 2


def test_indices_that_cannot_be_are_refused_and_not_followed(segment):
    client = ring_endpoint(segment, blocking=False)
    ring = (segment.rings[1] - segment.address) // 8
    segment.words[ring + TAIL] = 1_000
    assert client.peek_kernel(client.block.address, 0) == CORRUPT
    assert "damaged" in client.explain(CORRUPT)
    with pytest.raises(InputError, match="damaged"):
        ring_endpoint(segment, blocking=False)


def test_what_was_claimed_and_not_published_was_never_sent(segment):
    client = ring_endpoint(segment, blocking=False)
    write_message(client.claim_kernel(client.block.address, 0), 0, 1)
    server = ring_endpoint(Segment.attach(segment.path, SERVER), blocking=False)
    assert server.peek_kernel(server.block.address, 0) == 0
    successor = ring_endpoint(Segment.attach(segment.path, CLIENT), blocking=False)
    write_message(successor.claim_kernel(successor.block.address, 0), 0, 2)
    successor.publish_kernel(successor.block.address, 0, 0)
    assert server.peek_kernel(server.block.address, 0) > 0


@kernel(PEEK)
def _peek_and_damage(end, thread):
    message = stream_peek(end, thread)
    if message > 0:
        store_plain(message, CHECKSUM, load_plain(message, CHECKSUM) + 1)
    return message


def test_the_oracle_rejects_a_transport_that_damages_messages():
    honest = find("ipc", "unix_socket_spinning")

    def build(config):
        return replace(honest.build(config), peek_kernel=_peek_and_damage)

    found = ipc.verify(replace(honest, build=build), None)
    assert not found.passed
    assert "wrong" in found.detail
