"""Pairs of words: one instruction each, no call of a library that locks; the values are the right way round."""

import re

import numpy as np
import pytest
from numba import njit

from tickbench.errors import NotMeasurableError
from tickbench.kernels import atomics128, jit
from tickbench.kernels.memory import Block
from tickbench.kernels.wide import divide_product

X86 = jit.machine() in {"x86_64", "AMD64"}
native_pairs = pytest.mark.skipif(not atomics128.pairs_are_native(), reason="no 16-byte compare-exchange here")


def _load(words, out):
    out[0], out[1] = atomics128.load_acquire_pair(words, 2)
    return 0


def _exchange(words, low, high, new_low, new_high, out):
    out[0], out[1], out[2] = atomics128.cas_acq_rel_pair(words, 2, low, high, new_low, new_high)
    return 0


@pytest.fixture(scope="module")
def load():
    return njit("int64(int64, int64[::1])")(_load)


@pytest.fixture(scope="module")
def exchange():
    return njit("int64(int64, int64, int64, int64, int64, int64[::1])")(_exchange)


@native_pairs
def test_a_pair_is_exchanged_whole_or_not_at_all(load, exchange):
    block, out = Block(8), np.zeros(3, dtype=np.int64)
    block.array[2:4] = -5, 1 << 62
    assert load(block.address, out) == 0
    assert out[:2].tolist() == [-5, 1 << 62]
    exchange(block.address, -5, 0, 7, 8, out)  # the upper word differs
    assert out.tolist() == [0, -5, 1 << 62]
    exchange(block.address, 0, 1 << 62, 7, 8, out)  # the lower word differs
    assert out.tolist() == [0, -5, 1 << 62]
    exchange(block.address, -5, 1 << 62, 7, -8, out)
    assert out.tolist() == [1, -5, 1 << 62]
    assert block.array.tolist() == [0, 0, 7, -8, 0, 0, 0, 0]


@native_pairs
def test_llvm_is_told_the_orderings(load, exchange):
    (ir,) = load.inspect_llvm().values()
    assert re.search(r"load atomic i128, \S+ %\S+ acquire, align 16", ir)
    (ir,) = exchange.inspect_llvm().values()
    assert re.search(r"cmpxchg \S+ %\S+, i128 %\S+, i128 %\S+ acq_rel acquire, align 16", ir)


@native_pairs
@pytest.mark.skipif(not X86, reason="reads x86-64 assembly")
def test_x86_has_one_instruction_and_no_call(load, exchange):
    (text,) = exchange.inspect_asm().values()
    body = text.partition("cpython")[0]
    assert len(re.findall(r"lock\s+cmpxchg16b", body)) == 1
    assert "__sync" not in text
    assert "__atomic" not in text
    (text,) = load.inspect_asm().values()
    body = text.partition("cpython")[0]
    assert "__atomic" not in text
    assert re.search(r"v?movdqa|v?movaps|lock\s+cmpxchg16b", body)


def test_a_processor_without_pairs_is_refused(monkeypatch):
    monkeypatch.setattr(atomics128, "pairs_are_native", lambda: False)
    with pytest.raises(NotMeasurableError, match="positions/mine: needs a 16-byte"):
        atomics128.require_pairs("positions/mine")


def test_a_product_beyond_64_bits_is_divided_exactly():
    kernel = njit("int64(int64, int64, int64)")(lambda a, b, c: divide_product(a, b, c))  # noqa: PLW0108  an intrinsic
    rng = np.random.default_rng(1)
    for _ in range(2_000):
        divisor = int(rng.integers(1, 1 << int(rng.integers(1, 32))))
        a, b = int(rng.integers(0, 1 << int(rng.integers(1, 63)))), int(rng.integers(0, divisor + 1))
        assert kernel(a, b, divisor) == a * b // divisor
