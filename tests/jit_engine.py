"""A process with compiled kernels of all kinds: `jit_engine.py CACHE` prints its pid, and compiles one more at a line."""

import os
import sys

import numba
import numpy as np

numba.config.CACHE_DIR = sys.argv[1]


@numba.njit("int64(int64)", cache=True)
def from_the_cache(n):
    total = 0
    for i in range(n):
        total += i ^ (total << 1)
    return total


@numba.njit
def overloaded(values):
    total = values[0]
    for one in values:
        total += one * total
    return total


@numba.njit(inline="never")
def small_callee(x):
    return x * x + 1


@numba.njit("int64(int64)", nogil=True)
def hot_caller(n):
    total = 0
    for i in range(n):
        total ^= small_callee(i) + (total << 1)
    return total


def late():
    @numba.njit("float64(float64)")
    def compiled_after(x):
        return x * 3.0 + 1.0

    return compiled_after


if __name__ == "__main__":
    from_the_cache(3)
    overloaded(np.arange(3))
    overloaded(np.arange(3.0))
    hot_caller(10)
    print(os.getpid(), flush=True)
    sys.stdin.readline()
    kept = late()
    print("compiled", flush=True)
    sys.stdin.readline()
