"""What an allocator provides: memory for a request's trades, objects of one size to and fro, or a short vector.

A variant offers the parts that it is an example of (its capabilities); all state is one block, `state` its address.

    request       allocate(state, bytes, align) -> address, 0 where it is refused or memory is used up
                  release(state, addresses, n): all n go, in the order given; what was allocated stays intact until then
    pool          get(state) -> address of OBJECT_BYTES, 0 where there is none; contents are what the last owner left
                  put(state, address) -> 0, or REFUSED for what is no object of this pool or is not handed out
    shared_pool   the same from any number of threads
    small_vector  push(state, value) -> new length; at(state, i) -> value; clear(state): drop all, and memory with it
    bounded       has a capacity, says when it is used up, and refuses what it did not hand out (malloc cannot)
    handles       handle(state, address) -> handle, resolve(state, handle) -> address, 0 after the memory was released

`align` is a power of two from 8 to MOST_ALIGN (not checked on the hot path); `bytes` below 1 are refused.

Loops of their own (a call through a pointer costs as much as a pool's whole work): `cycle` for pools, `fill` for vectors.
    cycle(state, live, window, first, steps)   step k, from `first` on: get an object, write k into its first word, read and
                                               put back the one taken `window` steps ago (a power of two), keep the new one
                                               in live[k % window]; returns the sum of what was read, or EMPTY
    fill(state, values, items, first, rounds)  round r, from `first` on: push values[r % VALUES + j] for j < items to an empty
                                               vector, add all up by reading them back, drop it; returns the sum
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tickbench.kernels.memory import Block

ALLOCATE = "int64(int64, int64, int64)"  # (state, bytes, align) -> address or 0
RELEASE = "int64(int64, int64, int64)"  # (state, addresses, n) -> 0
GET = "int64(int64)"  # (state) -> address or 0
PUT = "int64(int64, int64)"  # (state, address) -> 0 or REFUSED
CYCLE = "int64(int64, int64, int64, int64, int64)"  # (state, live, window, first, steps) -> sum or EMPTY
PUSH = AT = "int64(int64, int64)"  # (state, value or index) -> length, or the value
CLEAR = "int64(int64)"  # (state) -> 0
FILL = "int64(int64, int64, int64, int64, int64)"  # (state, values, items, first, rounds) -> sum
HANDLE = RESOLVE = "int64(int64, int64)"  # (state, address or handle) -> handle, or address or 0

REFUSED = -1
EMPTY = -(1 << 62)  # no sum of a cycle
MOST_ALIGN = 64
OBJECT_BYTES = 56  # of a pool: a cache line but for the pool's own word
VALUES = 1024  # where a round of `fill` may start: its input has twice as many
INLINE_ITEMS = 8  # the plan's SmallVec<[T; 8]>

# Word 0 of every state: how often the heap was asked for memory (malloc and realloc), counted by the variant itself.
HEAP_CALLS = 0


@dataclass(frozen=True)
class AllocatorConfig:
    """Capacities: `arena_bytes` in all, of which `chunk_bytes` are taken at a time; `objects` of a pool."""

    arena_bytes: int = 1 << 20
    chunk_bytes: int = 64 << 10  # the plan's arena
    objects: int = 1024


@dataclass(frozen=True)
class NativeAllocator:
    """A compiled allocator: its block and the kernels of what it offers, None for the rest. `capacity_bytes` of an arena."""

    block: Block
    allocate: Callable[..., int] | None = None
    release: Callable[..., int] | None = None
    get: Callable[..., int] | None = None
    put: Callable[..., int] | None = None
    cycle: Callable[..., int] | None = None
    push: Callable[..., int] | None = None
    at: Callable[..., int] | None = None
    clear: Callable[..., int] | None = None
    fill: Callable[..., int] | None = None
    handle: Callable[..., int] | None = None
    resolve: Callable[..., int] | None = None
    owner: Any = None

    @property
    def state(self) -> int:
        """Address of the block."""
        return self.block.address

    @property
    def heap_calls(self) -> int:
        """Calls of malloc and realloc since the allocator was made."""
        return int(self.block.array[HEAP_CALLS])
