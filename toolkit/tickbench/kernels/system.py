"""The few system calls that kernels make: futex, sched_yield, nanosleep, clock_gettime, sched_getcpu.

All go to libc by name, so that compiled kernels stay in the cache across processes. Linux only.
"""

import time
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tickbench.errors import NotMeasurableError
from tickbench.kernels import jit
from tickbench.kernels.jit import kernel

CLOCK_MONOTONIC = time.CLOCK_MONOTONIC
CLOCK_MONOTONIC_RAW = time.CLOCK_MONOTONIC_RAW
NS_PER_S = 1_000_000_000

# Number of the futex call: arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h in
# Linux.
_FUTEX_CALLS = {"x86_64": 202, "AMD64": 202, "aarch64": 98, "riscv64": 98}
# Operations, include/uapi/linux/futex.h. The private flag is left out: blocks may lie in shared memory.
_FUTEX_WAIT, _FUTEX_WAKE = 0, 1
WAKE_ALL = 0x7FFF_FFFF

_I64 = ir.IntType(64)


def _index(position: int) -> ir.Constant:
    return ir.Constant(ir.IntType(32), position)


def _futex_call() -> int:
    try:
        return _FUTEX_CALLS[jit.machine()]
    except KeyError:
        raise NotMeasurableError(
            f"locks: the number of the futex system call is unknown for {jit.machine()}: add it to {__name__}"
        ) from None


_FUTEX = _futex_call()
_syscall = types.ExternalFunction(
    "syscall",
    types.int64(types.int64, types.int64, types.int64, types.int64, types.int64, types.int64, types.int64),
)
_sched_yield = types.ExternalFunction("sched_yield", types.int32())
_sched_getcpu = types.ExternalFunction("sched_getcpu", types.int32())


@kernel("int64(int64, int64, int64)")
def futex_wait(words, index, expected):
    """Sleep until `futex_wake` if the low 32 bits of the word still equal `expected`; may return early: check
    again.

    The word's value stays below 2^32 and its low half comes first in memory (little-endian machines only).
    """
    return _syscall(_FUTEX, words + 8 * index, _FUTEX_WAIT, expected, 0, 0, 0)


@kernel("int64(int64, int64, int64, int64)")
def futex_wait_for(words, index, expected, timespec):
    """As `futex_wait`, for at most the time at address `timespec` (two words: seconds, nanoseconds)."""
    return _syscall(_FUTEX, words + 8 * index, _FUTEX_WAIT, expected, timespec, 0, 0)


@kernel("int64(int64, int64, int64)")
def futex_wake(words, index, threads):
    """Wake at most `threads` threads that sleep on the word; returns how many were woken."""
    return _syscall(_FUTEX, words + 8 * index, _FUTEX_WAKE, threads, 0, 0, 0)


@kernel("int64()")
def yield_core():
    """Let another thread run on this core, if one wants to."""
    return _sched_yield()


@kernel("int64()")
def current_cpu():
    """Number of the core that this thread runs on; it may have changed on return."""
    return _sched_getcpu()


@intrinsic
def clock_gettime_ns(_context: Any, clock: Any) -> Any:
    """Reading of a POSIX clock (CLOCK_MONOTONIC, …) in ns, through libc and so through the vDSO."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        spec = cgutils.alloca_once(builder, ir.ArrayType(_I64, 2))  # struct timespec: seconds, nanoseconds
        seconds, rest = (builder.gep(spec, [_index(0), _index(i)]) for i in (0, 1))
        function = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.IntType(32), [ir.IntType(32), _I64.as_pointer()]),
            "clock_gettime",
        )
        builder.call(function, [builder.trunc(arguments[0], ir.IntType(32)), seconds])
        whole = builder.mul(builder.load(seconds), ir.Constant(_I64, NS_PER_S))
        return builder.add(whole, builder.load(rest))

    return types.int64(types.int64), generate


@intrinsic
def _nanosleep(_context: Any, seconds: Any, nanoseconds: Any) -> Any:
    """Call nanosleep(2) for a relative time."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        spec = cgutils.alloca_once(builder, ir.ArrayType(_I64, 2))
        for i in (0, 1):
            builder.store(arguments[i], builder.gep(spec, [_index(0), _index(i)]))
        pointer = builder.gep(spec, [_index(0), _index(0)])
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.IntType(32), [_I64.as_pointer()] * 2), "nanosleep"
        )
        result = builder.call(function, [pointer, ir.Constant(_I64.as_pointer(), None)])
        return builder.sext(result, _I64)

    return types.int64(types.int64, types.int64), generate


@kernel("int64(int64)")
def sleep_ns(duration_ns):
    """Sleep for at least `duration_ns`, tens of µs longer as a rule; 0 if no signal interrupted it."""
    if duration_ns <= 0:
        return 0
    return _nanosleep(duration_ns // NS_PER_S, duration_ns % NS_PER_S)
