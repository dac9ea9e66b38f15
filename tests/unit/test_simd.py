"""Vectors compute what their formulas say, lane by lane, and become packed instructions for AVX-512 and for AVX2."""

import re

import llvmlite.binding as llvm
import numpy as np
import pytest
from numba import njit
from numba.core.errors import TypingError

from tickbench.kernels import jit, simd
from tickbench.kernels.simd import (
    absolute,
    fma,
    lane,
    load1,
    load4,
    load8,
    maximum,
    minimum,
    pack4,
    pack8,
    select,
    shift_in,
    splat4,
    splat8,
    spread,
    square_root,
    store,
    store1,
    sum_lanes,
)

X86 = jit.machine() in {"x86_64", "AMD64"}
SIGNATURE = "int64(int64, int64, int64)"
A = np.array([1.5, -2.0, np.nan, 4.0, 0.1, -0.0, 1e300, 7.0])
B = np.array([3.0, -2.0, 1.0, np.nan, 0.2, 0.0, 1e300, -7.0])


@njit(SIGNATURE)
def everything8(a, b, out):
    x, y, row = load8(a, 0), load8(b, 0), 0
    store(x + y, out, 0)
    store(x - y, out, 8)
    store(x * y, out, 16)
    store(x / y, out, 24)
    store(-x, out, 32)
    store(fma(x, y, 0.5), out, 40)
    store(maximum(x, y), out, 48)
    store(minimum(x, y), out, 56)
    store(absolute(x), out, 64)
    store(square_root(absolute(x)), out, 72)
    store(select(x < y, x, splat8(9.0)), out, 80)
    store(select(x >= y, 1.0 - x, y * 2.0), out, 88)
    store(shift_in(x, y, 3), out, 96)
    store(spread(y, 6), out, 104)
    x += y
    store(x, out, 112)
    store1(sum_lanes(pack8(1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0)), out, 120)
    store1(lane(y, 1), out, 121)
    return row


@njit(SIGNATURE)
def everything4(a, b, out):
    x, y = load4(a, 3), load4(b, 3)
    store(select(x == y, x, y), out, 0)
    store(shift_in(x, y, 1), out, 4)
    store(select(x <= y, splat4(1.0), select(x > y, splat4(2.0), splat4(3.0))), out, 8)
    store(pack4(load1(a, 0), 2.0, sum_lanes(load4(b, 4)), lane(x, 0)), out, 12)
    return 0


def run(kernel, values):
    out = np.full(values, -1.0)
    kernel(A.ctypes.data, B.ctypes.data, out.ctypes.data)
    return out


def test_eight_lanes_compute_what_the_formulas_say():
    with np.errstate(invalid="ignore", over="ignore"):
        expected = [
            A + B,
            A - B,
            A * B,
            A / B,
            -A,
            A * B + 0.5,
            np.where(A > B, A, B),  # as vmaxpd: the second where either is NaN
            np.where(A < B, A, B),
            np.abs(A),
            np.sqrt(np.abs(A)),
            np.where(A < B, A, 9.0),
            np.where(A >= B, 1 - A, B * 2),
            np.concatenate([B[5:], A[:5]]),
            np.full(8, B[6]),
            A + B,
        ]
    out = run(everything8, 122)
    np.testing.assert_array_equal(out[:120], np.concatenate(expected))
    assert out[120:].tolist() == [36.0, -2.0]


def test_four_lanes_compute_what_the_formulas_say():
    a, b = A[3:7], B[3:7]
    expected = [
        np.where(a == b, a, b),
        np.array([b[3], *a[:3]]),
        np.where(a <= b, 1.0, np.where(a > b, 2.0, 3.0)),
        np.array([A[0], 2.0, B[4:].sum(), a[0]]),
    ]
    np.testing.assert_array_equal(run(everything4, 16), np.concatenate(expected))


def test_fma_rounds_once():
    @njit(SIGNATURE)
    def fused(a, _b, out):
        x = load4(a, 0)
        store(fma(x, x, -1.0), out, 0)
        return 0

    tiny = 2.0**-30
    a, out = np.full(4, 1 + tiny), np.zeros(4)
    fused(a.ctypes.data, 0, out.ctypes.data)
    assert out[0] == 2 * tiny + tiny * tiny  # the square alone would lose its last term


def test_vectors_of_different_width_and_variable_lanes_are_refused():
    with pytest.raises(TypingError):
        njit("int64(int64)")(lambda a: store(load8(a, 0) + load4(a, 0), a, 0))
    with pytest.raises(TypingError):
        njit("int64(int64, int64)")(lambda a, k: store1(lane(load8(a, 0), k), a, 0))


def test_a_helper_takes_and_returns_vectors():
    @simd.inlined
    def doubled(pair):
        return pair[1] * 2.0, pair[0]

    @njit(SIGNATURE)
    def kernel(a, b, out):
        pair = load8(a, 0), load8(b, 0)
        for _ in range(3):
            pair = doubled(pair)
        store(pair[0], out, 0)
        return 0

    np.testing.assert_array_equal(run(kernel, 8), B * 4.0)


@njit(SIGNATURE)
def polynomial(values, n, out):
    before = splat8(0.0)
    for i in range(0, n - 7, 8):
        x = load8(values, i)
        y = fma(x, x, shift_in(x, before, 1)) / absolute(x)
        store(select(y < 1.0, x, square_root(y)), out, i)
        before = x
    return n


def assembly(kernel, cpu):
    """The kernel's optimised code as that processor would get it."""
    module = llvm.parse_assembly(next(iter(kernel.inspect_llvm().values())))
    target = llvm.Target.from_triple("x86_64-unknown-linux-gnu")
    return target.create_target_machine(cpu=cpu, opt=3).emit_assembly(module)


@pytest.mark.skipif(not X86, reason="reads x86-64 assembly")
@pytest.mark.parametrize(("cpu", "register"), [("znver4", "zmm"), ("haswell", "ymm"), ("skylake-avx512", "zmm")])
def test_eight_lanes_become_the_widest_packed_instructions(cpu, register):
    code = assembly(polynomial, cpu)
    for instruction in (r"vfmadd\d+pd", "vdivpd", "vsqrtpd", "vmovup[ds]"):
        assert re.search(rf"\s{instruction}\s.*%{register}\d+", code), f"{instruction} on {register}"
    assert register == "zmm" or "zmm" not in code
    assert not re.search(r"\bv(add|sub|mul|div|sqrt|fmadd\d+)sd\b", code), "a lane was computed alone"
    assert not re.search(r"\bcall\w*\s+\S*(fma|sqrt)", code), "a vector function was not lowered"


@pytest.mark.skipif(not X86, reason="reads x86-64 assembly")
def test_no_vector_goes_through_memory_in_the_loop():
    loop = assembly(polynomial, "haswell")
    spills = [line for line in loop.splitlines() if re.search(r"vmov\w+\s+%ymm\d+, -?\d*\(%r[sb]p\)", line)]
    assert not spills, spills
