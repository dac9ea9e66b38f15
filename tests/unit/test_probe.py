"""A page as its writer and an honest reader see it: values, operations in flight, intervals, forks, names."""

import os
import subprocess
import sys
import time

import numpy as np
import pytest
from hdrh.histogram import HdrHistogram

from tickbench import probe
from tickbench.errors import InputError
from tickbench.kernels.clock import MONOTONIC, Clock
from tickbench.kernels.hdr import HdrGeometry, Histogram
from tickbench.kernels.jit import kernel
from tickbench.probe import layout, record
from tickbench.probe import python as fast
from tickbench.probe.page import remove_old_pages

NS_CLOCK = Clock(MONOTONIC, 1.0, 0.0, 30.0, "given by the test")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "tickbench"


@pytest.fixture
def page():
    with probe.Page("unit", stages=["idle", "parse", "book"], slots=4, clock=NS_CLOCK) as made:
        yield made


@pytest.fixture
def reader(page):
    with probe.PageReader(page.path) as opened:
        yield opened


@pytest.mark.parametrize(
    "geometry", [HdrGeometry(), HdrGeometry(1, 10**6, 2), HdrGeometry(1000, 10**7, 1), HdrGeometry(3, 10**5, 4)]
)
def test_a_slot_counts_as_a_histogram_of_its_own_does(page, reader, geometry):
    powers = [value for power in range(45) for value in ((1 << power) - 1, 1 << power, (1 << power) + 1)]
    values = [*powers, geometry.limit, geometry.limit + 1, -1]
    alone, slot = Histogram(geometry), page.histogram("all", geometry=geometry)
    alone.record(values)
    for value in values:
        record.record(slot, value)
    seen = reader.snapshot()["all"].histogram
    assert seen.geometry == geometry
    assert (seen.counts == alone.counts).all()
    for what in ("count", "sum_ns", "max_ns", "min_ns", "over_range", "negative"):
        assert getattr(seen, what) == getattr(alone, what), what


def test_an_encoded_slot_equals_native_recording_byte_for_byte(page, reader):
    slot, native = page.histogram("all"), HdrHistogram(1, 10_000_000_000, 3)
    for value in np.random.default_rng(5).lognormal(8, 2, 2000).astype(np.int64).tolist():
        fast.record(slot, value)
        native.record_value(value)
    assert reader.snapshot()["all"].histogram.encode() == native.encode().decode()


def test_an_operation_in_flight_shows_its_age_stage_and_subject(page, reader):
    slot = page.histogram("tick")
    assert reader.snapshot()["tick"].in_flight is None
    record.begin(slot)
    record.stage(slot, 2)
    record.correlate(slot, 4711)
    time.sleep(0.001)
    seen = reader.snapshot()["tick"].in_flight
    assert (seen.stage, seen.stage_name, seen.correlation) == (2, "book", 4711)
    taken = record.end(slot)
    assert 1_000_000 <= seen.age_ns <= taken
    last = reader.snapshot()["tick"]
    assert last.in_flight is None
    assert (last.histogram.count, last.histogram.max_ns) == (1, taken)


def test_operations_that_were_not_begun_or_are_cancelled_or_begun_twice_leave_no_record(page, reader):
    slot = page.histogram("tick")
    assert record.end(slot) == -1
    assert record.cancel(slot) == 0
    record.begin(slot)
    assert record.cancel(slot) == 1
    record.begin(slot)
    record.begin(slot)
    assert reader.snapshot()["tick"].in_flight is not None
    record.end(slot)
    assert reader.snapshot()["tick"].in_flight is None
    assert reader.snapshot()["tick"].histogram.count == 1


def test_laps_add_up_to_the_time_between_the_first_and_the_last_reading(page, reader):
    slots = [page.histogram(f"stage {i}") for i in range(3)]
    first = now = record.now(slots[0])
    for slot in slots:
        now = record.lap(slot, now)
    total = sum(one.histogram.sum_ns for one in reader.snapshot().readings)
    assert total == now - first  # the clock of this page counts ns


def test_intervals_hold_what_came_between_and_add_up(page, reader):
    slot, counter, gauge = page.histogram("tick"), page.counter("orders"), page.gauge("depth", unit="levels")
    rng, before, total = np.random.default_rng(7), reader.snapshot(), Histogram()
    for _ in range(5):
        values = rng.lognormal(10, 2, 50).astype(np.int64)
        for value in values.tolist():
            record.record(slot, value)
        record.add(counter, 50)
        record.put(gauge, -3)
        now = reader.snapshot()
        between = now.since(before)
        part, before = between["tick"].histogram, now
        assert (part.count, part.sum_ns) == (50, values.sum())
        alone = Histogram()
        alone.record(values)
        assert part.percentiles([50, 99, 100]) == alone.percentiles([50, 99, 100])
        assert values.max() <= part.max_ns <= part.percentile(100)
        assert (between["orders"].value, between["depth"].value, between["depth"].unit) == (50, -3, "levels")
        total.merge(part)
    assert (total.counts == reader.snapshot()["tick"].histogram.counts).all()
    with pytest.raises(InputError, match="are they of one page"):
        probe.snapshot.difference(Histogram(), total)


def test_threads_add_up_by_name_and_tags_tell_them_apart(page, reader):
    for i in range(2):
        record.record(page.histogram("tick", tag=f"thread {i}"), 10 + i)
    snapshot = reader.snapshot()
    assert [one.key for one in snapshot.readings] == [("tick", "thread 0"), ("tick", "thread 1")]
    assert (snapshot.total("tick").count, snapshot.total("tick").sum_ns) == (2, 21)
    with pytest.raises(KeyError):
        snapshot.total("tock")


def test_two_readers_see_the_same_and_a_slot_claimed_later(page, reader):
    record.record(page.histogram("one"), 5)
    with probe.PageReader(page.path) as other:
        record.record(page.histogram("two"), 6)
        for one in (reader, other):
            assert [(r.name, r.histogram.count) for r in one.snapshot().readings] == [("one", 1), ("two", 1)]


def test_the_python_probe_counts_calls_and_blocks_also_those_that_raise(page, reader):
    timed = probe.Probe(page.histogram("call"))

    @timed
    def divide(a, *, by):
        """Divide."""
        return a // by

    assert divide(6, by=2) == 3
    assert divide.__doc__ == "Divide."
    with pytest.raises(ZeroDivisionError):
        divide(1, by=0)
    with timed:
        timed.stage(1)
        assert reader.snapshot()["call"].in_flight.stage_name == "parse"
    timed.record(123)
    assert reader.snapshot()["call"].histogram.count == 4


def test_a_page_says_who_made_it_and_whether_its_loop_turns(page, reader):
    assert (reader.app, reader.language, reader.pid, reader.stages) == (
        "unit",
        "python",
        os.getpid(),
        ["idle", "parse", "book"],
    )
    assert (reader.alive, reader.closed) == (True, False)
    time.sleep(0.002)
    late = reader.heartbeat_age_ns
    page.beat()
    assert reader.heartbeat_age_ns < late
    assert [one.path for one in probe.find_pages(os.getpid())] == [page.path]
    assert probe.PageReader.of(os.getpid()).path == page.path
    assert page.path.stat().st_mode & 0o777 == 0o600
    assert page.path.parent.stat().st_mode & 0o777 == 0o700
    page.retire(page.histogram("gone"))
    assert reader.snapshot()["gone"].retired


def test_a_closed_page_is_gone_but_its_slots_may_still_be_written(folder):
    page = probe.Page("closing", slots=1, clock=NS_CLOCK)
    slot, reader = page.histogram("late"), probe.PageReader(page.path)
    page.close()
    record.record(slot, 1)
    assert reader.closed
    assert reader.snapshot()["late"].histogram.count == 1
    assert not list(folder.iterdir())


def test_a_forked_child_leaves_its_parents_page_alone_and_can_make_its_own(page, reader):
    slot = page.histogram("tick")
    code = """
import os
from tickbench import probe
from tickbench.errors import InputError
from tickbench.kernels.clock import Clock
from tickbench.probe import record
clock = Clock(1, 1.0, 0.0, 30.0, "given")
page = probe.Page("parent", slots=2, clock=clock)
slot, reader = page.histogram("tick"), probe.PageReader(page.path)
record.record(slot, 7)
child = os.fork()
if child == 0:
    record.record(slot, 8)
    try:
        page.histogram("another")
    except InputError as error:
        assert "after a fork" in str(error)
        page.close()
        mine = probe.Page("parent", slots=1, clock=clock)
        record.record(mine.histogram("mine"), 9)
        os._exit(probe.PageReader.of(os.getpid()).snapshot()["mine"].histogram.count)
    os._exit(99)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
assert reader.snapshot()["tick"].histogram.sum_ns == 7
dead = probe.PageReader.of(child)
assert not dead.alive and dead.snapshot()["mine"].histogram.sum_ns == 9
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert record.record(slot, 1) == 1
    assert reader.snapshot()["tick"].histogram.count == 1


def test_pages_of_ended_processes_are_removed_after_a_day_not_before(page, folder):
    dead, foreign = folder / "old.4194305.77.lat", folder / "notes.lat"  # beyond the largest pid
    for path in (dead, foreign):
        path.touch()
    remove_old_pages(folder)
    assert dead.exists()
    os.utime(dead, (1, 1))
    os.utime(foreign, (1, 1))
    remove_old_pages(folder)
    assert not dead.exists()
    assert foreign.exists()
    assert page.path.exists()


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: probe.Page("../evil", clock=NS_CLOCK), "letters, digits"),
        (lambda: probe.Page("unit", slots=1, clock=NS_CLOCK), "has a page of that name already"),
        (lambda: probe.Page("other", stages=["x"] * 65, clock=NS_CLOCK), "64 stages"),
        (lambda: probe.Page("other", stages=["x" * 64], clock=NS_CLOCK), "at most 63 bytes"),
        (lambda: probe.Page("other", stages=["\x1b[2J"], clock=NS_CLOCK), "printable"),
    ],
)
def test_what_a_page_cannot_be_called(page, make, complaint):
    with pytest.raises(InputError, match=complaint):
        make()


def test_a_full_page_says_so(page):
    for i in range(4):
        page.histogram(str(i))
    with pytest.raises(InputError, match="no room for slot 'more'"):
        page.histogram("more")


def test_a_full_file_system_is_told_before_the_first_record(monkeypatch, folder):
    def refuse(_file, _offset, _size):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    with pytest.raises(InputError, match="No space left"):
        probe.Page("unit", clock=NS_CLOCK)
    assert not list(folder.iterdir())


def test_the_layout_is_the_documented_one():
    assert (layout.STAGES_AT, layout.DIRECTORY_AT, layout.SLOTS_AT) == (4096, 8192, 73728)
    assert 8 * layout.HISTOGRAM_AT == 128
    assert 8 * layout.COUNTS_AT == 512
    for name, offset in (("boot_id", 40), ("state", 56), ("heartbeat_ns", 128), ("stages_at", 192), ("claimed", 384)):
        assert layout.HEADER.fields[name][1] == offset


def test_recording_takes_no_lock_and_allocates_nothing():
    # Compiled fresh: code that comes from the cache cannot be looked at. The second kernel shows that the search finds locks.
    code = """
import re
from numba import int64, njit
from tickbench.kernels.atomics import fetch_add_relaxed
from tickbench.probe import record
def search(function):
    kernel = njit(int64(int64, int64), nogil=True, error_model="numpy", boundscheck=False)(function)
    text = kernel.inspect_asm(kernel.signatures[0])
    return len(re.findall(r"\\block\\b|xchg|mfence|dmb|ldadd|NRT_Allocate|NRT_MemInfo_alloc", text))
print(search(lambda slot, value: record.begin(slot) + record.record(slot, value) + record.end(slot)))
print(search(lambda slot, value: fetch_add_relaxed(slot, 0, value)) > 0)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["0", "True"]


@kernel("int64(int64, int64)")
def _empty_operations(slot, times):
    for _ in range(times):
        record.begin(slot)
        record.end(slot)
    return times


def test_kernels_record_from_other_kernels(page, reader):
    _empty_operations(page.histogram("empty"), 1000)
    assert reader.snapshot()["empty"].histogram.count == 1000
