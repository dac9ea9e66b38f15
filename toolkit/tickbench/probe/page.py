"""The writer's side of a page: make it once, claim a slot for each thing to measure, close it at the end."""

import contextlib
import ctypes
import mmap
import os
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tickbench.errors import InputError
from tickbench.kernels.clock import Clock, calibrate, now_ticks
from tickbench.kernels.memory import WORD_BYTES
from tickbench.kernels.recorder import HdrGeometry, histogram_words, initialise_histogram
from tickbench.probe import layout, place, record

_GEOMETRY = HdrGeometry()
_OLDEST_DEAD_S = 24 * 3600  # pages of ended processes stay this long for whoever asks what they died of
# Never unmapped: compiled code holds addresses of slots, and one record after that would end the process.
_pages: "list[Page]" = []


class Page:
    """A new page of this process, with room for `slots` histograms of the default geometry (1 ns to 10 s, 3 digits).

    Raises InputError if the folder is not safe, the memory is short, or this process has a page of that name already.
    A killed process leaves its page behind, which can still be read; `close` removes it.
    """

    def __init__(
        self,
        app: str,
        *,
        stages: Sequence[str] = (),
        slots: int = 32,
        clock: Clock | None = None,
        folder: Path | None = None,
    ) -> None:
        self._lock, self._pid = threading.Lock(), os.getpid()
        started = place.start_ticks(self._pid)
        names = _stage_table(stages)
        home = place.own_folder(folder or place.runtime_folder())
        remove_old_pages(home)
        self.path = home / f"{place.check_app(app)}.{self._pid}.{started}{layout.SUFFIX}"
        self.clock = clock or calibrate()
        size = layout.SLOTS_AT + slots * _slot_bytes(_GEOMETRY)
        self._map = _new_map(self.path, size)
        self._bytes = np.frombuffer(self._map, dtype=np.uint8)
        self._header = self._bytes[: layout.HEADER.itemsize].view(layout.HEADER)[0]
        self._entries = self._bytes[layout.DIRECTORY_AT : layout.SLOTS_AT].view(layout.ENTRY)
        self._bytes[layout.STAGES_AT : layout.DIRECTORY_AT] = names
        self._fill_header(app, started or 0, size)
        self.beat()
        record.put(self.address, layout.MAGIC)  # published last: a reader that finds it finds all of the above
        _pages.append(self)

    def _fill_header(self, app: str, started: int, size: int) -> None:
        header, clock = self._header, self.clock
        header["version"], header["total_bytes"] = layout.VERSION, size
        header["pid"], header["start_ticks"], header["boot_id"] = self._pid, started, np.void(place.boot_id())
        header["state"] = layout.LIVE
        header["clock"], header["ns_per_tick"], header["error_ppm"] = clock.source, clock.ns_per_tick, clock.error_ppm
        header["clock_ticks"] = now_ticks(clock.source)
        header["clock_mono_ns"], header["clock_real_ns"] = time.monotonic_ns(), time.time_ns()
        header["stages_at"], header["stages"] = layout.STAGES_AT, layout.STAGES
        header["directory_at"], header["entries"] = layout.DIRECTORY_AT, layout.ENTRIES
        header["slots_at"], header["app"], header["language"] = layout.SLOTS_AT, app.encode(), b"python"

    @property
    def address(self) -> int:
        """Address of byte 0 in this process."""
        return int(self._bytes.ctypes.data)

    def histogram(self, name: str, *, tag: str = "", geometry: HdrGeometry = _GEOMETRY) -> int:
        """Claim a histogram slot for this thread; returns its address for `record`."""
        offset = self._claim(layout.HISTOGRAM, name, tag, "ns", _slot_bytes(geometry), geometry)
        return self.address + offset

    def counter(self, name: str, *, tag: str = "", unit: str = "") -> int:
        """Claim a counter; returns its address for `record.add`."""
        return self.address + self._claim(layout.COUNTER, name, tag, unit, layout.COUNTER_BYTES, None)

    def gauge(self, name: str, *, tag: str = "", unit: str = "") -> int:
        """Claim a gauge; returns its address for `record.put`."""
        return self.address + self._claim(layout.GAUGE, name, tag, unit, layout.COUNTER_BYTES, None)

    def _claim(self, kind: int, name: str, tag: str, unit: str, size: int, geometry: HdrGeometry | None) -> int:
        if os.getpid() != self._pid:
            raise InputError(f"probe: {self.path.name} is the page of process {self._pid}: after a fork make one of your own")
        alignment = layout.ALIGNMENT_BYTES if geometry else layout.COUNTER_BYTES
        with self._lock:
            number, used = int(self._header["claimed"]), int(self._header["claimed_bytes"])
            offset = -(-(layout.SLOTS_AT + used) // alignment) * alignment
            if number >= layout.ENTRIES or offset + size > self._bytes.size:
                raise InputError(
                    f"probe: no room for slot {name!r}: {number} of {layout.ENTRIES} entries and {used} bytes are taken "
                    f"in {self.path.name}: make the page with more slots, or use a geometry of 2 digits"
                )
            entry = self._entries[number]
            entry["kind"], entry["offset"], entry["bytes"] = kind, offset, size
            entry["name"], entry["tag"], entry["unit"] = _text(name), _text(tag), _text(unit, 16)
            entry["tid"] = threading.get_native_id()
            if geometry:
                entry["lowest"], entry["highest"], entry["digits"] = geometry.lowest, geometry.highest, geometry.digits
                self._fill_histogram(offset, geometry)
            self._header["claimed"], self._header["claimed_bytes"] = number + 1, offset + size - layout.SLOTS_AT
            # published last: a reader that finds the entry ready finds the slot that it tells of
            record.put(self._entry_address(number), layout.READY)
        return offset

    def _fill_histogram(self, offset: int, geometry: HdrGeometry) -> None:
        words = self._words(offset, _slot_bytes(geometry))
        words[layout.CLOCK] = self.clock.source
        words[layout.NS_PER_TICK : layout.NS_PER_TICK + 1].view(np.float64)[0] = self.clock.ns_per_tick
        initialise_histogram(words, layout.HISTOGRAM_AT, geometry)

    def _words(self, offset: int, size: int) -> NDArray[np.int64]:
        return self._bytes[offset : offset + size].view(np.int64)

    def _entry_address(self, number: int) -> int:
        return self.address + layout.DIRECTORY_AT + number * layout.ENTRY.itemsize

    def retire(self, slot: int) -> None:
        """Its writer is gone for good: readers show it as history. Its place is not used again."""
        offsets = self._entries["offset"][: int(self._header["claimed"])]
        for number in np.flatnonzero(offsets == slot - self.address):
            record.put(self._entry_address(int(number)), layout.RETIRED)

    def beat(self) -> None:
        """Say that the loop which calls this, about once a second, still turns."""
        record.put(self.address + layout.HEADER.fields["heartbeat_ns"][1], time.monotonic_ns())  # type: ignore[index]

    def close(self, *, keep: bool = False) -> None:
        """Say that the process ends on purpose, and remove the file unless `keep`. Writers that still run do no harm."""
        if os.getpid() != self._pid:
            return
        self._header["state"] = layout.CLOSED
        if not keep:
            self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_failure: object) -> None:
        self.close()

    def detach(self) -> None:
        """In a forked child: put private memory in place of the parent's page, whose slots have a writer already."""
        libc = ctypes.CDLL(None, use_errno=True)
        libc.mmap.restype = ctypes.c_void_p
        libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *([ctypes.c_int] * 3), ctypes.c_long]
        content, address = self._bytes.tobytes(), self.address
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_FIXED
        if libc.mmap(address, len(content), mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0) != address:
            os._exit(1)  # a child that counts into its parent's slots would spoil them unseen
        ctypes.memmove(address, content, len(content))


_MAP_FIXED = 0x10  # include/uapi/asm-generic/mman-common.h in Linux


def _detach_all() -> None:
    for page in _pages:
        page.detach()
    _pages.clear()


os.register_at_fork(after_in_child=_detach_all)


def _slot_bytes(geometry: HdrGeometry) -> int:
    size = WORD_BYTES * (layout.HISTOGRAM_AT + histogram_words(geometry))
    return -(-size // layout.ALIGNMENT_BYTES) * layout.ALIGNMENT_BYTES


def _text(text: str, room: int = layout.NAME_BYTES) -> bytes:
    data = text.encode()
    if len(data) >= room or not text.isprintable():
        raise InputError(f"probe: {text!r} is not a printable name of at most {room - 1} bytes")
    return data


def _stage_table(stages: Sequence[str]) -> NDArray[np.uint8]:
    if len(stages) > layout.STAGES:
        raise InputError(f"probe: a page has room for {layout.STAGES} stages, got {len(stages)}")
    table = np.zeros(layout.STAGES, dtype=f"S{layout.NAME_BYTES}")
    table[: len(stages)] = [_text(name) for name in stages]
    return table.view(np.uint8)


def _new_map(path: Path, size: int) -> mmap.mmap:
    """A new file of the given size, all of it in memory now, so that no record ever waits for the kernel."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise InputError(f"probe: {path} exists: this process has a page of that name already") from None
    except OSError as error:
        raise InputError(f"probe: {path} cannot be made: {error.strerror}") from None
    try:
        os.posix_fallocate(file, 0, size)  # a full file system is told here, not by SIGBUS in a record
        return mmap.mmap(file, size, mmap.MAP_SHARED | mmap.MAP_POPULATE)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise InputError(f"probe: {path}: no {size} bytes of memory for it: {error.strerror}") from None
    finally:
        os.close(file)


def remove_old_pages(folder: Path, oldest_s: float = _OLDEST_DEAD_S) -> None:
    """Remove the pages of processes that ended, if they were made longer ago than that."""
    for path in folder.glob(f"*{layout.SUFFIX}"):
        name = place.parse_name(path)
        if name is None or place.start_ticks(name.pid) == name.start_ticks:
            continue
        with contextlib.suppress(OSError):  # another process removed it first
            if time.time() - path.lstat().st_mtime > oldest_s:
                path.unlink()
