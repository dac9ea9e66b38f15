"""The oracle of allocators: a shadow of all live memory, contents kept until release, exhaustion, refusals, vectors."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from tickbench.components.allocation.contract import (
    INLINE_ITEMS,
    MOST_ALIGN,
    OBJECT_BYTES,
    REFUSED,
    AllocatorConfig,
    NativeAllocator,
)
from tickbench.components.allocation.drivers import call_allocate, call_one, call_release, call_two, hammer
from tickbench.components.component import MarketFeed, Verification
from tickbench.components.shared.digest import digest_of
from tickbench.components.shared.threads import run_together
from tickbench.kernels.atomics import load_plain, store_plain
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import WORD_BYTES, Block
from tickbench.registry import Variant

NULL_PASSES = Verification(True, 0, "the null variant has no answer to check")
_CONFIG = AllocatorConfig(arena_bytes=20_000, chunk_bytes=4_096, objects=40)  # the last chunk is not whole
_THREADS, _STEPS = 2, 20_000
# An address is right by what holds of it, no model says which it is: this is all that two variants have in common.
_RULES = (OBJECT_BYTES, MOST_ALIGN, INLINE_ITEMS, REFUSED)


@kernel("int64(int64, int64, int64)")
def _write(address, n, pattern):
    for k in range(n):
        store_plain(address, k, pattern + k)
    return 0


@kernel("int64(int64, int64, int64)")
def _intact(address, n, pattern):
    """Whether n words hold what `_write` put there."""
    good = True
    for k in range(n):
        good &= load_plain(address, k) == pattern + k
    return good


class Shadow:
    """What is handed out now: address -> bytes and the pattern written into all of it."""

    def __init__(self, bounds: tuple[int, int] | None) -> None:
        self._bounds = bounds
        self.live: dict[int, tuple[int, int]] = {}
        self.checks = 0

    def add(self, address: int, size: int, align: int) -> str:
        """Take over a new allocation and fill it; what is wrong with it, in words."""
        self.checks += 1
        what = f"{size} bytes at {address:#x}"
        if address % align:
            return f"{what}: not aligned to {align}"
        if self._bounds and not self._bounds[0] <= address <= address + size <= self._bounds[1]:
            return f"{what}: outside the block of the allocator"
        for other, (other_size, _) in self.live.items():
            if address < other + other_size and other < address + size:
                return f"{what}: overlaps {other_size} bytes at {other:#x}, which are in use"
        self.live[address] = (size, self.checks << 20)
        _write(address, size // WORD_BYTES, self.checks << 20)
        return ""

    def remove(self, address: int) -> str:
        """Check the contents of an allocation before it goes."""
        size, pattern = self.live.pop(address)
        self.checks += 1
        return (
            ""
            if _intact(address, size // WORD_BYTES, pattern)
            else f"{size} bytes at {address:#x}: contents changed while in use"
        )


def verify(variant: Variant, _feed: MarketFeed | None) -> Verification:
    """Try every part that the variant offers; the first thing that is wrong is told."""
    if variant.null:
        return NULL_PASSES
    checks = 0
    for failure in _failures(variant):
        checks += 1
        if failure:
            return Verification(False, checks, failure)
    detail = f"{checks} steps are right: {', '.join(sorted(variant.capabilities))}"
    return Verification(True, checks, detail, digest_of(["allocation", repr(_CONFIG), *_RULES]))


def _failures(variant: Variant) -> Iterator[str]:
    offers = variant.capabilities
    if "request" in offers:
        yield from _requests(variant.build(_CONFIG), "bounded" in offers)
    if "handles" in offers:
        yield from _handles(variant.build(_CONFIG))
    if "pool" in offers or "shared_pool" in offers:
        yield from _pool(variant.build(_CONFIG), "bounded" in offers)
    if "shared_pool" in offers and "bounded" in offers:
        yield from _shared(variant.build(_CONFIG))
    if "small_vector" in offers:
        yield from _vector(variant.build(_CONFIG))


def _bounds(allocator: NativeAllocator, bounded: bool) -> tuple[int, int] | None:
    return (allocator.state, allocator.state + WORD_BYTES * len(allocator.block.array)) if bounded else None


def _requests(allocator: NativeAllocator, bounded: bool) -> Iterator[str]:
    rng = np.random.default_rng(11)
    for _ in range(20):
        shadow = Shadow(_bounds(allocator, bounded))
        for _ in range(60):
            size, align = 8 * int(rng.integers(1, 20)), 1 << int(rng.integers(3, MOST_ALIGN.bit_length()))
            address = int(call_allocate(allocator.allocate, allocator.state, size, align))
            if address == 0:
                yield "" if bounded else f"{size} bytes refused"
                continue
            yield shadow.add(address, size, align)
        for size in (0, -8, -(1 << 62)):
            yield "" if call_allocate(allocator.allocate, allocator.state, size, 8) == 0 else f"{size} bytes were handed out"
        yield from _release(allocator, shadow, rng)
    if bounded:
        yield from _exhaust(allocator)


def _release(allocator: NativeAllocator, shadow: Shadow, rng: np.random.Generator) -> Iterator[str]:
    addresses = rng.permutation(np.array(list(shadow.live), dtype=np.int64))
    for address in addresses.tolist():
        yield shadow.remove(address)
    call_release(allocator.release, allocator.state, addresses.ctypes.data, len(addresses))


def _exhaust(allocator: NativeAllocator) -> Iterator[str]:
    """To the last byte, then what is too long, then all of it in one piece; nothing that lives may suffer."""
    rng, total = np.random.default_rng(12), _CONFIG.arena_bytes
    for size in (8, 104, 4_096, total):
        shadow = Shadow(_bounds(allocator, bounded=True))
        while address := int(call_allocate(allocator.allocate, allocator.state, size, 8)):
            yield shadow.add(address, size, 8)
        seen, expected = len(shadow.live), total // size
        yield "" if seen == expected else f"{expected} times {size} bytes fit into {total}: {seen} were handed out"
        for long in (total + 8, 1 << 40, (1 << 63) - 8):
            yield "" if call_allocate(allocator.allocate, allocator.state, long, 8) == 0 else f"{long} bytes were handed out"
        yield from _release(allocator, shadow, rng)


def _handles(allocator: NativeAllocator) -> Iterator[str]:
    address = int(call_allocate(allocator.allocate, allocator.state, 40, 8))
    handle = int(call_two(allocator.handle, allocator.state, address))
    yield "" if call_two(allocator.resolve, allocator.state, handle) == address else "a live handle does not give its address"
    call_release(allocator.release, allocator.state, 0, 0)
    yield "" if call_two(allocator.resolve, allocator.state, handle) == 0 else "a handle outlives the release"
    again = int(call_allocate(allocator.allocate, allocator.state, 40, 8))
    yield "" if call_two(allocator.resolve, allocator.state, handle) == 0 else "an old handle gives another object's address"
    newer = int(call_two(allocator.handle, allocator.state, again))
    yield "" if call_two(allocator.resolve, allocator.state, newer) == again else "a new handle does not give its address"


def _pool(allocator: NativeAllocator, bounded: bool) -> Iterator[str]:
    rng, state = np.random.default_rng(13), allocator.state
    shadow = Shadow(_bounds(allocator, bounded))
    for _ in range(400):
        if shadow.live and rng.random() < 0.45:
            address = int(rng.choice(list(shadow.live)))
            yield shadow.remove(address)
            yield "" if call_two(allocator.put, state, address) == 0 else f"the return of {address:#x} was refused"
            if bounded:
                yield _refused(allocator, address, "a second return")
            continue
        address = int(call_one(allocator.get, state))
        if address:
            yield shadow.add(address, OBJECT_BYTES, WORD_BYTES)
        elif not bounded or len(shadow.live) != _CONFIG.objects:
            yield f"no object, with {len(shadow.live)} of {_CONFIG.objects} handed out"
    if bounded:
        yield from _pool_bounds(allocator, shadow)
    for address in list(shadow.live):
        yield shadow.remove(address)
        call_two(allocator.put, state, address)


def _pool_bounds(allocator: NativeAllocator, shadow: Shadow) -> Iterator[str]:
    """Every object is there once; what is no object, or half of one, is refused."""
    while address := int(call_one(allocator.get, allocator.state)):
        yield shadow.add(address, OBJECT_BYTES, WORD_BYTES)
    yield "" if len(shadow.live) == _CONFIG.objects else f"{_CONFIG.objects} objects expected, {len(shadow.live)} handed out"
    low, high = min(shadow.live), max(shadow.live)
    for wrong in (0, low - 64, low + 8, low + 56, high + 64, allocator.state, allocator.state + 8, -(1 << 62), (1 << 62)):
        yield _refused(allocator, wrong, "the return of what is no object")


def _refused(allocator: NativeAllocator, address: int, what: str) -> str:
    return "" if call_two(allocator.put, allocator.state, address) == REFUSED else f"{what} was accepted: {address:#x}"


def count_violations(allocator: NativeAllocator, threads: int, hold: int, steps: int) -> int:
    """Let threads take, mark, unmark and return objects; how often one was owned twice, changed, or refused."""
    control = Block(1)

    def run(me: int) -> int:
        return int(hammer(allocator.get, allocator.put, allocator.state, me, hold, steps, control.address, threads))

    wrong = run_together([partial(run, me) for me in range(1, threads + 1)], pinned=False)
    return sum(wrong)


def _shared(allocator: NativeAllocator) -> Iterator[str]:
    violations = count_violations(allocator, _THREADS, hold=3, steps=_STEPS)
    yield "" if violations == 0 else f"{violations} violations of ownership between {_THREADS} threads"
    seen: set[int] = set()
    while address := int(call_one(allocator.get, allocator.state)):
        if address in seen or len(seen) > _CONFIG.objects:
            break
        seen.add(address)
    yield "" if len(seen) == _CONFIG.objects else f"after the threads {len(seen)} of {_CONFIG.objects} objects are there"


def _vector(allocator: NativeAllocator) -> Iterator[str]:
    rng, state = np.random.default_rng(14), allocator.state
    lengths: list[Any] = [0, 1, 3, 4, 5, INLINE_ITEMS - 1, INLINE_ITEMS, INLINE_ITEMS + 1, 2 * INLINE_ITEMS + 1, 100, 2]
    for length in lengths:
        expected = rng.integers(-(1 << 62), 1 << 62, length).tolist()
        for k, value in enumerate(expected, 1):
            seen_length = call_two(allocator.push, state, value)
            yield "" if seen_length == k else f"length {k} expected after a push, {seen_length} seen"
        seen = [int(call_two(allocator.at, state, k)) for k in range(length)]
        yield "" if seen == expected else f"a vector of {length} items: {expected} expected, {seen} seen"
        call_one(allocator.clear, state)
