"""Pages that lie: any length, offset and identity may be wrong. One clear error; no crash, no hang, no link followed."""

import os
import random
import time

import pytest

from tickbench import probe
from tickbench.errors import InputError
from tickbench.kernels.clock import MONOTONIC, Clock
from tickbench.kernels.hdr import HdrGeometry
from tickbench.probe import layout, place, record

NS_CLOCK = Clock(MONOTONIC, 1.0, 0.0, 30.0, "given by the test")
FUZZED = 300  # pages a seed


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """The bytes of a page with two histograms, one in flight, and a counter; and its file name."""
    folder = tmp_path_factory.mktemp("honest")
    page = probe.Page("honest", stages=["idle", "parse"], slots=1, clock=NS_CLOCK, folder=folder / "tickbench")
    small = HdrGeometry(1, 1000, 1)
    first, second, counter = page.histogram("a", geometry=small), page.histogram("b", geometry=small), page.counter("c")
    for value in range(100):
        record.record(first, value * 9)
    record.begin(second)
    record.add(counter, 3)
    data = page.path.read_bytes()
    page.close()
    return data, page.path.name


@pytest.fixture
def put(tmp_path, honest, monkeypatch):
    """Writes a page and returns its path; the folder is where pages are looked for."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "tickbench").mkdir(mode=0o700)

    def write(data=honest[0], name=honest[1], mode=0o600):
        path = tmp_path / "tickbench" / name
        path.write_bytes(data)
        path.chmod(mode)
        return path

    return write


def _changed(data, *changes):
    """The bytes with 64-bit words at given offsets."""
    result = bytearray(data)
    for offset, word in changes:
        result[offset : offset + 8] = (word & (1 << 64) - 1).to_bytes(8, "little")
    return bytes(result)


ENTRY, SLOT = layout.DIRECTORY_AT, layout.SLOTS_AT
FIRST = 4096 * -(-SLOT // 4096)  # where the histogram slots lie
SECOND = FIRST + 4096
HUGE = (1 << 63) + 8


@pytest.mark.parametrize(
    ("offset", "word", "complaint"),
    [
        (0, 0, "no probe page, or not a complete one"),
        (8, 2, "has layout 2, known is 1"),
        (16, 4096, "is damaged: it has"),
        (24, 1, "says that it is of process 1"),
        (32, 5, "its name does not"),
        (64, 7, "clock 7"),
        (72, 0, "0.0 ns a tick"),
        (192, HUGE, "is damaged: stages"),
        (192, 4097, "is damaged: stages"),
        (200, 1 << 61, "is damaged: stages"),
        (208, 1 << 40, "is damaged: entries"),
        (216, 1 << 58, "is damaged: entries"),
        (ENTRY + 8, 9, "is of kind 9"),
        (ENTRY + 16, 0, "its place"),
        (ENTRY + 16, HUGE, "its place"),
        (ENTRY + 16, FIRST + 1, "its place"),
        (ENTRY + 24, 8, "its place"),
        (ENTRY + 24, 1 << 62, "would end beyond"),
        (ENTRY + 32, 0, "histogram: needs"),
        (ENTRY + 40, 1 << 62, "its place"),
        (ENTRY + 48, 1 << 63, "digits must be 1 to 5"),
        (FIRST + 512, 1 << 62, "do not add up"),
        (FIRST + 512, -1, "do not add up"),
        (FIRST + 512, 5, "has it two writers"),
        (FIRST + 128, 98, "do not add up"),
        (FIRST + 128, 101, "do not add up"),
    ],
)
def test_each_lie_is_named(put, honest, offset, word, complaint):
    with pytest.raises(InputError, match=complaint):
        probe.PageReader(put(_changed(honest[0], (offset, word)))).snapshot()


def test_the_honest_page_is_read_although_its_process_closed_it(put):
    snapshot = probe.PageReader(put()).snapshot()
    assert [(one.name, one.kind) for one in snapshot.readings] == [("a", "histogram"), ("b", "histogram"), ("c", "counter")]
    assert snapshot["a"].histogram.count == 100
    assert snapshot["b"].in_flight is not None
    assert snapshot["c"].value == 3


def test_a_record_whose_count_was_never_stored_is_in_doubt_and_kept(put, honest):
    seen = probe.PageReader(put(_changed(honest[0], (FIRST + 128, 99)))).snapshot()["a"]
    assert (seen.in_doubt, seen.histogram.count) == (1, 100)


@pytest.mark.parametrize("seed", range(3))
def test_fuzzed_pages_never_crash_or_hang_the_reader(put, honest, seed):
    draw, data = random.Random(seed), honest[0]
    words = [0, 1, 7, 8, 255, 4096, FIRST, len(data), len(data) - 8, 1 << 31, 1 << 32, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]
    start, refused = time.monotonic(), 0
    for _ in range(FUZZED):
        where = [draw.choice([(0, 512), (ENTRY, ENTRY + 768), (FIRST, FIRST + 1024)]) for _ in range(draw.randint(1, 6))]
        changes = [(8 * (draw.randrange(*span) // 8), draw.choice([*words, draw.getrandbits(64)])) for span in where]
        fuzzed = _changed(data, *changes)
        if draw.random() < 0.2:
            fuzzed = fuzzed[: draw.randrange(len(fuzzed))]
        try:
            with probe.PageReader(put(fuzzed)) as reader:
                snapshot = reader.snapshot()
                snapshot.since(snapshot)
                _ = reader.app, reader.closed, reader.heartbeat_age_ns
        except InputError:
            refused += 1
    assert 0 < refused < FUZZED
    assert time.monotonic() - start < 60


def test_links_pipes_folders_and_files_of_others_are_not_read(put, tmp_path, honest):
    path = put()
    folder = path.parent
    link = folder / f"link.{path.name.split('.', 1)[1]}"
    link.symlink_to(path)
    pipe = folder / "pipe.5.5.lat"
    os.mkfifo(pipe, 0o600)
    (folder / "folder.5.5.lat").mkdir(mode=0o700)
    for one in (link, pipe, folder / "folder.5.5.lat", folder / "none.5.5.lat"):
        with pytest.raises(InputError, match=r"cannot be opened|not a file of this user"):
            probe.PageReader(one)
    with pytest.raises(InputError, match="closed to others"):
        probe.PageReader(put(mode=0o644))
    with pytest.raises(InputError, match="that is no probe page"):
        probe.PageReader(put(b"short" * 10))
    with pytest.raises(InputError, match="its name does not"):
        probe.PageReader(put(name=f"other.{os.getpid()}.1.lat"))


def test_a_page_is_not_made_or_looked_for_in_a_folder_of_others_or_behind_a_link(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder, elsewhere = tmp_path / "tickbench", tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    folder.symlink_to(elsewhere)
    with pytest.raises(InputError, match="links are not followed"):
        probe.Page("unit", clock=NS_CLOCK)
    (elsewhere / f"unit.{os.getpid()}.1.lat").touch(0o600)
    assert not [one for one in probe.find_pages(os.getpid()) if tmp_path in one.path.parents]
    folder.unlink()
    folder.mkdir()
    folder.chmod(0o755)
    with pytest.raises(InputError, match="is open to other users"):
        probe.Page("unit", clock=NS_CLOCK)
    folder.chmod(0o700)
    started = place.start_ticks(os.getpid())
    (folder / f"unit.{os.getpid()}.{started}.lat").symlink_to(elsewhere / "target")
    with pytest.raises(InputError, match="exists"):
        probe.Page("unit", clock=NS_CLOCK)
    assert not (elsewhere / "target").exists()


def test_a_reused_pid_does_not_bring_a_dead_page_to_life(put, honest):
    # The page of an earlier process with this pid: it started at another time.
    started = place.start_ticks(os.getpid())
    data = _changed(honest[0], (24, os.getpid()), (32, started - 1))
    with probe.PageReader(put(data, f"honest.{os.getpid()}.{started - 1}.lat")) as old:
        assert not old.alive
        assert old.snapshot()["b"].in_flight is not None
    # And one of the same numbers before the machine was started anew.
    data = _changed(honest[0], (24, os.getpid()), (32, started), (40, 1))
    assert not probe.PageReader(put(data, f"honest.{os.getpid()}.{started}.lat")).alive
    with pytest.raises(InputError, match="has no page"):
        probe.PageReader.of(4_194_305)  # beyond the largest pid


def test_an_operation_of_a_dead_process_is_as_old_as_it_was_at_the_last_heartbeat(put, honest):
    started = place.start_ticks(os.getpid()) - 1
    begun = int.from_bytes(honest[0][SECOND + 8 : SECOND + 16], "little")
    # The clock's instant is that of the start: 1 ms; the heartbeat was 0.5 ms later.
    changes = [(24, os.getpid()), (32, started), (80, begun), (88, 1_000_000), (128, 1_500_000)]
    page = probe.PageReader(put(_changed(honest[0], *changes), f"honest.{os.getpid()}.{started}.lat"))
    assert page.snapshot()["b"].in_flight.age_ns == 500_000


def test_what_a_page_calls_its_slots_cannot_move_the_cursor(put, honest):
    data = bytearray(honest[0])
    data[ENTRY + 64 : ENTRY + 72] = b"\x1b[2J\xff\x00\n\x07"
    name = probe.PageReader(put(bytes(data))).snapshot().readings[0].name
    assert name.isprintable()
    assert "\x1b" not in name


@pytest.mark.parametrize("digits", [4, 5])
def test_a_geometry_of_many_buckets_is_refused_by_the_size_of_the_file(put, honest, digits):
    data = _changed(honest[0], (ENTRY + 40, (1 << 63) - 1), (ENTRY + 48, digits))
    with pytest.raises(InputError, match="its place"):
        probe.PageReader(put(data)).snapshot()
