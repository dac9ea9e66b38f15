"""What on this machine would spoil a measurement, and the remedy; nothing is changed."""

import os
import resource
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from tickbench.errors import NotMeasurableError
from tickbench.kernels.clock import calibrate
from tickbench.kernels.gaps import cross_core_offset
from tickbench.measure.machine import ROOT, allowed_cpus, governor, pyperf_facts, read_text, under_hypervisor

State = Literal["ok", "warning", "not available"]

_FIT_S = 0.5
_MOST_CLOCK_ERROR_PPM = 5.0  # above it a latency of 100 ms is off by more than the clock's resolution
_MOST_STEAL_PERCENT = 1.0
_MOST_PRESSURE_PERCENT = 5.0
_STEAL_WINDOW_S = 0.5


@dataclass(frozen=True)
class Finding:
    """One look at the machine: what was seen, and what to do about it where that would help."""

    check: str
    state: State
    seen: str
    remedy: str = ""


def examine(root: Path = ROOT) -> list[Finding]:
    """Look at everything; `root` holds proc/ and sys/ (tests give their own)."""
    return [finding for check in _CHECKS for finding in check(root)]


def _judge(check: str, seen: str | None, fine: bool, remedy: str) -> Finding:
    if seen is None:
        return Finding(check, "not available", "this system does not tell")
    return Finding(check, "ok", seen) if fine else Finding(check, "warning", seen, remedy)


def _cores(root: Path) -> Iterator[Finding]:
    cpus = allowed_cpus()
    remedy = "scenarios with more threads than cores measure the scheduler too: allow more cores (taskset, cpuset)"
    yield _judge("cores", f"{len(cpus)} allowed of {os.cpu_count()}", len(cpus) > 1, remedy)
    smt = read_text("sys/devices/system/cpu/smt/active", root)
    yield _judge(
        "SMT", smt and {"0": "off", "1": "on"}.get(smt, smt), smt != "1", "echo off > /sys/devices/system/cpu/smt/control"
    )
    isolated = read_text("sys/devices/system/cpu/isolated", root)
    remedy = "boot with isolcpus=… nohz_full=… for the cores that measure"
    yield _judge("isolated cores", isolated if isolated is None else isolated or "none", bool(isolated), remedy)
    limit = read_text("sys/fs/cgroup/cpu.max", root)
    yield _judge("CPU limit of the cgroup", limit, (limit or "max").startswith("max"), "lift the CPU limit of the container")


def _frequency(root: Path) -> Iterator[Finding]:
    found = governor(root)
    yield _judge("frequency governor", found, found == "performance", "cpupower frequency-set -g performance")
    turbo = read_text("sys/devices/system/cpu/intel_pstate/no_turbo", root)
    seen = None if turbo is None else "off" if turbo == "1" else "on"
    yield _judge("turbo", seen, seen == "off", "echo 1 > /sys/devices/system/cpu/intel_pstate/no_turbo")


def _clock(_root: Path) -> Iterator[Finding]:
    clock = calibrate(_FIT_S)
    seen = f"{clock.source_name}, a reading costs {clock.read_cost_ns:.1f} ns, error {clock.error_ppm:.2f} ppm"
    if clock.refusal:
        yield Finding("clock", "warning", f"{seen}; TSC refused: {clock.refusal}", "boot with clocksource=tsc tsc=reliable")
    else:
        remedy = "the counter drifts against CLOCK_MONOTONIC_RAW: measure again, or boot without a para-virtual clock"
        yield _judge("clock", seen, clock.error_ppm <= _MOST_CLOCK_ERROR_PPM, remedy)
    cpus = allowed_cpus()
    if len(cpus) < 2:
        return
    try:
        offset = cross_core_offset(clock, cpus[0], cpus[-1], rounds=2_000)
    except NotMeasurableError as error:
        yield Finding("counters of two cores", "not available", str(error))
        return
    between = f"between cores {cpus[0]} and {cpus[-1]}"
    seen = f"offset {offset.offset_ns:.0f} ns {between}, best round trip {offset.round_trip_ns:.0f} ns"
    yield _judge("counters of two cores", seen, offset.consistent, "compare no times that were taken on different cores")


def _neighbours(root: Path) -> Iterator[Finding]:
    virtual = under_hypervisor(root)
    seen = None if virtual is None else "virtual machine" if virtual else "bare metal"
    yield _judge("hypervisor", seen, not virtual, "tails include what the host takes: prefer bare metal for p99.9 and above")
    times = psutil.cpu_times_percent(interval=_STEAL_WINDOW_S)
    steal = getattr(times, "steal", None)
    seen = None if steal is None else f"{steal:.1f} % over {_STEAL_WINDOW_S} s"
    yield _judge(
        "time stolen by the host", seen, (steal or 0) <= _MOST_STEAL_PERCENT, "measure when the host is quiet, or elsewhere"
    )
    pressure = read_text("proc/pressure/cpu", root)
    share = float(pressure.split("avg10=")[1].split()[0]) if pressure and "avg10=" in pressure else None
    seen = None if share is None else f"{share:.1f} % of the last 10 s some task waited for a core"
    yield _judge("CPU pressure", seen, (share or 0) <= _MOST_PRESSURE_PERCENT, "stop other work on this machine")


def _memory(root: Path) -> Iterator[Finding]:
    swap = psutil.swap_memory()
    yield _judge("swap in use", f"{swap.used >> 20} MiB", swap.used == 0, "swapoff -a, or free memory")
    huge = read_text("sys/kernel/mm/transparent_hugepage/enabled", root)
    chosen = huge.split("[")[1].split("]")[0] if huge and "[" in huge else huge
    remedy = "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled: 'always' moves page faults about"
    yield _judge("transparent huge pages", chosen, chosen != "always", remedy)
    locked = resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]
    seen = "no limit" if locked == resource.RLIM_INFINITY else f"{locked >> 10} KiB"
    yield _judge("memory that may be locked", seen, locked < 0 or locked >= 1 << 20, "ulimit -l unlimited")


def _profiling(root: Path) -> Iterator[Finding]:
    paranoid = read_text("proc/sys/kernel/perf_event_paranoid", root)
    yield _judge("perf_event_paranoid", paranoid, paranoid in {"-1", "0", "1"}, "sysctl kernel.perf_event_paranoid=1")
    counters = (root / "sys/bus/event_source/devices/cpu").exists() or (root / "sys/bus/event_source/devices/cpu_core").exists()
    remedy = "none in most virtual machines: cache-miss figures are then not measured"
    yield _judge("hardware performance counters", "present" if counters else "absent", counters, remedy)
    scope = read_text("proc/sys/kernel/yama/ptrace_scope", root)
    yield _judge(
        "ptrace_scope", scope or "no Yama", scope in {None, "0"}, "sysctl kernel.yama.ptrace_scope=0 to attach to an engine"
    )


def _state(_root: Path) -> Iterator[Finding]:
    for name, value in pyperf_facts().items():
        if name in {"aslr", "load_avg_1min", "runnable_threads"}:
            busy = name == "runnable_threads" and int(value) > 1
            yield _judge(f"{name} (pyperf)", str(value), not busy, "stop other work on this machine")


_CHECKS: tuple[Callable[[Path], Iterator[Finding]], ...] = (
    _cores,
    _frequency,
    _clock,
    _neighbours,
    _memory,
    _profiling,
    _state,
)
