"""The clock of all measurements: the time-stamp counter where it can be trusted, else clock_gettime.

The counter is used only if the CPU says that it runs at a constant rate and never stops, and if the kernel
itself keeps time by it; otherwise `Clock.refusal` says why not, and readings come from CLOCK_MONOTONIC. Its
rate is measured against CLOCK_MONOTONIC_RAW, which no time daemon slews, by readings bracketed between two of
the other clock; the width of the tightest brackets is the error.

Plain rdtsc may be executed a little before or after its neighbours in the program. The fenced readings are
for operations of less than about 100 ns: `read_tsc_start` waits for everything before it, `read_tsc_end` for
the operation itself and keeps what follows out.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from tickbench.kernels import jit
from tickbench.kernels.atomics import store_plain
from tickbench.kernels.jit import kernel
from tickbench.kernels.system import (
    CLOCK_MONOTONIC,
    CLOCK_MONOTONIC_RAW,
    clock_gettime_ns,
    current_cpu,
    sleep_ns,
)

__all__ = [
    "MONOTONIC",
    "TSC",
    "Clock",
    "calibrate",
    "current_cpu",
    "now_ticks",
    "read_tsc",
    "read_tsc_end",
    "read_tsc_start",
    "sleep_ns",
    "ticks_to_ns",
    "tsc_refusal",
]

TSC, MONOTONIC = 0, 1  # the sources
_SOURCE_NAMES = {TSC: "tsc", MONOTONIC: "clock_gettime(CLOCK_MONOTONIC)"}
_CPU_INFO = Path("/proc/cpuinfo")
_CLOCK_SOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
_NEEDED_FLAGS = ("constant_tsc", "nonstop_tsc")
# Brackets tried at each end of a calibration: 2,000 took 0.1 ms where this was measured, and 200,000 found no
# tighter one (20 ns).
_BRACKETS = 2_000
_COST_READS, _COST_BATCHES = 1_000, 9
_PPM = 1_000_000

_I64 = ir.IntType(64)
_HAS_TSC = jit.machine() in {"x86_64", "AMD64", "i686"}


def _call(builder: Any, name: str, result: Any) -> Any:
    function = cgutils.get_or_insert_function(builder.module, ir.FunctionType(result, []), name)
    return builder.call(function, [])


def _counter(read: Any) -> Any:
    """Code generator of a counter reading; 0 where the processor has none that user code may read."""

    def generate(_target: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        return read(builder) if _HAS_TSC else ir.Constant(_I64, 0)

    return types.int64(), generate


@intrinsic
def read_tsc(_context: Any) -> Any:
    """The time-stamp counter (rdtsc, unfenced); 0 on processors without one."""
    return _counter(lambda b: _call(b, "llvm.readcyclecounter", _I64))


@intrinsic
def read_tsc_start(_context: Any) -> Any:
    """The counter, read after all earlier instructions are done (lfence; rdtsc)."""

    def read(builder: Any) -> Any:
        _call(builder, "llvm.x86.sse2.lfence", ir.VoidType())  # forbids that the reading moves before earlier work
        return _call(builder, "llvm.readcyclecounter", _I64)

    return _counter(read)


@intrinsic
def read_tsc_end(_context: Any) -> Any:
    """The counter, read when earlier instructions are done and before later ones start (rdtscp; lfence)."""

    def read(builder: Any) -> Any:
        pair = _call(builder, "llvm.x86.rdtscp", ir.LiteralStructType([_I64, ir.IntType(32)]))
        _call(builder, "llvm.x86.sse2.lfence", ir.VoidType())  # forbids that later work starts before the reading
        return builder.extract_value(pair, 0)

    return _counter(read)


@kernel("int64(int64)")
def now_ticks(source):
    """The time in ticks of `source`, TSC or MONOTONIC (whose ticks are ns)."""
    if source == TSC:
        return read_tsc()
    return clock_gettime_ns(CLOCK_MONOTONIC)


@kernel("int64(int64, float64)")
def ticks_to_ns(ticks, ns_per_tick):
    """A difference of two readings in ns, to the nearest; exact up to 2^53 ticks, more than a month."""
    return np.int64(math.floor(ticks * ns_per_tick + 0.5))


@kernel("int64(int64, int64, int64)")
def _tightest_bracket(source, tries, out):
    """Read `source` between two readings of CLOCK_MONOTONIC_RAW; keep the tightest of `tries`.

    Writes (ticks, ns in the middle of the bracket, ns between its ends) to the 3 words at address `out`.
    """
    narrowest = np.int64(1) << 62
    for _ in range(tries):
        before = clock_gettime_ns(CLOCK_MONOTONIC_RAW)
        ticks = now_ticks(source)
        after = clock_gettime_ns(CLOCK_MONOTONIC_RAW)
        if after - before < narrowest:
            narrowest = after - before
            store_plain(out, 0, ticks)
            store_plain(out, 1, before + narrowest // 2)
            store_plain(out, 2, narrowest)
    return narrowest


@kernel("int64(int64, int64)")
def _read_repeatedly(source, reads):
    """Ticks between the first and the last of `reads` + 1 readings in a row."""
    first = now_ticks(source)
    last = first
    for _ in range(reads):
        last = now_ticks(source)
    return last - first


@dataclass(frozen=True)
class Clock:
    """A calibrated source: its rate, that one's error, the cost of a reading, why it is not the counter."""

    source: int
    ns_per_tick: float
    error_ppm: float
    read_cost_ns: float
    refusal: str | None

    @property
    def source_name(self) -> str:
        """The source in words, for provenance."""
        return _SOURCE_NAMES[self.source]

    def ticks(self, duration_ns: int) -> int:
        """A duration in ticks, to the nearest."""
        return round(duration_ns / self.ns_per_tick)


def tsc_refusal(cpu_info: Path = _CPU_INFO, clock_source: Path = _CLOCK_SOURCE) -> str | None:
    """Why the time-stamp counter must not be used here; None if it may."""
    if not _HAS_TSC:
        return f"{jit.machine()} has no time-stamp counter that a program may read"
    try:
        lines = cpu_info.read_text(encoding="ascii", errors="replace").splitlines()
        kernel_source = clock_source.read_text(encoding="ascii", errors="replace").strip()
    except OSError as error:
        return f"whether the time-stamp counter can be trusted is unknown: {error.strerror}: {error.filename}"
    flags = {flag for line in lines if line.startswith("flags") for flag in line.partition(":")[2].split()}
    if missing := [flag for flag in _NEEDED_FLAGS if flag not in flags]:
        return f"the time-stamp counter may change its rate or stop: the CPU flags lack {' and '.join(missing)}"
    if kernel_source != "tsc":
        return f"the kernel does not trust the time-stamp counter: its clocksource is {kernel_source}, not tsc"
    return None


def calibrate(duration_s: float = 0.02, *, cpu_info: Path = _CPU_INFO, clock_source: Path = _CLOCK_SOURCE) -> Clock:
    """Choose the source and measure its rate for `duration_s` and the cost of a reading.

    The error falls with the duration: measured 1 ppm after 0.02 s, 0.4 after 0.05 s, 0.02 after 1 s.
    CLOCK_MONOTONIC counts ns by definition; its error is how far a time daemon slews it at the moment (up to
    500 ppm, adjtimex(2)).
    """
    refusal = tsc_refusal(cpu_info, clock_source)
    source = MONOTONIC if refusal else TSC
    ns_per_tick, error_ppm = _measure_rate(source, duration_s)
    if source == MONOTONIC:
        ns_per_tick, error_ppm = 1.0, error_ppm + abs(ns_per_tick - 1.0) * _PPM
    batches = [_read_repeatedly(source, _COST_READS) for _ in range(_COST_BATCHES)]
    return Clock(source, ns_per_tick, error_ppm, min(batches) * ns_per_tick / _COST_READS, refusal)


def _measure_rate(source: int, duration_s: float) -> tuple[float, float]:
    """ns per tick over the whole duration, and its error in ppm.

    The error is the half brackets of both ends, or, if larger, half of what the rates of the two halves
    differ beyond that (a clock that was stepped, a counter that differs between cores).
    """
    points: list[NDArray[np.int64]] = []
    for pause_ns in (0, round(duration_s * 5e8), round(duration_s * 5e8)):
        sleep_ns(pause_ns)
        point = np.zeros(3, dtype=np.int64)
        _tightest_bracket(source, _BRACKETS, point.ctypes.data)
        points.append(point)
    first, middle, last = points
    rate = _rate(first, last)
    error = _uncertainty(first, last)
    drift = abs(_rate(first, middle) - _rate(middle, last)) / rate
    doubt = drift - _uncertainty(first, middle) - _uncertainty(middle, last)
    return rate, max(error, doubt / 2) * _PPM


def _rate(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    return float(b[1] - a[1]) / float(b[0] - a[0])


def _uncertainty(a: NDArray[np.int64], b: NDArray[np.int64]) -> float:
    """Relative error of the rate between two bracketed points: half of both brackets over the distance."""
    return float(a[2] + b[2]) / 2 / float(b[1] - a[1])
