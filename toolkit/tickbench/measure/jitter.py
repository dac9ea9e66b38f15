"""How much time each core loses while it does nothing but read the clock."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tickbench.kernels.clock import Clock, calibrate, now_ticks
from tickbench.kernels.gaps import spin_gaps
from tickbench.kernels.hdr import Histogram
from tickbench.measure.machine import allowed_cpus

# Gaps above this are counted: a reading costs some 10 ns, an interrupt at least 1 us (osnoise and JLBH draw the line there).
GAP_NS = 1_000
_SLICE_S = 0.05  # Ctrl-C is answered between slices


@dataclass(frozen=True)
class CoreJitter:
    """What one core lost: gaps above GAP_NS in `spun_ns` of spinning, with their distribution."""

    cpu: int
    spun_ns: float
    lost_ns: float
    gaps: Histogram

    @property
    def lost_percent(self) -> float:
        """Share of the time that went into gaps."""
        return 100 * self.lost_ns / self.spun_ns if self.spun_ns else 0.0


def measure_jitter(seconds: float, on_core: Callable[[int], None] | None = None) -> Iterator[CoreJitter]:
    """Spin on each allowed core for `seconds`, one core after the other; `on_core` is told before each."""
    clock = calibrate(0.1)
    cpus = allowed_cpus()
    try:
        for cpu in cpus:
            if on_core is not None:
                on_core(cpu)
            os.sched_setaffinity(0, {cpu})
            yield _spin(clock, cpu, seconds)
    finally:
        os.sched_setaffinity(0, cpus)


def _spin(clock: Clock, cpu: int, seconds: float) -> CoreJitter:
    gaps, lost_ticks, spun_ticks, left_s = Histogram(), 0, 0, seconds
    while left_s > 0:
        part_s = min(left_s, _SLICE_S)
        start = now_ticks(clock.source)
        lost, _ = spin_gaps(
            clock.source, clock.ticks(round(part_s * 1e9)), clock.ticks(GAP_NS), clock.ns_per_tick, gaps.address, gaps.index
        )
        spun_ticks += now_ticks(clock.source) - start  # more than asked for where the last gap goes beyond the end
        lost_ticks += lost
        left_s -= part_s
    return CoreJitter(cpu, spun_ticks * clock.ns_per_tick, lost_ticks * clock.ns_per_tick, gaps)
