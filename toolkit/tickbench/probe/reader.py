"""The reader's side: finds pages, opens them without trusting a word in them, copies slots while they are written.

Any number of readers, in any process of the same user, at any rate: none of them writes. Intervals are differences of two
snapshots, so each record falls into exactly one of them.
"""

import mmap
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tickbench.errors import InputError
from tickbench.kernels.clock import MONOTONIC, TSC, now_ticks
from tickbench.kernels.hdr import COUNT_LIMIT, Histogram
from tickbench.kernels.memory import WORD_BYTES
from tickbench.kernels.recorder import COUNT, MAX_NS, MIN_NS, NEGATIVE, OVER_RANGE, SUM_NS, HdrGeometry, histogram_words
from tickbench.probe import layout, place, record
from tickbench.probe.snapshot import InFlight, Reading, Snapshot, build_histogram

# Beyond what pages are made of (a default page has 7 MiB): a file of that size is none.
_LARGEST_BYTES = 1 << 30
_TRIES = 3  # a copy can miss the bounds only in a page that breaks the protocol


@dataclass(frozen=True)
class _Slot:
    number: int
    kind: int
    offset: int
    geometry: HdrGeometry | None
    name: str
    tag: str
    unit: str
    tid: int
    retired: bool


def find_pages(pid: int | None = None) -> list[place.PageName]:
    """The pages of this user, or of one process; those of running processes first, then the youngest first."""
    found = []
    for folder in place.page_folders():
        try:
            if place.folder_fault(folder):
                continue
            names = [name for path in folder.iterdir() if (name := place.parse_name(path))]
        except OSError:
            continue
        found += [name for name in names if pid is None or name.pid == pid]
    return sorted(found, key=lambda name: (place.start_ticks(name.pid) != name.start_ticks, -name.start_ticks))


class PageReader:
    """An open page. InputError if the file is not a page of this user, or contradicts itself.

    A file that its writer cuts short while it is read ends the reader by SIGBUS: only the same user can do that.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._map = _open(path)
        self._bytes = np.frombuffer(self._map, dtype=np.uint8)
        self._header = _checked_header(path, self._copy(0, layout.HEADER.itemsize).view(layout.HEADER)[0], self._bytes.size)
        self._stages = self._stage_names()
        self._slots: dict[int, _Slot] = {}

    @classmethod
    def of(cls, pid: int) -> Self:
        """The page of a process, running or not; InputError if it has none."""
        if not (pages := find_pages(pid)):
            folders = ", ".join(map(str, place.page_folders()))
            raise InputError(f"probe: process {pid} has no page in {folders}: does it use tickbench.probe, as this user?")
        return cls(pages[0].path)

    @property
    def app(self) -> str:
        """Name of the application."""
        return _shown(self._header["app"])

    @property
    def language(self) -> str:
        """What the writer is written in."""
        return _shown(self._header["language"])

    @property
    def pid(self) -> int:
        """Process that made the page."""
        return int(self._header["pid"])

    @property
    def stages(self) -> list[str]:
        """Names of the stages; the number is the place."""
        return self._stages

    @property
    def alive(self) -> bool:
        """Whether the process that made the page still runs: same pid, same start, same boot of the machine."""
        header = self._header
        return bytes(header["boot_id"]) == place.boot_id() and place.start_ticks(self.pid) == int(header["start_ticks"])

    @property
    def closed(self) -> bool:
        """Whether the writer said that it ends on purpose."""
        return int(self._live_header()["state"]) == layout.CLOSED

    @property
    def heartbeat_age_ns(self) -> int:
        """Time since the last heartbeat."""
        return max(0, time.monotonic_ns() - int(self._live_header()["heartbeat_ns"]))

    def snapshot(self) -> Snapshot:
        """What all slots hold now; InputError if one breaks the protocol."""
        slots = list(self._find_slots())
        taken_ns = time.monotonic_ns()
        return Snapshot(taken_ns, time.time_ns(), self.alive, tuple(self._read(slot) for slot in slots))

    def _live_header(self) -> Any:
        return self._copy(0, layout.HEADER.itemsize).view(layout.HEADER)[0]

    def _copy(self, offset: int, size: int) -> NDArray[np.uint8]:
        """A private copy, so that what was checked is what is used."""
        target = np.empty(size // WORD_BYTES, dtype=np.int64)
        self._copy_to(offset, target)
        return target.view(np.uint8)

    def _copy_to(self, offset: int, target: NDArray[np.int64]) -> int:
        return int(record.copy_words(self._bytes.ctypes.data + offset, target.ctypes.data, target.size))

    def _stage_names(self) -> list[str]:
        at, count = int(self._header["stages_at"]), int(self._header["stages"])
        names = self._copy(at, count * layout.NAME_BYTES).view(f"S{layout.NAME_BYTES}")
        shown = [_shown(name) for name in names]
        return shown[: max((number for number, name in enumerate(shown, 1) if name), default=0)]

    def _find_slots(self) -> Iterator[_Slot]:
        at, count = int(self._header["directory_at"]), int(self._header["entries"])
        entries = self._copy(at, count * layout.ENTRY.itemsize).view(layout.ENTRY)
        for number in np.flatnonzero((entries["state"] == layout.READY) | (entries["state"] == layout.RETIRED)):
            yield self._checked_slot(int(number), entries[number])

    def _checked_slot(self, number: int, entry: Any) -> _Slot:
        kind, offset, size = (int(entry[field]) for field in ("kind", "offset", "bytes"))
        name = _shown(entry["name"])
        where = f"probe: {self.path.name}: slot {number} ({name})"
        if kind not in layout.KIND_NAMES:
            raise InputError(
                f"{where} is of kind {kind}, known are {sorted(layout.KIND_NAMES)}: is the page of a newer version?"
            )
        geometry, needed = None, WORD_BYTES
        if kind == layout.HISTOGRAM:
            geometry = HdrGeometry(*(int(entry[field]) for field in ("lowest", "highest", "digits")))
            needed = WORD_BYTES * (layout.HISTOGRAM_AT + histogram_words(geometry))
        if offset % WORD_BYTES or not self._header["slots_at"] <= offset <= self._bytes.size or needed > size:
            raise InputError(f"{where} is damaged: its place, {offset} and {size} bytes, is not one of {needed} bytes")
        if size > self._bytes.size - offset:
            raise InputError(f"{where} is damaged: it would end beyond the {self._bytes.size} bytes of the page")
        tag, unit, retired = _shown(entry["tag"]), _shown(entry["unit"]), int(entry["state"]) == layout.RETIRED
        return _Slot(number, kind, offset, geometry, name, tag, unit, int(entry["tid"]), retired)

    def _read(self, slot: _Slot) -> Reading:
        if slot.geometry is None:
            value = int(self._copy(slot.offset, WORD_BYTES).view(np.int64)[0])
            return Reading(slot.name, slot.tag, slot.unit, layout.KIND_NAMES[slot.kind], slot.tid, slot.retired, value=value)
        histogram, in_doubt = self._read_histogram(slot, slot.geometry)
        return Reading(
            *(slot.name, slot.tag, slot.unit, layout.KIND_NAMES[slot.kind], slot.tid, slot.retired),
            histogram=histogram,
            in_doubt=in_doubt,
            in_flight=self._in_flight(slot),
        )

    def _read_histogram(self, slot: _Slot, geometry: HdrGeometry) -> tuple[Histogram, int]:
        """A copy that keeps the protocol's bounds, and how many of its records are not counted yet (0 or 1)."""
        words = np.empty(histogram_words(geometry), dtype=np.int64)
        at, start = slot.offset + WORD_BYTES * layout.HISTOGRAM_AT, layout.COUNTS_AT - layout.HISTOGRAM_AT
        for _ in range(_TRIES):
            after = self._copy_to(at, words)
            counts = words[start : start + geometry.counts_len]
            if int(counts.min()) < 0 or int(counts.max()) >= COUNT_LIMIT // counts.size:
                continue
            before, total = int(words[COUNT]), int(counts.sum())
            if 0 <= before <= total <= after + 1:
                return _histogram(geometry, words, counts), max(0, total - after)
        raise InputError(
            f"probe: {self.path.name}: slot {slot.number} ({slot.name}) is corrupt: its buckets do not add up to its count: "
            f"has it two writers?"
        )

    def _in_flight(self, slot: _Slot) -> InFlight | None:
        words = np.empty(layout.HISTOGRAM_AT, dtype=np.int64)
        for _ in range(_TRIES):
            if self._copy_to(slot.offset, words) == words[layout.OPERATION]:
                break
        else:
            return None  # operations that end within the copy: none has an age worth telling
        if not int(words[layout.OPERATION]) & 1:
            return None
        age_ns = self._age_ns(int(words[layout.START_TICKS]))
        number = int(words[layout.STAGE])
        name = self._stages[number] if 0 <= number < len(self._stages) else ""
        return InFlight(age_ns, number, name, int(words[layout.CORRELATION]))

    def _age_ns(self, start_ticks: int) -> int:
        """Age now; of a dead process's operation, how long it had lasted at the last heartbeat."""
        header = self._live_header()
        rate = float(self._header["ns_per_tick"])
        if self.alive:
            ticks = int(now_ticks(int(self._header["clock"]))) - start_ticks
            return max(0, round(ticks * rate))
        started_ns = int(header["clock_mono_ns"]) + round((start_ticks - int(header["clock_ticks"])) * rate)
        return max(0, int(header["heartbeat_ns"]) - started_ns)

    def close(self) -> None:
        """Let the page go."""
        self._bytes = np.empty(0, dtype=np.uint8)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_failure: object) -> None:
        self.close()


def _open(path: Path) -> mmap.mmap:
    """Map a page for reading: a regular file of this user's, closed to others, of a size that a page may have."""
    try:
        # NONBLOCK: opening a pipe that somebody put there must not wait
        file = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise InputError(f"probe: {path} cannot be opened: {error.strerror} (links are not followed)") from None
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise InputError(f"probe: {path} is not a file of this user that is closed to others: it is not read")
        if not layout.HEADER.itemsize <= found.st_size <= _LARGEST_BYTES or found.st_size % WORD_BYTES:
            raise InputError(f"probe: {path} has {found.st_size} bytes: that is no probe page")
        return mmap.mmap(file, found.st_size, mmap.MAP_SHARED, mmap.PROT_READ)
    finally:
        os.close(file)


def _checked_header(path: Path, header: Any, size: int) -> Any:
    where = f"probe: {path}"
    if int(header["magic"]) != layout.MAGIC:
        raise InputError(f"{where} is no probe page, or not a complete one: its magic is {int(header['magic']):#x}")
    if int(header["version"]) != layout.VERSION:
        raise InputError(f"{where} has layout {int(header['version'])}, known is {layout.VERSION}: update tickbench")
    if int(header["total_bytes"]) != size:
        raise InputError(f"{where} is damaged: it has {size} bytes and says {int(header['total_bytes'])}")
    name = place.parse_name(path)
    if name is None or (name.pid, name.start_ticks) != (int(header["pid"]), int(header["start_ticks"])):
        raise InputError(f"{where} says that it is of process {int(header['pid'])}: its name does not: it is not read")
    if int(header["clock"]) not in {TSC, MONOTONIC} or not 0 < float(header["ns_per_tick"]) < 1e6:
        raise InputError(f"{where} is damaged: clock {int(header['clock'])} with {float(header['ns_per_tick'])} ns a tick")
    tables = (("stages_at", "stages", layout.NAME_BYTES), ("directory_at", "entries", layout.ENTRY.itemsize))
    for at, count, each in tables:
        start, number = int(header[at]), int(header[count])
        if start % WORD_BYTES or start > size or number > (size - start) // each:
            raise InputError(
                f"{where} is damaged: {count}: {number} of {each} bytes from {start} on are not in its {size} bytes"
            )
    return header


def _histogram(geometry: HdrGeometry, words: NDArray[np.int64], counts: NDArray[np.int64]) -> Histogram:
    """The copy as a histogram with our own header: the page's is not trusted."""
    return build_histogram(geometry, counts, *(int(words[at]) for at in (SUM_NS, MAX_NS, MIN_NS, OVER_RANGE, NEGATIVE)))


def _shown(data: bytes) -> str:
    """Text of a page, without what would move a terminal's cursor."""
    return "".join(one if one.isprintable() else "?" for one in bytes(data).decode("utf-8", "replace"))
