"""Blocks of 64-bit words, aligned to cache lines, in private memory or in shared memory.

All state of a compiled component lives in one such block and refers to its own parts by word index, never by
pointer, so that the same code runs in private memory, in a shared segment and after a copy.
"""

import mmap
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tickbench.errors import InputError

LINE_BYTES = 64  # cache line of x86-64 and of most aarch64 cores (Intel SDM 3A, 11.1; Arm Cortex manuals)
# Intel's spatial prefetcher fetches lines in pairs (Optimization Reference Manual, 3.7.3), so words that
# different threads write are kept two lines apart.
ISOLATION_BYTES = 128
WORD_BYTES = 8
LINE_WORDS = LINE_BYTES // WORD_BYTES
ISOLATION_WORDS = ISOLATION_BYTES // WORD_BYTES
_PAGE_BYTES = mmap.PAGESIZE
_FOLDER = Path("/dev/shm")  # where Linux keeps POSIX shared memory, shm_overview(7)


def _map(name: str) -> NDArray[np.int64]:
    """Map the shared-memory segment `name`.

    Not through SharedMemory: before Python 3.13 that registers also what it did not make with a resource
    tracker, which removes the segment from under its owner when this process ends (CPython issue 82300).
    """
    path = _FOLDER / name
    try:
        if path.parent != _FOLDER:
            raise FileNotFoundError
        with path.open("r+b") as file:
            return np.frombuffer(mmap.mmap(file.fileno(), 0), dtype=np.int64)
    except FileNotFoundError:
        raise InputError(f"no shared-memory block is named {name!r}: is its owner still running?") from None
    except (OSError, ValueError) as error:
        raise InputError(f"the shared-memory block {name!r} cannot be mapped: {error}") from error


class Block:
    """A zeroed block of `words` int64 words that starts on a page boundary.

    Untouched pages cost no memory: a sparse structure may ask for a large block. `shared` names a new
    shared-memory segment (`shared=""` lets the system choose the name); `attach` opens an existing one.
    """

    def __init__(self, words: int, *, shared: str | None = None) -> None:
        if words < 1:
            raise InputError(f"a block needs at least 1 word, got {words}")
        self._owned: SharedMemory | None = None
        self._name: str | None = None
        if shared is None:
            self._array = np.frombuffer(mmap.mmap(-1, words * WORD_BYTES), dtype=np.int64)
            return
        try:
            self._owned = SharedMemory(name=shared or None, create=True, size=words * WORD_BYTES)
        except FileExistsError as error:
            raise InputError(
                f"a shared-memory block {shared!r} exists: remove {_FOLDER / str(shared)} or rename yours"
            ) from error
        # Only the name is the segment object's: its own mapping could not be closed while arrays refer to it.
        self._owned.close()
        self._name = self._owned.name
        self._array = _map(self._name)[:words]

    @classmethod
    def attach(cls, name: str) -> Self:
        """Open the shared block `name`, which another process made; raises InputError where there is none."""
        block = cls.__new__(cls)
        block._owned, block._name, block._array = None, name, _map(name)
        return block

    @property
    def array(self) -> NDArray[np.int64]:
        """The words, as an array of shape (words,)."""
        return self._array

    @property
    def address(self) -> int:
        """Address of word 0 in this process, for kernels."""
        return int(self._array.ctypes.data)

    @property
    def shared_name(self) -> str | None:
        """Name under which other processes attach, None for a private block."""
        return self._name

    def touch(self) -> None:
        """Fault every page in now, so that no later operation pays for it."""
        self._array[:: _PAGE_BYTES // WORD_BYTES] += 0

    def resident_bytes(self) -> int:
        """Bytes of this block that are in memory now, from /proc/self/smaps; 0 where there is none."""
        start, resident, inside = self.address, 0, False
        try:
            with open("/proc/self/smaps", encoding="ascii", errors="replace") as lines:  # noqa: PTH123  /proc
                for line in lines:
                    head = line.split(maxsplit=1)[0]
                    if "-" in head and not head.endswith(":"):
                        low, high = (int(part, 16) for part in head.split("-"))
                        inside = low < start + self._array.nbytes and start < high
                    elif inside and head == "Rss:":
                        resident += int(line.split()[1]) * 1024
        except OSError:
            return 0
        return resident

    def close(self) -> None:
        """Let the words go; the creator of a shared block also removes its name.

        The memory itself goes with the last array or process that refers to it.
        """
        self._array = np.empty(0, dtype=np.int64)
        if self._owned is not None:
            self._owned.unlink()
            self._owned = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def round_up_words(words: int, multiple: int = LINE_WORDS) -> int:
    """`words`, rounded up to a multiple (by default to whole cache lines)."""
    return -(-words // multiple) * multiple
