"""Allocators: the oracle accepts what is right and rejects what is broken; arenas, handles and pools at their limits."""

import re
from dataclasses import replace

import numpy as np
import pytest
from numba import njit

from tickbench.components.allocation.contract import ALLOCATE, AT, GET, PUT, REFUSED, AllocatorConfig
from tickbench.components.allocation.drivers import (
    SIZES,
    TRADE_BYTES,
    call_allocate,
    call_one,
    call_release,
    call_two,
    drive_requests,
    release_order,
    trade_bytes,
)
from tickbench.components.allocation.oracle import verify
from tickbench.components.allocation.workloads import WORKLOADS
from tickbench.components.component import Job
from tickbench.kernels.atomics import load_plain, store_plain
from tickbench.kernels.clock import calibrate
from tickbench.kernels.jit import kernel
from tickbench.registry import discover, find

VARIANTS = {one.name: one for one in discover("allocation")[0]}
CLOCK = calibrate()


def built(name, **config):
    return VARIANTS[name].build(AllocatorConfig(**config))


def altered(name, **kernels):
    """The variant with other kernels in place of its own."""
    honest = VARIANTS[name]
    return replace(honest, build=lambda config: replace(honest.build(config), **kernels))


@kernel(ALLOCATE)
def _always_the_same(state, size, align):
    return state + 64 if size > 0 else 0


@kernel(ALLOCATE)
def _beyond_the_end(state, size, align):
    start = load_plain(state, 1)
    store_plain(state, 1, start + size)
    return state + start if size > 0 else 0


@kernel(GET)
def _object_one(state):
    return state + 64 + 8


@kernel(PUT)
def _takes_anything(state, address):
    return 0


@kernel(AT)
def _off_by_one(state, index):
    return load_plain(state + 64, index + 1)


@kernel(PUT)
def _never_stale(state, handle):
    return state + (handle & ((1 << 40) - 1))


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (altered("arena", allocate=_always_the_same), "overlaps"),
        (altered("arena", allocate=_beyond_the_end), "not aligned|outside|fit into"),
        (altered("arena", resolve=_never_stale), "outlives the release"),
        (altered("single_owner_pool", get=_object_one), "overlaps|was refused"),
        (altered("single_owner_pool", put=_takes_anything), "second return was accepted"),
        (altered("object_pool", put=_takes_anything), "second return was accepted"),
        (altered("inline_small", at=_off_by_one), "a vector of 1 items"),
    ],
)
def test_the_oracle_rejects(broken, complaint):
    found = verify(broken, None)
    assert not found.passed
    assert re.search(complaint, found.detail), found.detail


def test_an_arena_grows_by_whole_chunks_and_no_further():
    arena = built("arena", arena_bytes=1_000, chunk_bytes=256)
    words = arena.block.array
    limits = set()
    while call_allocate(arena.allocate, arena.state, 40, 8):
        limits.add(int(words[2]) - 64)
    assert limits == {256, 512, 768, 1_000}
    call_release(arena.release, arena.state, 0, 0)
    assert call_allocate(arena.allocate, arena.state, 1_000, 8) == arena.state + 64
    assert call_allocate(arena.allocate, arena.state, 8, 8) == 0


def test_a_handle_is_stale_after_its_request_even_when_the_address_lives_again():
    arena = built("arena")
    first = call_two(arena.handle, arena.state, call_allocate(arena.allocate, arena.state, 40, 8))
    for _ in range(5):
        call_release(arena.release, arena.state, 0, 0)
        call_allocate(arena.allocate, arena.state, 40, 8)
        assert call_two(arena.resolve, arena.state, first) == 0


@pytest.mark.parametrize("name", ["single_owner_pool", "object_pool"])
def test_a_pool_of_one_object(name):
    pool = built(name, objects=1)
    one = call_one(pool.get, pool.state)
    assert one
    assert call_one(pool.get, pool.state) == 0
    assert call_two(pool.put, pool.state, one) == 0
    assert call_two(pool.put, pool.state, one) == REFUSED
    assert call_one(pool.get, pool.state) == one


def test_each_get_from_the_shared_pool_has_a_tag_of_its_own():
    pool = built("object_pool", objects=2)
    tags = []
    for _ in range(3):
        one = call_one(pool.get, pool.state)
        call_two(pool.put, pool.state, one)
        tags.append(int(pool.block.array[16]) >> 24)
    assert tags == [1, 2, 3]


def test_the_trades_of_a_request_hold_40_bytes_and_a_text():
    sizes = trade_bytes(1)
    assert (sizes % 8 == 0).all()
    assert sizes.min() == TRADE_BYTES
    assert 55 < sizes.mean() < 73
    assert sorted(release_order(1, 50).tolist()) == list(range(50))


def test_a_request_that_runs_out_of_memory_says_so():
    arena, addresses = built("arena", arena_bytes=256, chunk_bytes=256), np.zeros(64, dtype=np.int64)
    places = (trade_bytes(1).ctypes.data, release_order(1, 64).ctypes.data, addresses.ctypes.data)
    assert len(trade_bytes(1)) == SIZES
    assert drive_requests(arena.allocate, arena.release, arena.state, *places, 64, 0, 1) == -1


HOT_PATHS = [
    ("arena", "allocate", True),
    ("arena", "release", True),
    ("single_owner_pool", "cycle", True),
    ("object_pool", "cycle", True),
    ("malloc_each", "cycle", False),
    ("inline_small", "at", True),
]


def _own_code(dispatcher):
    """Assembly of the kernel itself and what it calls, without the wrappers that Python uses."""
    fresh = njit([dispatcher.signatures[0]], nogil=True, error_model="numpy", boundscheck=False)(dispatcher.py_func)
    text = fresh.inspect_asm(fresh.signatures[0])  # inspection is off for cached kernels
    functions = re.findall(r"^(\w+):\n(.*?)^\.Lfunc_end", text, re.MULTILINE | re.DOTALL)
    own = [body for name, body in functions if "cpython" not in name and not name.startswith("cfunc")]
    assert own
    return "\n".join(own)


@pytest.mark.parametrize(("name", "part", "free_of_calls"), HOT_PATHS)
def test_what_claims_no_allocation_calls_no_allocator(name, part, free_of_calls):
    """Read from the compiled code: not one call of malloc, free or numba's own allocator (NRT)."""
    code = _own_code(getattr(built(name), part))
    assert free_of_calls != bool(re.search(r"\b(malloc|free|realloc|aligned_alloc|NRT_\w+)\b", code))


def _measure(variant, workload, **parameters):
    defaults = WORKLOADS[workload].parameters
    writers = parameters.pop("writers", 1)
    job = Job(find("allocation", variant), CLOCK, parameters={**defaults, **parameters}, writers=writers, seconds=0.01)
    return WORKLOADS[workload].run(job)


@pytest.mark.parametrize(
    ("variant", "workload", "expected"),
    [
        ("malloc_each", "request", 1.0),
        ("arena", "request", 0.0),
        ("malloc_each", "pool", 1.0),
        ("single_owner_pool", "pool", 0.0),
        ("malloc_each", "small_vector", 1.0),
        ("inline_small", "small_vector", 0.0),
    ],
)
def test_allocations_are_counted(variant, workload, expected):
    result = _measure(variant, workload)
    assert result.verification.passed, result.verification.detail
    assert result.counters["allocations_per_operation"] == expected
    if workload == "request" and "heap_bytes_per_object" in result.counters:
        grown = result.counters["heap_bytes_per_object"]
        assert (grown > 32) if expected else (grown < 8)


def test_a_vector_that_spills_asks_the_heap():
    result = _measure("inline_small", "small_vector", items=12)
    assert result.verification.passed, result.verification.detail
    assert result.counters["allocations_per_operation"] == 1.0


def test_two_threads_on_one_pool_read_what_they_wrote():
    result = _measure("object_pool", "shared_pool", writers=2, window=8)
    assert result.verification.passed, result.verification.detail
    assert result.counters["allocations_per_operation"] == 0.0
