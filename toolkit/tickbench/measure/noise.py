"""The ledger of lost time: what the machine took from a worker while it measured.

Two causes keep a pinned thread from its core: the hypervisor runs another guest (steal) or the kernel runs another task
(run-queue wait). Their share of the wall time is what decides whether a round is repeated; the rest explains outliers.
What a machine does not tell is None: `not available`, never 0.
"""

import os
import resource
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tickbench.kernels.clock import Clock
from tickbench.kernels.gaps import spin_gaps
from tickbench.kernels.hdr import Histogram

# Gaps are looked for before the run: long enough to meet a 100 Hz timer tick and its work twice.
SPIN_NS = 20_000_000
# A reading takes 12 to 60 ns; an interrupt takes 1 µs and more.
GAP_NS = 1_000
LOST_PERCENT = "lost_percent"
_STEAL_COLUMN = 8  # of a cpu line of /proc/stat (proc_stat(5)), counting the name as 0
_NS_PER_S = 1_000_000_000
_PROC = Path("/proc")

Noise = dict[str, float | None]


@dataclass(frozen=True)
class Reading:
    """Counters of this process and of its cores at one moment; None where the machine has no such counter."""

    wall_ns: int
    steal_ns: float | None
    run_queue_wait_ns: float | None
    cpu_migrations: float | None
    cpu_pressure_ns: float | None
    cpu_ns: float
    voluntary_switches: float
    involuntary_switches: float
    minor_faults: float
    major_faults: float


def read_counters(cpus: Iterable[int], proc: Path = _PROC) -> Reading:
    """Read all counters now; `cpus` are those that the process may use."""
    usage = resource.getrusage(resource.RUSAGE_SELF)  # of all threads, also of those that have ended
    return Reading(
        wall_ns=time.monotonic_ns(),
        steal_ns=_steal_ns(set(cpus), proc),
        run_queue_wait_ns=_run_queue_wait_ns(proc),
        cpu_migrations=_migrations(proc),
        cpu_pressure_ns=_pressure_ns(proc),
        cpu_ns=(usage.ru_utime + usage.ru_stime) * _NS_PER_S,
        voluntary_switches=usage.ru_nvcsw,
        involuntary_switches=usage.ru_nivcsw,
        minor_faults=usage.ru_minflt,
        major_faults=usage.ru_majflt,
    )


def ledger(before: Reading, after: Reading, cpus: int, threads: int) -> Noise:
    """What happened between two readings, with the share of the time that was lost.

    Steal counts over all `cpus`. Run-queue wait counts only where each of the `threads` could have a core of its own:
    beyond that, waiting is what the scenario asks for.
    """
    noise: Noise = {}
    for name in Reading.__dataclass_fields__:
        first, last = getattr(before, name), getattr(after, name)
        noise[name] = None if first is None or last is None else float(last - first)
    wall_ns = max(noise["wall_ns"] or 0.0, 1.0)
    shares = [noise["steal_ns"] and noise["steal_ns"] / cpus]
    if threads <= cpus:
        shares.append(noise["run_queue_wait_ns"])
    known = [one for one in shares if one is not None]
    noise[LOST_PERCENT] = 100 * sum(known) / wall_ns if known else None
    return noise


def spin_before(clock: Clock) -> Noise:
    """Spin on the clock for SPIN_NS and count the gaps: what this core loses when nothing of ours runs."""
    histogram = Histogram()
    lost_ticks, _readings = spin_gaps(
        clock.source,
        clock.ticks(SPIN_NS),
        clock.ticks(GAP_NS),
        clock.ns_per_tick,
        histogram.address,
        histogram.index,
    )
    return {
        "spin_gaps": float(histogram.count),
        "spin_gap_max_ns": float(histogram.max_ns),
        "spin_lost_ns": float(lost_ticks * clock.ns_per_tick),
    }


def _steal_ns(cpus: set[int], proc: Path) -> float | None:
    wanted = {f"cpu{one}" for one in cpus}
    text = _read(proc / "stat")
    lines = [line.split() for line in text.splitlines() if line.startswith("cpu")] if text else []
    steals = [int(fields[_STEAL_COLUMN]) for fields in lines if fields[0] in wanted and len(fields) > _STEAL_COLUMN]
    return sum(steals) * _NS_PER_S / os.sysconf("SC_CLK_TCK") if steals else None


def _run_queue_wait_ns(proc: Path) -> float | None:
    """Waiting time of all threads that live now; the second number of each schedstat."""
    waits = [int(text.split()[1]) for task in _tasks(proc) if (text := _read(task / "schedstat"))]
    return float(sum(waits)) if waits else None


def _migrations(proc: Path) -> float | None:
    found = [
        float(line.rpartition(":")[2])
        for task in _tasks(proc)
        for line in (_read(task / "sched") or "").splitlines()
        if line.startswith("se.nr_migrations")
    ]
    return sum(found) if found else None


def _pressure_ns(proc: Path) -> float | None:
    """Time in which some task of the machine waited for a core, since it was started (in µs there)."""
    for line in (_read(proc / "pressure" / "cpu") or "").splitlines():
        if line.startswith("some"):
            return float(line.rpartition("total=")[2]) * 1_000
    return None


def _tasks(proc: Path) -> list[Path]:
    try:
        return list((proc / "self" / "task").iterdir())
    except OSError:
        return []


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
