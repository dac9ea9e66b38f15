"""Explicit vectors for kernels: 4 or 8 lanes of float64, with operators, so that code reads like its formula.

A vector lives in registers, inside one kernel: it is no array, and it is never passed to Python. 8 lanes are one zmm register
with AVX-512, two ymm with AVX2, four 128-bit registers with NEON: LLVM splits what the machine has not. Arithmetic is IEEE 754
as written, lane by lane; `fma` rounds once. Nothing here is left to an auto-vectoriser.

    load4/load8(address, i)          lanes i, i + 1, … of the doubles at `address` (any alignment of 8 bytes)
    store(vector, address, i)        the other way
    splat4/splat8(x)                 x in each lane; `vector * x` with a float does it by itself
    pack4/pack8(x0, x1, …)           lanes one by one; constants become a constant in memory
    + - * / unary -                  lane by lane
    < <= > >= ==                     a mask; comparisons with NaN are false
    select(mask, a, b)               a where the mask is true, else b
    fma(a, b, c)                     a * b + c, rounded once
    maximum(a, b), minimum(a, b)     b where either is NaN, as `vmaxpd` and `vminpd` do
    absolute(v), square_root(v)
    shift_in(v, before, k)           the lanes of v moved up by the constant k, filled from the last k lanes of `before`
    lane(v, k), spread(v, k)         lane k (a constant) as a number, or in each lane
    sum_lanes(v)                     horizontal sum, by halves

`load1(address, i)` and `store1(x, address, i)` are for one double. Helper functions that take or return vectors are marked
`@inlined` (a `@kernel` has a Python entry, which vectors cannot pass).
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.datamodel import models
from numba.core.imputils import lower_builtin, lower_cast
from numba.core.typeconv import Conversion
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, register_jitable, register_model

LANES = 8  # of the wide vector: one cache line
_F64 = ir.DoubleType()

inlined = register_jitable(inline="never")  # LLVM inlines it: cheaper to compile than numba's own inlining


class VectorType(types.Type):  # type: ignore[misc]  # numba's classes are untyped here
    """The numba type of a vector of `lanes` float64."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        super().__init__(name=f"float64x{lanes}")

    def can_convert_from(self, _typing_context: Any, other: Any) -> Any:
        """A float becomes a vector of itself."""
        return Conversion.safe if isinstance(other, types.Float) else None


class MaskType(types.Type):  # type: ignore[misc]
    """The numba type of the answer to a comparison of vectors: one bit a lane."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        super().__init__(name=f"mask{lanes}")


@register_model(VectorType)
class _VectorModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, vector: VectorType) -> None:
        super().__init__(manager, vector, ir.VectorType(_F64, vector.lanes))


@register_model(MaskType)
class _MaskModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, mask: MaskType) -> None:
        super().__init__(manager, mask, ir.VectorType(ir.IntType(1), mask.lanes))


float64x4, float64x8 = VectorType(4), VectorType(8)


def _lane_numbers(numbers: list[int]) -> ir.Constant:
    return ir.Constant(ir.VectorType(ir.IntType(32), len(numbers)), numbers)


def _i32(number: int) -> ir.Constant:
    return ir.Constant(ir.IntType(32), number)


def _splat(builder: Any, scalar: Any, lanes: int) -> Any:
    vector = ir.VectorType(_F64, lanes)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, _i32(0))
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), _lane_numbers([0] * lanes))


@lower_cast(types.Float, VectorType)
def _float_to_vector(context: Any, builder: Any, source: Any, target: Any, value: Any) -> Any:
    return _splat(builder, context.cast(builder, value, source, types.float64), target.lanes)


def _vector_among(arguments: Any) -> VectorType | None:
    """The vector type of the operands if at least one is a vector and the others are the same or floats."""
    vectors = {one for one in arguments if isinstance(one, VectorType)}
    others = [one for one in arguments if not isinstance(one, VectorType | types.Float)]
    return vectors.pop() if len(vectors) == 1 and not others else None


def _define_operator(operation: Any, operands: int, result: Callable[[VectorType], Any], emit: Callable[..., Any]) -> None:
    """Teach numba an operator on vectors: its type, and the instruction that `emit(builder, *values)` writes."""

    class Template(AbstractTemplate):  # type: ignore[misc]
        def generic(self, arguments: Any, keywords: Any) -> Any:
            vector = _vector_among(arguments)
            if vector is None or len(arguments) != operands or keywords:
                return None
            return signature(result(vector), *([vector] * operands))

    infer_global(operation)(Template)

    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return emit(builder, *values)

    lower_builtin(operation, *([VectorType] * operands))(generate)


def _same(vector: VectorType) -> VectorType:
    return vector


def _mask(vector: VectorType) -> MaskType:
    return MaskType(vector.lanes)


for _each in (operator.add, operator.iadd):
    _define_operator(_each, 2, _same, lambda builder, a, b: builder.fadd(a, b))
for _each in (operator.sub, operator.isub):
    _define_operator(_each, 2, _same, lambda builder, a, b: builder.fsub(a, b))
for _each in (operator.mul, operator.imul):
    _define_operator(_each, 2, _same, lambda builder, a, b: builder.fmul(a, b))
for _each in (operator.truediv, operator.itruediv):
    _define_operator(_each, 2, _same, lambda builder, a, b: builder.fdiv(a, b))
_define_operator(operator.neg, 1, _same, lambda builder, a: builder.fneg(a))
_define_operator(operator.lt, 2, _mask, lambda builder, a, b: builder.fcmp_ordered("<", a, b))
_define_operator(operator.le, 2, _mask, lambda builder, a, b: builder.fcmp_ordered("<=", a, b))
_define_operator(operator.gt, 2, _mask, lambda builder, a, b: builder.fcmp_ordered(">", a, b))
_define_operator(operator.ge, 2, _mask, lambda builder, a, b: builder.fcmp_ordered(">=", a, b))
_define_operator(operator.eq, 2, _mask, lambda builder, a, b: builder.fcmp_ordered("==", a, b))


def _at(builder: Any, address: Any, index: Any, kind: Any) -> Any:
    """Pointer of the given kind to double `index` at the address."""
    return builder.bitcast(builder.gep(builder.inttoptr(address, _F64.as_pointer()), [index]), kind.as_pointer())


def _loader(kind: Any) -> Any:
    """The body of an intrinsic that loads one `kind`, a vector or a float."""

    def generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        address, index = values
        return builder.load(_at(builder, address, index, context.get_value_type(kind)), align=8)

    return kind(types.int64, types.int64), generate


@intrinsic
def load1(_context: Any, address: Any, index: Any) -> Any:
    """Double `index` at the address."""
    return _loader(types.float64)


@intrinsic
def load4(_context: Any, address: Any, index: Any) -> Any:
    """Doubles index … index + 3 at the address."""
    return _loader(float64x4)


@intrinsic
def load8(_context: Any, address: Any, index: Any) -> Any:
    """Doubles index … index + 7 at the address."""
    return _loader(float64x8)


@intrinsic
def store(_context: Any, vector: Any, address: Any, index: Any) -> Any:
    """Write all lanes to the doubles from `index` on at the address."""
    if not isinstance(vector, VectorType):
        return None
    return _storer(vector)


@intrinsic
def store1(_context: Any, number: Any, address: Any, index: Any) -> Any:
    """Write one double."""
    return _storer(types.float64)


def _storer(kind: Any) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        value, address, index = values
        builder.store(value, _at(builder, address, index, value.type), align=8)
        return context.get_dummy_value()

    return types.void(kind, types.int64, types.int64), generate


def _splatter(vector: VectorType) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return _splat(builder, values[0], vector.lanes)

    return vector(types.float64), generate


@intrinsic
def splat4(_context: Any, number: Any) -> Any:
    """The number in each of 4 lanes."""
    return _splatter(float64x4)


@intrinsic
def splat8(_context: Any, number: Any) -> Any:
    """The number in each of 8 lanes."""
    return _splatter(float64x8)


def _packer(vector: VectorType) -> Any:
    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        packed = ir.Constant(ir.VectorType(_F64, vector.lanes), ir.Undefined)
        for position, value in enumerate(values):
            packed = builder.insert_element(packed, value, _i32(position))
        return packed

    return vector(*([types.float64] * vector.lanes)), generate


@intrinsic
def pack4(_context: Any, x0: Any, x1: Any, x2: Any, x3: Any) -> Any:
    """A vector of 4 numbers, x0 in lane 0."""
    return _packer(float64x4)


@intrinsic
def pack8(_context: Any, x0: Any, x1: Any, x2: Any, x3: Any, x4: Any, x5: Any, x6: Any, x7: Any) -> Any:
    """A vector of 8 numbers, x0 in lane 0."""
    return _packer(float64x8)


def _lanewise(name: str, vector: Any, operands: int) -> Any:
    """The body of an intrinsic that is LLVM's function `llvm.<name>` on vectors."""
    if not isinstance(vector, VectorType):
        return None

    def generate(context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        kind = context.get_value_type(vector)
        function = ir.FunctionType(kind, [kind] * operands)
        # declare_intrinsic does not know how overloads on vectors are spelled
        called = cgutils.get_or_insert_function(builder.module, function, f"llvm.{name}.v{vector.lanes}f64")
        return builder.call(called, values)

    return vector(*([vector] * operands)), generate


@intrinsic
def fma(_context: Any, a: Any, b: Any, c: Any) -> Any:
    """The product a * b plus c, rounded once; one or two of the three may be floats."""
    return _lanewise("fma", _vector_among((a, b, c)), 3)


@intrinsic
def absolute(_context: Any, vector: Any) -> Any:
    """Each lane without its sign."""
    return _lanewise("fabs", vector, 1)


@intrinsic
def square_root(_context: Any, vector: Any) -> Any:
    """Square root of each lane, correctly rounded; NaN for negative ones."""
    return _lanewise("sqrt", vector, 1)


def _chooser(vector: Any, comparison: str) -> Any:
    if vector is None:
        return None

    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        a, b = values
        return builder.select(builder.fcmp_ordered(comparison, a, b), a, b)

    return vector(vector, vector), generate


@intrinsic
def maximum(_context: Any, a: Any, b: Any) -> Any:
    """The greater one of each lane; b where either is NaN."""
    return _chooser(_vector_among((a, b)), ">")


@intrinsic
def minimum(_context: Any, a: Any, b: Any) -> Any:
    """The lesser one of each lane; b where either is NaN."""
    return _chooser(_vector_among((a, b)), "<")


@intrinsic
def select(_context: Any, mask: Any, a: Any, b: Any) -> Any:
    """The lanes of a where the mask is true, those of b elsewhere."""
    vector = _vector_among((a, b))
    if vector is None or not isinstance(mask, MaskType) or mask.lanes != vector.lanes:
        return None

    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.select(*values)

    return vector(mask, vector, vector), generate


def _constant_lane(vector: Any, k: Any, most: int) -> int | None:
    """The value of a constant lane number in 0 … most, None where it is none."""
    fits = isinstance(vector, VectorType) and isinstance(k, types.IntegerLiteral) and 0 <= k.literal_value <= most
    return int(k.literal_value) if fits else None


@intrinsic(prefer_literal=True)
def shift_in(_context: Any, vector: Any, before: Any, k: Any) -> Any:
    """Lane j of the answer is lane j - k of `vector`, or, for j < k, lane `lanes` - k + j of `before`."""
    lanes = getattr(vector, "lanes", 0)
    by = _constant_lane(vector, k, lanes)
    if by is None or _vector_among((vector, before)) is None:
        return None

    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        moved, filler, _ = values
        return builder.shuffle_vector(filler, moved, _lane_numbers(list(range(lanes - by, 2 * lanes - by))))

    return vector(vector, vector, k), generate


@intrinsic(prefer_literal=True)
def lane(_context: Any, vector: Any, k: Any) -> Any:
    """Lane k as a float."""
    number = _constant_lane(vector, k, getattr(vector, "lanes", 0) - 1)
    if number is None:
        return None

    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.extract_element(values[0], _i32(number))

    return types.float64(vector, k), generate


@intrinsic(prefer_literal=True)
def spread(_context: Any, vector: Any, k: Any) -> Any:
    """A vector with lane k in each lane."""
    number = _constant_lane(vector, k, getattr(vector, "lanes", 0) - 1)
    if number is None:
        return None

    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.shuffle_vector(values[0], values[0], _lane_numbers([number] * vector.lanes))

    return vector(vector, k), generate


@intrinsic
def sum_lanes(_context: Any, vector: Any) -> Any:
    """The sum of all lanes: halves are added until one lane is left."""
    if not isinstance(vector, VectorType):
        return None

    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        total, lanes = values[0], vector.lanes
        while lanes > 1:
            lanes //= 2
            low, high = _lane_numbers(list(range(lanes))), _lane_numbers(list(range(lanes, 2 * lanes)))
            total = builder.fadd(builder.shuffle_vector(total, total, low), builder.shuffle_vector(total, total, high))
        return builder.extract_element(total, _i32(0))

    return types.float64(vector), generate
