"""What a component holds in memory when it is loaded to a stated capacity: measured from outside, and by its own account.

A fresh worker process is measured before the load and after it, so that only growth counts: the interpreter, numba and the
harness are there before. Three figures:

    resident_growth_bytes   resident and swapped pages of the process (/proc/self/smaps_rollup), after minus before; both read
                            after a collection, and after the C allocator has given back what nobody uses
    allocator_slack_bytes   what it gave back then: garbage of the loading that an engine would go on holding
    own_bytes               the component's own account: the touched pages of its Blocks, arrays, Python objects
    reserved_bytes          address space that its Blocks and mapped files ask for; untouched pages cost no memory

What a library allocates for itself is in the first figure only.
"""

import ctypes
import gc
import mmap
import sys
import time
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tickbench.components.component import Job, Result, Verification, Workload
from tickbench.errors import NotMeasurableError
from tickbench.kernels.hdr import Histogram
from tickbench.kernels.memory import Block

COUNTERS = ("resident_growth_bytes", "own_bytes", "reserved_bytes", "allocator_slack_bytes")
_ROLLUP = Path("/proc/self/smaps_rollup")
_KIB = 1024
# Code, not data: shared by all instances.
_CODE = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType)


@dataclass(frozen=True)
class Loaded:
    """A loaded component: what must be kept alive, how many entries went in, and whether they are there."""

    kept: Any
    entries: int
    check: Callable[[], Verification]


def memory_workload(operation: str, run: Callable[[Job], Result], *requires: str, **parameters: Any) -> Workload:
    """The workload `memory` of a component. What it measures does not depend on time: no round is repeated for lost time."""
    return Workload(
        "memory",
        operation,
        run,
        frozenset(requires),
        parameters,
        needs_feed=False,
        expects_disturbance=True,
        shown_counters=COUNTERS,
    )


def measure_load(job: Job, load: Callable[[int], Loaded], capacity: int) -> Result:
    """Load once to `capacity` and read the memory before and after; an operation is the load of one entry.

    `load(1)` comes first and is forgotten: what a first use imports or compiles is no growth.
    """
    load(1)
    _settle()
    before_bytes = resident_bytes()
    start_ns = time.perf_counter_ns()
    loaded = load(capacity)
    elapsed_ns = time.perf_counter_ns() - start_ns
    gc.collect()
    untrimmed_bytes = resident_bytes()
    _settle()
    after_bytes = resident_bytes()
    own_bytes, reserved_bytes = account(loaded.kept)
    service = Histogram()
    service.record(elapsed_ns)
    values = (after_bytes - before_bytes, own_bytes, reserved_bytes, max(0, untrimmed_bytes - after_bytes))
    null = Verification(True, 0, "the null variant has no answer to check")
    return Result(
        timing="batch",
        operations=loaded.entries,
        elapsed_ns=elapsed_ns,
        histograms={"service": service},
        verification=null if job.variant.null else loaded.check(),
        counters={**dict(zip(COUNTERS, values, strict=True)), "entries": loaded.entries},
        operations_per_value=loaded.entries,
    )


def _settle() -> None:
    """Collect, and let the C allocator give its free pages back where it can (malloc_trim(3) is glibc's)."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def resident_bytes(rollup: Path = _ROLLUP) -> int:
    """Resident and swapped bytes of this process; raises NotMeasurableError where Linux does not tell."""
    try:
        fields = dict(line.split(":", 1) for line in rollup.read_text(encoding="ascii").splitlines()[1:])
        return _KIB * sum(int(fields[name].split()[0]) for name in ("Rss", "Swap"))
    except (OSError, ValueError, KeyError) as error:
        raise NotMeasurableError(f"memory: {rollup} cannot be read ({error}): resident memory needs Linux 4.14") from error


def account(root: Any) -> tuple[int, int]:
    """Own and reserved bytes of everything that `root` refers to, each object once; code is not data."""
    own_bytes, reserved_bytes, seen, waiting = 0, 0, set[int](), [root]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, _CODE):
            continue
        seen.add(id(one))
        if isinstance(one, Block):
            own_bytes += one.resident_bytes()
            reserved_bytes += one.array.nbytes
        elif isinstance(one, np.ndarray):
            if one.base is None:
                own_bytes += sys.getsizeof(one)
            waiting += [] if one.base is None else [one.base]
        elif isinstance(one, memoryview):
            waiting.append(one.obj)
        elif isinstance(one, mmap.mmap):  # of a segment, which is mapped with all its pages at once
            own_bytes += len(one)
            reserved_bytes += len(one)
        else:
            own_bytes += sys.getsizeof(one)
            waiting += _referred(one)
    return own_bytes, reserved_bytes


def _referred(one: Any) -> Iterator[Any]:
    if isinstance(one, Mapping):
        yield from one.keys()
        yield from one.values()
    elif isinstance(one, list | tuple | set | frozenset):
        yield from one
    elif type(one).__module__.partition(".")[0] not in {"builtins", "numba", "_thread", "ctypes"}:
        yield from getattr(one, "__dict__", {}).values()
        slots = (name for kind in type(one).__mro__ for name in getattr(kind, "__slots__", ()))
        yield from (getattr(one, name) for name in slots if name != "__dict__" and hasattr(one, name))
