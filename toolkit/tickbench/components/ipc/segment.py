"""A shared-memory segment with a ring each way: its file, its header, and who holds which side.

    line pair 0   magic | version | capacity | words          written once, before the file is handed on
    line pair 1   the client's: holder | taken | heartbeat | waits | bell
    line pair 2   the server's: likewise
    then          ring client ──▶ server, ring server ──▶ client (see kernels.rings)

A side belongs to the process that its `holder` names, by process number and start time, since numbers are used again. Only
a dead holder is replaced, by compare-and-swap, and `taken` counts how often. A successor goes on where the rings stand: a
message that was claimed but not published was never sent, one that was peeked but not released comes again, at the same
position (`spsc_position`), by which whoever keeps a log recognises it.

Nothing is trusted because it stands in the file: sizes are checked against the file's own, and whoever attaches keeps them
in memory of its own. The file is readable and writable by its owner only; who may truncate it may crash both sides.
"""

import mmap
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tickbench.components.ipc.contract import CLIENT, SERVER, Side
from tickbench.errors import InputError
from tickbench.kernels.atomics import cas_acq_rel, fetch_add_release, load_acquire, store_release
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_WORDS, WORD_BYTES, round_up_words
from tickbench.kernels.rings import MOST_SLOTS, check_capacity, spsc_start_at, spsc_words

MAGIC = 0x7469636B_72696E67  # "tickring"
VERSION = 1
_MAGIC, _VERSION, _CAPACITY, _WORDS = range(4)
HOLDER, TAKEN, HEARTBEAT, WAITS, BELL = range(5)  # words of a side
_SIDES = {CLIENT: ISOLATION_WORDS, SERVER: 2 * ISOLATION_WORDS}
_RINGS = 3 * ISOLATION_WORDS
_START_BITS = 41  # of a start time in ticks of 10 ms: 697 years; process numbers have 22 bits (PID_MAX_LIMIT)
_FOLDER = Path("/dev/shm")  # where Linux keeps POSIX shared memory, shm_overview(7)


@kernel("int64(int64, int64, int64, int64)")
def _exchange_holder(segment, side, seen, own):
    return cas_acq_rel(segment, side + HOLDER, seen, own)  # acquire: what the last holder wrote; release: to `holder_of`


@kernel("int64(int64, int64)")
def _load(segment, word):
    return load_acquire(segment, word)  # pairs with the exchange of the holder, or with the release of the magic


@kernel("int64(int64, int64)")
def _count_taken(segment, side):
    return fetch_add_release(segment, side + TAKEN, 1)  # release: after the holder is ours


@kernel("int64(int64)")
def _publish_header(segment):
    store_release(segment, _MAGIC, MAGIC)  # publishes the header and the rings to _load in `attach`
    return 0


@dataclass(frozen=True)
class Process:
    """A process: its number, and its start time in clock ticks since the machine started (proc_pid_stat(5), field 22)."""

    pid: int
    start_ticks: int

    @classmethod
    def of(cls, word: int) -> "Process":
        """The process that a holder word names."""
        return cls(word >> _START_BITS, word & ((1 << _START_BITS) - 1))

    @property
    def word(self) -> int:
        """The process in one word."""
        return self.pid << _START_BITS | self.start_ticks

    def is_alive(self) -> bool:
        """Whether it runs still: a zombie does not, nor does another process with its number."""
        state, start_ticks = _stat(self.pid)
        return start_ticks == self.start_ticks and state not in ("Z", "X")

    def __str__(self) -> str:
        return f"process {self.pid} (started at clock tick {self.start_ticks})"


def _stat(pid: int) -> tuple[str, int]:
    """State and start time of a process; ("X", -1) where there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
        return fields[0], int(fields[19])
    except (OSError, IndexError, ValueError):
        return "X", -1


def this_process() -> Process:
    """The calling process."""
    return Process(os.getpid(), _stat(os.getpid())[1])


class Segment:
    """A mapped segment, of which this process holds one side."""

    def __init__(self, path: Path, words: NDArray[np.int64], side: Side, capacity: int) -> None:
        self.path, self.words, self.side, self.capacity = path, words, side, capacity

    @classmethod
    def create(cls, capacity: int, start_index: int = 0, side: Side = CLIENT) -> "Segment":
        """Make a segment in a new file and take `side`; indices start at `start_index`."""
        ring_words = round_up_words(spsc_words(capacity), ISOLATION_WORDS)
        size = _RINGS + 2 * ring_words
        folder = _FOLDER if _FOLDER.is_dir() else None
        fd, name = tempfile.mkstemp(prefix="tickbench-", dir=folder)  # readable and writable by this user only
        try:
            os.ftruncate(fd, size * WORD_BYTES)
            words = _mapped(fd)
        finally:
            os.close(fd)
        words[_VERSION], words[_CAPACITY], words[_WORDS] = VERSION, capacity, size
        segment = cls(Path(name), words, side, capacity)
        for ring in segment.rings:
            spsc_start_at(ring, start_index)
        _publish_header(segment.address)
        segment.take()
        return segment

    @classmethod
    def attach(cls, path: Path, side: Side) -> "Segment":
        """Map an existing segment and take `side`; raises InputError for what is no segment or a side whose holder lives."""
        try:
            fd = os.open(path, os.O_RDWR)
        except OSError as error:
            raise InputError(f"shared memory {path}: {error.strerror}: does the other process still run?") from error
        try:
            if os.fstat(fd).st_size < _RINGS * WORD_BYTES:
                raise InputError(f"shared memory {path}: {os.fstat(fd).st_size} bytes are no segment of ours")
            words = _mapped(fd)
        finally:
            os.close(fd)
        magic, version, capacity, size = (_load(words.ctypes.data, word) for word in range(4))
        if magic != MAGIC or version != VERSION:
            raise InputError(f"shared memory {path}: magic {magic:#x}, version {version}; expected {MAGIC:#x}, {VERSION}")
        sane = 1 <= capacity <= MOST_SLOTS and check_capacity_bits(capacity)
        if not sane or size != len(words) or size != _RINGS + 2 * round_up_words(spsc_words(capacity), ISOLATION_WORDS):
            raise InputError(f"shared memory {path}: capacity {capacity}, {size} words in a file of {len(words)}: damaged")
        segment = cls(path, words, side, int(capacity))
        segment.take()
        return segment

    @property
    def address(self) -> int:
        """Address of word 0 in this process."""
        return int(self.words.ctypes.data)

    @property
    def other(self) -> Side:
        """The side that is not ours."""
        return SERVER if self.side == CLIENT else CLIENT

    def side_address(self, side: Side) -> int:
        """Address of the words of a side."""
        return self.address + WORD_BYTES * _SIDES[side]

    @property
    def rings(self) -> tuple[int, int]:
        """Addresses of the rings that this side writes and reads."""
        first = self.address + WORD_BYTES * _RINGS
        second = first + WORD_BYTES * round_up_words(spsc_words(self.capacity), ISOLATION_WORDS)
        return (first, second) if self.side == CLIENT else (second, first)

    def holder(self, side: Side) -> Process | None:
        """Who holds a side, dead or alive; None if nobody ever did."""
        word = int(_load(self.address, _SIDES[side] + HOLDER))
        return Process.of(word) if word else None

    def taken(self, side: Side) -> int:
        """How often a side was taken."""
        return int(_load(self.address, _SIDES[side] + TAKEN))

    def take(self) -> None:
        """Take our side from nobody or from a dead process; raises InputError where its holder lives."""
        seen, own = self.holder(self.side), this_process()
        if seen is not None and seen != own and seen.is_alive():
            raise InputError(f"shared memory {self.path}: the {self.side}'s side is held by {seen}, which runs: end it first")
        before = seen.word if seen is not None else 0
        if _exchange_holder(self.address, _SIDES[self.side], before, own.word) != before:
            raise InputError(f"shared memory {self.path}: another process took the {self.side}'s side at the same moment")
        _count_taken(self.address, _SIDES[self.side])

    def remove(self) -> None:
        """Take the name away: who has the segment keeps it, nobody else can attach."""
        self.path.unlink(missing_ok=True)


def check_capacity_bits(capacity: int) -> bool:
    """Whether a capacity that was read somewhere is one that a ring can have."""
    try:
        return bool(check_capacity(capacity))
    except InputError:
        return False


def _mapped(fd: int) -> NDArray[np.int64]:
    """Map a whole file, all pages now, so that no later operation faults."""
    flags = mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0)
    return np.frombuffer(mmap.mmap(fd, 0, flags=flags), dtype=np.int64)
