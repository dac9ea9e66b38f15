"""Names of the code that a running process has compiled: its list of JIT objects, read from outside.

LLVM keeps every object that it has made ready in a list for debuggers (the GDB JIT interface: GDB manual, chapter 30,
https://sourceware.org/gdb/current/onlinedocs/gdb.html/JIT-Interface.html). In a process with numba the head of the list is
the local symbol `__jit_debug_descriptor` of libllvmlite. So kernels have names without the help of the engine: also those from
numba's cache, and those that are compiled while we look. What LLVM has inlined is named by the function that it was put into.

The process runs on while it is read. Every address and length is checked, and a list that changes is read again.
"""

import mmap
import os
import struct
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tickbench.errors import NotMeasurableError
from tickbench.live.demangle import demangle
from tickbench.live.elf import Elf, ElfError, Function

_HEAD = "__jit_debug_descriptor"
_DESCRIPTOR, _ENTRY = struct.Struct("<IIQQ"), struct.Struct("<QQQQ")
_VERSION = 1
_MOST_OBJECTS, _LARGEST_OBJECT_BYTES, _MOST_BYTES = 50_000, 64 << 20, 1 << 30
_TRIES = 3
_RUNTIME = "numba runtime"
_RUNTIME_NAMES = ("NRT_", "nrt_")


class _ChangedError(Exception):
    """The list was changed while it was read."""


@dataclass(frozen=True)
class _Library:
    path: Path
    start: int
    inode: int


class JitSymbols:
    """The compiled functions of a process; NotMeasurableError with the remedy if they cannot be read.

    `refresh` reads the list again, `name_of` finds the function that an address lies in.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._head = _find_head(pid)
        self._known: dict[tuple[int, int], list[Function]] = {}
        self._starts: list[int] = []
        self._functions: list[Function] = []
        self.refresh()

    def refresh(self) -> None:
        """Read the list again; objects that were seen before are not read again."""
        for _ in range(_TRIES):
            try:
                with _memory(self._pid) as memory:
                    entries = list(_walk(memory, self._head))
                    known = {entry: self._known.get(entry) or _functions(memory, *entry) for entry in entries}
            except _ChangedError:
                continue
            self._known = known
            break
        # the newest object is the first of the list: where two overlap, the newest is put in last and is the one that counts
        found = {one.start: one for functions in reversed(self._known.values()) for one in functions}
        self._starts = sorted(found)
        self._functions = [found[start] for start in self._starts]

    @property
    def names(self) -> list[str]:
        """Readable names of all functions."""
        return [_shown(one.name) for one in self._functions]

    def name_of(self, address: int) -> str | None:
        """The function that an address lies in; None if that is no compiled one."""
        place = bisect_right(self._starts, address) - 1
        if place < 0 or address >= self._functions[place].end:
            return None
        return _shown(self._functions[place].name)


def _shown(name: str) -> str:
    return _RUNTIME if name.startswith(_RUNTIME_NAMES) else demangle(name)


@contextmanager
def _memory(pid: int) -> Iterator[int]:
    """The memory of a process, for reading; it takes the right to trace it, but traces and stops nothing."""
    try:
        file = os.open(f"/proc/{pid}/mem", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise NotMeasurableError(
            f"the memory of process {pid} cannot be read ({error.strerror}): run as its user, with kernel.yama.ptrace_scope 0 "
            f"or CAP_SYS_PTRACE (in a container: --cap-add SYS_PTRACE)"
        ) from None
    try:
        yield file
    finally:
        os.close(file)


def _read(memory: int, address: int, size: int) -> bytes:
    try:
        data = os.pread(memory, size, address)
    except (OSError, OverflowError) as error:
        raise _ChangedError from error
    if len(data) != size:
        raise _ChangedError
    return data


def _walk(memory: int, head: int) -> Iterator[tuple[int, int]]:
    """Address and length of each object, the newest first."""
    version, _action, _relevant, entry = _DESCRIPTOR.unpack(_read(memory, head, _DESCRIPTOR.size))
    if version != _VERSION:
        raise NotMeasurableError(f"the list of compiled objects has version {version}, known is {_VERSION}")
    before, seen, total = 0, 0, 0
    while entry:
        following, previous, address, size = _ENTRY.unpack(_read(memory, entry, _ENTRY.size))
        seen, total = seen + 1, total + size
        if previous != before or size > _LARGEST_OBJECT_BYTES or seen > _MOST_OBJECTS or total > _MOST_BYTES:
            raise _ChangedError
        yield address, size
        before, entry = entry, following


def _functions(memory: int, address: int, size: int) -> list[Function]:
    try:
        return list(Elf(_read(memory, address, size)).functions())
    except ElfError:
        return []  # an object of another kind: its functions stay without a name


def _find_head(pid: int) -> int:
    """Address of the list's head in the process."""
    library = _library(pid)
    path = Path(f"/proc/{pid}/root") / str(library.path).lstrip("/")  # as the process sees it, in a container too
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if found.st_ino != library.inode:
                raise NotMeasurableError(f"{library.path} was replaced since process {pid} loaded it: restart the engine")
            elf = Elf(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))
            value, first = elf.symbol_value(_HEAD), elf.first_address()
    except (OSError, ElfError) as error:
        raise NotMeasurableError(f"{library.path} of process {pid} cannot be read: {error}") from error
    if value is None:
        raise NotMeasurableError(f"{library.path} has no symbol {_HEAD}: it is stripped, install llvmlite as its wheel")
    return library.start - first + value


def _library(pid: int) -> _Library:
    """The library that holds LLVM, as it is mapped."""
    try:
        maps = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise NotMeasurableError(f"the maps of process {pid} cannot be read ({error.strerror}): run as its user") from None
    for line in maps.splitlines():
        fields = line.split(maxsplit=5)
        if len(fields) == 6 and Path(fields[5]).name.startswith("libllvmlite") and int(fields[2], 16) == 0:
            return _Library(Path(fields[5]), int(fields[0].partition("-")[0], 16), int(fields[4]))
    raise NotMeasurableError(f"process {pid} has not loaded llvmlite: it has compiled nothing with numba")
