"""How allocators are used: requests, pools, shared pools and short vectors; always with other sizes, orders and values.

Every workload counts `allocations_per_operation`: calls of malloc and realloc while it was timed, as the variant itself counts
them. A test beside it reads the compiled code: what claims 0 calls no allocator at all. `request` adds what the C library
says (mallinfo2): by how many bytes its heap grows for each of HEAP_OBJECTS objects that are alive at the same time.
"""

import ctypes
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from tickbench.components.allocation.contract import EMPTY, VALUES, AllocatorConfig, NativeAllocator
from tickbench.components.allocation.drivers import (
    SIZES,
    call_allocate,
    call_release,
    drive_cycle,
    drive_fill,
    drive_requests,
    release_order,
    return_window,
    take_window,
    trade_bytes,
)
from tickbench.components.allocation.oracle import NULL_PASSES
from tickbench.components.component import Job, Result, Verification, Workload
from tickbench.components.shared.pace import Batches
from tickbench.components.shared.threads import run_together
from tickbench.components.shared.timing import batch_result, operations_for, time_batches, time_loop
from tickbench.errors import InputError

HEAP_OBJECTS = 4_096
_NULL_ROUNDS = 1 << 17  # a batch of the variant that does nothing, however many rounds it is asked for


@dataclass
class _Loop:
    """A loop of any number of rounds that knows what its sums must be; `ask(first, rounds)` and `expected(first, rounds)`."""

    ask: Callable[[int, int], int]
    expected: Callable[[int, int], int]
    first: int = 0
    wrong: str = ""

    def run(self, rounds: int) -> None:
        """Do the next rounds; a wrong sum is kept."""
        seen, first = self.ask(self.first, rounds), self.first
        self.first += rounds
        if not self.wrong and seen != self.expected(first, rounds):
            self.wrong = f"rounds {first} to {self.first - 1}: a sum of {self.expected(first, rounds)} expected, {seen} seen"

    def verification(self, what: str) -> Verification:
        """Whether all sums so far were right."""
        return Verification(not self.wrong, self.first, self.wrong or f"{what}: {self.first} rounds read what they had written")


def _timed(job: Job, allocator: NativeAllocator, loop: _Loop, each: int, what: str, **counters: float) -> Result:
    """Time a loop of one thread; `each` operations a round."""
    if job.writers != 1 or job.readers:
        raise InputError(f"allocation: {what} has one thread, not {job.writers} writers and {job.readers} readers")
    loop.run(1)  # the first call of a kernel takes long
    calls, before = allocator.heap_calls, loop.first
    if job.variant.null and job.pace is None:
        batches = time_batches(lambda: loop.run(_NULL_ROUNDS), _NULL_ROUNDS * each, job.seconds)
    else:
        batches = time_loop(job, loop.run, each)
    a_round = (allocator.heap_calls - calls) / max(loop.first - before, 1)
    checked = NULL_PASSES if job.variant.null else loop.verification(what)
    return batch_result(batches, checked, allocations_per_operation=a_round / each, **counters)


def _request(job: Job) -> Result:
    n = int(job.parameters["objects"])
    if not 1 <= n <= HEAP_OBJECTS:
        raise InputError(f"allocation: parameters.objects is {n}: it must be 1 to {HEAP_OBJECTS}")
    allocator = job.variant.build(AllocatorConfig())
    sizes, order, addresses = trade_bytes(job.seed), release_order(job.seed, n), np.zeros(n, dtype=np.int64)
    places = (sizes.ctypes.data, order.ctypes.data, addresses.ctypes.data)

    def ask(first: int, rounds: int) -> int:
        return int(drive_requests(allocator.allocate, allocator.release, allocator.state, *places, n, first, rounds))

    def expected(first: int, rounds: int) -> int:
        low, high = first * n, (first + rounds) * n
        return (low + high - 1) * (high - low)  # twice the sum of low … high - 1

    heap = {} if job.variant.null else _heap_growth(allocator, sizes)
    return _timed(job, allocator, _Loop(ask, expected), n, "requests", **heap)


class _MallInfo(ctypes.Structure):
    """struct mallinfo2 of glibc, mallinfo(3)."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
    ]


def _heap_growth(allocator: NativeAllocator, sizes: NDArray[np.int64]) -> dict[str, float]:
    """Bytes by which the C library's heap grows an object; {} where it can't say (not glibc 2.33 or newer)."""
    try:
        mallinfo2 = ctypes.CDLL(None).mallinfo2
    except AttributeError:
        return {}
    mallinfo2.restype = _MallInfo
    addresses = np.zeros(HEAP_OBJECTS, dtype=np.int64)
    before = mallinfo2()
    for k in range(HEAP_OBJECTS):
        addresses[k] = call_allocate(allocator.allocate, allocator.state, int(sizes[k % SIZES]), 8)
    after = mallinfo2()
    call_release(allocator.release, allocator.state, addresses.ctypes.data, HEAP_OBJECTS)
    grown = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd
    return {"heap_bytes_per_object": grown / HEAP_OBJECTS}


class _Window:
    """One user of a pool: `window` objects in hand, the oldest goes back when a new one comes."""

    def __init__(self, job: Job, allocator: NativeAllocator) -> None:
        self._allocator, self._window = allocator, int(job.parameters["window"])
        if self._window < 1 or self._window & (self._window - 1):
            raise InputError(f"allocation: parameters.window is {self._window}: it must be a power of two")
        self._live = np.zeros(self._window, dtype=np.int64)
        if take_window(allocator.get, allocator.state, self._live.ctypes.data, self._window) < self._window:
            raise InputError(f"allocation: the pool has no {self._window} objects for a user")
        self.loop = _Loop(self._ask, self._expected)

    def _ask(self, first: int, steps: int) -> int:
        one = self._allocator
        return int(drive_cycle(one.cycle, one.state, self._live.ctypes.data, self._window, first, steps))

    def _expected(self, first: int, steps: int) -> int:
        low, high = first - self._window, first - self._window + steps
        return (low + high - 1) * (high - low) // 2

    def close(self) -> int:
        """Put all objects back; how many were refused."""
        one = self._allocator
        return int(return_window(one.put, one.state, self._live.ctypes.data, self._window))


def _pool(job: Job) -> Result:
    allocator = job.variant.build(_pool_config(job, 1))
    user = _Window(job, allocator)
    result = _timed(job, allocator, user.loop, 1, "the pool")
    user.close()
    return result


def _pool_config(job: Job, users: int) -> AllocatorConfig:
    return AllocatorConfig(objects=users * (int(job.parameters["window"]) + 1))


def _side_by_side(job: Job, users: list[_Window]) -> Batches:
    """Time the same loop in a thread for each user, all beginning together."""
    steps = _NULL_ROUNDS if job.variant.null else operations_for(users[0].loop.run)
    start = threading.Barrier(len(users))

    def run(user: _Window) -> Batches:
        user.loop.run(1)
        start.wait()
        return time_batches(lambda: user.loop.run(steps), steps, job.seconds)

    parts = run_together([partial(run, user) for user in users], start.abort)
    whole = Batches(steps)
    for part in parts:
        whole.count += part.count
        whole.elapsed_ns = max(whole.elapsed_ns, part.elapsed_ns)
        whole.histogram.merge(part.histogram)
    return whole


# Each thread keeps its window in an array of its own and shares nothing but the allocator:
#
#     thread A   live [a b c …]  --get, put-->  allocator  <--get, put--  thread B   live [x y z …]
#
# An object returned by one thread is taken by the other: its line travels too.
def _shared_pool(job: Job) -> Result:
    threads = job.writers
    allocator = job.variant.build(_pool_config(job, threads))
    users = [_Window(job, allocator) for _ in range(threads)]
    users[0].loop.run(1)  # the first call of a kernel takes long
    calls, done_before = allocator.heap_calls, sum(user.loop.first for user in users)
    whole = _side_by_side(job, users) if job.pace is None else time_loop(job, users[0].loop.run)
    done = max(1, sum(user.loop.first for user in users) - done_before)
    a_step = (allocator.heap_calls - calls) / done
    refused = 0 if job.variant.null else sum(user.close() for user in users)
    failures = [user.loop.wrong for user in users if user.loop.wrong] + ([f"{refused} objects refused"] if refused else [])
    detail = failures[0] if failures else f"{threads} threads read what they had written, in {done} steps"
    checked = NULL_PASSES if job.variant.null else Verification(not failures, done, detail)
    return batch_result(whole, checked, allocations_per_operation=a_step)


def _small_vector(job: Job) -> Result:
    items = int(job.parameters["items"])
    if not 0 <= items <= VALUES:
        raise InputError(f"allocation: parameters.items is {items}: it must be 0 to {VALUES}")
    allocator = job.variant.build(AllocatorConfig())
    values = np.random.default_rng(job.seed).integers(0, 1 << 20, 2 * VALUES)
    before = np.concatenate([[0], np.cumsum(values)])  # sum of values[:k]
    sums = np.concatenate([[0], np.cumsum(before[items : items + VALUES] - before[:VALUES])]).tolist()  # of the rounds up to r

    def until(r: int) -> int:
        return int(r // VALUES * sums[VALUES] + sums[r % VALUES])

    def ask(first: int, rounds: int) -> int:
        return int(drive_fill(allocator.fill, allocator.state, values.ctypes.data, items, first, rounds))

    loop = _Loop(ask, lambda first, rounds: until(first + rounds) - until(first))
    return _timed(job, allocator, loop, 1, f"vectors of {items} items")


assert EMPTY < 0  # no sum of a cycle is as low: a pool that ran dry shows as a wrong sum


def _workload(name: str, operation: str, run: Callable[[Job], Result], **parameters: int) -> Workload:
    return Workload(name, operation, run, frozenset({name}), parameters, needs_feed=False, paced=True)


WORKLOADS = {
    one.name: one
    for one in (
        _workload("request", "object", _request, objects=64),
        _workload("pool", "get and put", _pool, window=64),
        _workload("shared_pool", "get and put", _shared_pool, window=64),
        _workload("small_vector", "vector", _small_vector, items=4),
    )
}
