"""Memory that a running engine has no use for: the compiler's, once every kernel is loaded and warm."""

from __future__ import annotations

import ctypes
import gc
import mmap
import re
from pathlib import Path

_SMAPS, _STATM = Path("/proc/self/smaps"), Path("/proc/self/statm")
_MAPPING = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) r-.p .*?(\S+)$")
_COMPILER = "llvmlite"
_DONT_NEED, _REMOVE = 4, 9  # MADV_…, include/uapi/asm-generic/mman-common.h in Linux


def release_compiler() -> int:
    """Give the pages of LLVM's library back and what the allocator keeps; bytes released, 0 where there is no /proc.

    Only mappings of the file that nobody has written to (no anonymous page, as relocated ones would have): clean pages, which
    come back from the file if a kernel is compiled after all.
    """
    gc.collect()
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
    before = resident_bytes()
    for start, end in _clean_mappings():
        give_back(start, end - start)
    return before - resident_bytes()


def give_back(start: int, size: int, *, shared: bool = False) -> None:
    """Hand pages back to the kernel: clean ones of a file, or with `shared` ones of shared memory, whose content is lost."""
    libc = ctypes.CDLL(None)
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    libc.madvise(start, size, _REMOVE if shared else _DONT_NEED)


def _clean_mappings() -> list[tuple[int, int]]:
    try:
        lines = _SMAPS.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []
    found, current = [], None
    for line in lines:
        if "-" in line.split(" ", 1)[0] and not line.split(" ", 1)[0].endswith(":"):
            match = _MAPPING.match(line)
            current = (int(match[1], 16), int(match[2], 16)) if match and _COMPILER in match[3] else None
        elif current is not None and line.startswith("Anonymous:"):
            if line.split()[1] == "0":
                found.append(current)
            current = None
    return found


def resident_bytes() -> int:
    """Bytes of this process that are in memory; 0 where there is no /proc."""
    try:
        return int(_STATM.read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    except OSError:
        return 0


_PAGE_BYTES = mmap.PAGESIZE
