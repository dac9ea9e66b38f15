"""A model of a cache: set-associative levels, least recently used out, over the addresses that an operation reads.

It is a model, not a measurement: no prefetcher, no translation from virtual to physical addresses, loads of 8 bytes only
(indices that an operation reads or writes are left out), one level asked after the other (a line that level 2 holds stays
there when level 1 takes it). It shows what a layout asks of the memory system: a stream that the model calls misses is
what a prefetcher has to bring in time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import LINE_BYTES

_SYSFS = Path("/sys/devices/system/cpu/cpu0/cache")
_LEVELS = 3


@dataclass(frozen=True)
class CacheLevel:
    """One level: `size_bytes` in sets of `ways` lines."""

    size_bytes: int
    ways: int

    @property
    def sets(self) -> int:
        """Number of sets."""
        return max(self.size_bytes // (LINE_BYTES * self.ways), 1)


# Where /sys says nothing: a common server core (Intel and AMD optimisation manuals: 32 KiB 8-way, 1 MiB 8-way, 32 MiB 16-way).
DEFAULT_LEVELS = (CacheLevel(32 << 10, 8), CacheLevel(1 << 20, 8), CacheLevel(32 << 20, 16))


def machine_levels(folder: Path = _SYSFS) -> tuple[CacheLevel, ...]:
    """Data caches of core 0 from Linux's /sys; DEFAULT_LEVELS where one of the three is not told."""
    found: dict[int, CacheLevel] = {}
    for index in sorted(folder.glob("index*")):
        try:
            kind, level, size, ways = (
                (index / name).read_text(encoding="ascii").strip()
                for name in ("type", "level", "size", "ways_of_associativity")
            )
            if kind != "Instruction" and size.endswith("K"):
                found[int(level)] = CacheLevel(int(size[:-1]) << 10, max(int(ways), 1))
        except (OSError, ValueError):
            continue
    return tuple(found[level] for level in (1, 2, 3)) if all(level in found for level in (1, 2, 3)) else DEFAULT_LEVELS


@dataclass(frozen=True)
class Hits:
    """What the model counted: all accesses, and how many found their line in level 1, 2 and 3 (asked in this order)."""

    accesses: int
    found: tuple[int, int, int]

    def counters(self, operations: int) -> dict[str, float]:
        """Shares of the accesses that reach a level and are served there, and lines that level 1 missed an operation."""
        counters, reached = {}, self.accesses
        for level, found in enumerate(self.found, 1):
            if reached:
                counters[f"model_l{level}_hit_percent"] = 100.0 * found / reached
            reached -= found
        missed = self.accesses - self.found[0]
        counters["model_l1_misses_per_operation"] = missed / operations if operations else 0.0
        counters["model_memory_lines_per_operation"] = reached / operations if operations else 0.0
        return counters


def simulate(
    offset_bytes: Sequence[int],
    stride_bytes: Sequence[int],
    positions: NDArray[np.int32] | int,
    levels: Sequence[CacheLevel] | None = None,
    *,
    warm_passes: int = 1,
) -> Hits:
    """Read field f of each position at offset_bytes[f] + position · stride_bytes[f], after `warm_passes` that count nothing.

    `positions` is an array, or n for 0 … n - 1. `levels` are three, by default those of this machine.
    """
    chosen = tuple(levels or machine_levels())
    geometry = np.array([(one.sets, one.ways) for one in chosen], dtype=np.int64).reshape(-1)
    tags = np.full(sum(one.sets * one.ways for one in chosen), -1, dtype=np.int64)
    sequence = np.zeros(0, dtype=np.int32) if isinstance(positions, int) else positions
    n = positions if isinstance(positions, int) else len(positions)
    offsets, strides = np.array(offset_bytes, dtype=np.int64), np.array(stride_bytes, dtype=np.int64)
    found = np.zeros(_LEVELS, dtype=np.int64)
    for _ in range(warm_passes):
        _read_all(offsets, strides, sequence, n, geometry, tags, found)
    found[:] = 0
    _read_all(offsets, strides, sequence, n, geometry, tags, found)
    return Hits(n * len(offsets), (int(found[0]), int(found[1]), int(found[2])))


@kernel("boolean(int64[::1], int64, int64, int64)")
def _look_up(tags, start, ways, line):
    """Whether the set at `start` holds the line; puts it in front (the most recently used), the last one out."""
    if tags[start] == line:
        return True
    way = 1
    while way < ways and tags[start + way] != line:
        way += 1
    hit = way < ways
    for k in range(min(way, ways - 1), 0, -1):
        tags[start + k] = tags[start + k - 1]
    tags[start] = line
    return hit


@kernel("void(int64[::1], int64[::1], int32[::1], int64, int64[::1], int64[::1], int64[::1])")
def _read_all(offsets, strides, positions, n, geometry, tags, found):
    for i in range(n):
        position = np.int64(positions[i]) if len(positions) else i
        for field in range(len(offsets)):
            line = (offsets[field] + position * strides[field]) // LINE_BYTES
            base = 0
            for level in range(_LEVELS):
                sets, ways = geometry[2 * level], geometry[2 * level + 1]
                if _look_up(tags, base + line % sets * ways, ways, line):
                    found[level] += 1
                    break
                base += sets * ways
