"""What a variant of the counters provides: adds of one thread, many at a time, and the total over all threads.

An increment takes one to three ns and stands inlined in the code that counts, so a variant brings the loop that makes `n` of
them: a call through a pointer for each would cost as much as the increment. The variants whose question is the distance
between two counters share all code, `counters_apart`; they differ in one number, the stride.

    state   line pair 0   stride, number of counters     written once, then read by all
            then          the counters                   counter i: written by thread i, read by whoever sums
"""

from collections.abc import Callable
from dataclasses import dataclass

from tickbench.kernels.atomics import fetch_add_relaxed, load_plain, load_relaxed, store_relaxed
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_WORDS, WORD_BYTES, Block

ADD_MANY = "int64(int64, int64, int64)"  # (state, thread, n) -> n: add 1 n times
TOTAL = "int64(int64)"  # (state) -> sum of all counters

STRIDE_WORDS, COUNTERS = 0, 1  # words of the state
FIRST_COUNTER = ISOLATION_WORDS


@dataclass(frozen=True)
class CountersConfig:
    """Threads that will add, numbered from 0, and the cores that the machine has, numbered from 0."""

    threads: int
    cores: int


@dataclass(frozen=True)
class NativeCounters:
    """Counters in a block.

    `isolation_bytes` is promised to lie between two counters, and to divide the address of each; 8 promises nothing.
    `plain_add` is None where threads may share a counter: a load and a store of two threads lose increments.
    """

    block: Block
    locked_add: Callable[..., int]
    plain_add: Callable[..., int] | None
    total: Callable[..., int]
    isolation_bytes: int

    def addresses(self) -> list[int]:
        """Address of each counter."""
        stride, counters = int(self.block.array[STRIDE_WORDS]), int(self.block.array[COUNTERS])
        return [self.block.address + WORD_BYTES * (FIRST_COUNTER + stride * i) for i in range(counters)]


@kernel(ADD_MANY)
def locked_add(state, thread, n):
    """Add by one locked instruction each; correct also if threads share the counter."""
    at = FIRST_COUNTER + thread * load_plain(state, STRIDE_WORDS)
    for _ in range(n):
        fetch_add_relaxed(state, at, 1)  # relaxed: a counter orders nothing but itself
    return n


@kernel(ADD_MANY)
def plain_add(state, thread, n):
    """Add by a load and a store each, for a counter with one writer.

    Both are atomic, so that the compiler may not keep the counter in a register until the loop ends: a reader would see no
    progress, and no cache line would move.
    """
    at = FIRST_COUNTER + thread * load_plain(state, STRIDE_WORDS)
    for _ in range(n):
        store_relaxed(state, at, load_relaxed(state, at) + 1)  # relaxed: one writer, and no order with other words
    return n


@kernel(TOTAL)
def total(state):
    """Sum of all counters; not of one moment, but never above what was added, nor below what an earlier sum saw."""
    stride, whole = load_plain(state, STRIDE_WORDS), 0
    for i in range(load_plain(state, COUNTERS)):
        whole += load_relaxed(state, FIRST_COUNTER + i * stride)  # relaxed: each word alone never goes back (coherence)
    return whole


def counters_apart(stride_bytes: int, counters: int) -> NativeCounters:
    """A counter for each thread, `stride_bytes` apart; a stride of 0 makes it one counter for all."""
    stride_words = stride_bytes // WORD_BYTES
    block = Block(FIRST_COUNTER + max(1, stride_words) * counters)
    block.array[STRIDE_WORDS], block.array[COUNTERS] = stride_words, counters if stride_words else 1
    block.touch()
    return NativeCounters(block, locked_add, plain_add if stride_words else None, total, max(stride_bytes, WORD_BYTES))
