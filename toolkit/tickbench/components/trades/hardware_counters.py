"""Cache reads and misses of this thread, counted by the CPU (perf_event_open(2)), where machine and permissions allow.

Virtual machines often pass no performance counters on, containers often forbid the call: then there is nothing to report,
and the reason is told. Linux only.
"""

import ctypes
import os
import platform
import struct
from collections.abc import Callable

# Numbers of the call: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h in Linux.
_CALL_NUMBERS = {"x86_64": 298, "aarch64": 241, "riscv64": 241}
# include/uapi/linux/perf_event.h: type HW_CACHE; cache | operation << 8 | result << 16; the attribute's flags
_TYPE_CACHE = 3
_L1_DATA, _LAST_LEVEL = 0, 2
_READ = 0
_ACCESS, _MISS = 0, 1
_ATTRIBUTE_BYTES = 112  # PERF_ATTR_SIZE_VER5
_EXCLUDE_KERNEL, _EXCLUDE_HYPERVISOR = 1 << 5, 1 << 6
_EVENTS = {"l1": _L1_DATA, "last_level": _LAST_LEVEL}


def _open(cache: int, result: int) -> int:
    """A file that counts reads of `cache`; raises OSError where it can't be had."""
    if platform.system() != "Linux" or platform.machine() not in _CALL_NUMBERS:
        raise OSError(f"no perf_event_open on {platform.system()} {platform.machine()}")
    config = cache | _READ << 8 | result << 16
    head = struct.pack("=IIQQQQQ", _TYPE_CACHE, _ATTRIBUTE_BYTES, config, 0, 0, 0, _EXCLUDE_KERNEL | _EXCLUDE_HYPERVISOR)
    attribute = ctypes.create_string_buffer(head, _ATTRIBUTE_BYTES)
    libc = ctypes.CDLL(None, use_errno=True)
    this_thread, any_core, no_group, no_flags = 0, -1, -1, 0
    libc.syscall.restype = ctypes.c_long
    number = ctypes.c_long(_CALL_NUMBERS[platform.machine()])
    file = int(libc.syscall(number, attribute, this_thread, any_core, no_group, no_flags))
    if file < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return file


def count_cache_reads(call: Callable[[], object]) -> tuple[dict[str, float], str]:
    """Run `call` and return {"l1_hit_percent": …, "last_level_hit_percent": …}, or {} and the reason why there is nothing."""
    files: list[int] = []
    try:
        for cache in _EVENTS.values():
            files += [_open(cache, _ACCESS), _open(cache, _MISS)]
        before = [_read(file) for file in files]
        call()
        counts = [_read(file) - start for file, start in zip(files, before, strict=True)]
    except OSError as error:
        return {}, f"cache hits not measured: needs perf counters ({error.strerror or error})"
    finally:
        for file in files:
            os.close(file)
    pairs = zip(_EVENTS, counts[::2], counts[1::2], strict=True)
    return {f"{name}_hit_percent": 100.0 * (1 - missed / read) for name, read, missed in pairs if read}, ""


def _read(file: int) -> int:
    return int.from_bytes(os.read(file, 8), "little")
