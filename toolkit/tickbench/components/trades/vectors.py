"""Sums over columns in explicit vectors: 4 accumulators of 8 lanes, so that 32 trades are added in independent chains.

    sum_f64(values, blocks)                                  sum of 32 · blocks doubles
    sum_products(values, quantities, blocks)                 sum of double x int64
    sum_i64(values, blocks)                                  sum of int64
    sum_in_window(timestamps, quantities, blocks, from, until)   sum of int64 where from <= timestamp < until

Arguments are addresses with any 8-byte alignment. LLVM splits a vector of 8 into what the CPU has (two of AVX2, four of
SSE2). An addition takes 3 to 4 cycles and two can start in each, so 8 or more of them must be in flight to reach the limit.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES, ACCUMULATORS = 8, 4
BLOCK = LANES * ACCUMULATORS

_F64, _I64 = ir.DoubleType(), ir.IntType(64)
_FLOATS, _WORDS = ir.VectorType(_F64, LANES), ir.VectorType(_I64, LANES)


def _lane(k: int) -> ir.Constant:
    return ir.Constant(ir.IntType(32), k)


def _load(builder: Any, base: Any, index: Any, vector: Any) -> Any:
    place = builder.gep(builder.inttoptr(base, vector.element.as_pointer()), [index])
    return builder.load(builder.bitcast(place, vector.as_pointer()), align=8)


def _splat(builder: Any, scalar: Any) -> Any:
    undefined = ir.Constant(_WORDS, ir.Undefined)
    one = builder.insert_element(undefined, scalar, _lane(0))
    return builder.shuffle_vector(one, undefined, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))


def _plus(builder: Any, a: Any, b: Any) -> Any:
    return builder.fadd(a, b) if a.type in (_FLOATS, _F64) else builder.add(a, b)


def _sum_blocks(builder: Any, blocks: Any, vector: Any, term: Callable[[Any], Any]) -> Any:
    """The loop: `term(index)` is the vector that belongs to trades index … index + 7."""
    zero = ir.Constant(vector, [0] * LANES if vector is _WORDS else [0.0] * LANES)
    sums = [cgutils.alloca_once_value(builder, zero) for _ in range(ACCUMULATORS)]
    with cgutils.for_range(builder, blocks) as loop:
        first = builder.mul(loop.index, ir.Constant(_I64, BLOCK))
        for k, place in enumerate(sums):
            index = builder.add(first, ir.Constant(_I64, LANES * k))
            builder.store(_plus(builder, builder.load(place), term(index)), place)
    a, b, c, d = (builder.load(place) for place in sums)
    total = _plus(builder, _plus(builder, a, b), _plus(builder, c, d))
    result = builder.extract_element(total, _lane(0))
    for k in range(1, LANES):
        result = _plus(builder, result, builder.extract_element(total, _lane(k)))
    return result


@intrinsic
def sum_f64(_context: Any, values: Any, blocks: Any) -> Any:
    """Sum of 32 · blocks doubles."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        values, blocks = arguments
        return _sum_blocks(builder, blocks, _FLOATS, lambda index: _load(builder, values, index, _FLOATS))

    return types.float64(types.int64, types.int64), generate


@intrinsic
def sum_i64(_context: Any, values: Any, blocks: Any) -> Any:
    """Sum of 32 · blocks int64, wrapped."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        values, blocks = arguments
        return _sum_blocks(builder, blocks, _WORDS, lambda index: _load(builder, values, index, _WORDS))

    return types.int64(types.int64, types.int64), generate


@intrinsic
def sum_products(_context: Any, values: Any, quantities: Any, blocks: Any) -> Any:
    """Sum of values[i] · quantities[i] over 32 · blocks pairs of a double and an int64."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        values, quantities, blocks = arguments

        def term(index: Any) -> Any:
            lots = builder.sitofp(_load(builder, quantities, index, _WORDS), _FLOATS)
            return builder.fmul(_load(builder, values, index, _FLOATS), lots)

        return _sum_blocks(builder, blocks, _FLOATS, term)

    return types.float64(types.int64, types.int64, types.int64), generate


@intrinsic
def sum_in_window(_context: Any, timestamps: Any, quantities: Any, blocks: Any, from_ns: Any, until_ns: Any) -> Any:
    """Sum of quantities[i] over 32 · blocks trades, where from_ns <= timestamps[i] < until_ns."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        timestamps, quantities, blocks = arguments[:3]
        from_ns, until_ns = (_splat(builder, one) for one in arguments[3:])

        def term(index: Any) -> Any:
            at_ns = _load(builder, timestamps, index, _WORDS)
            inside = builder.and_(builder.icmp_signed(">=", at_ns, from_ns), builder.icmp_signed("<", at_ns, until_ns))
            # Lanes outside are masked to 0: no lane takes a branch.
            return builder.and_(_load(builder, quantities, index, _WORDS), builder.sext(inside, _WORDS))

        return _sum_blocks(builder, blocks, _WORDS, term)

    return types.int64(types.int64, types.int64, types.int64, types.int64, types.int64), generate
