"""Stream compaction: the positions of the doubles above a threshold, as int32 in ascending order, without a branch an element.

    positions_above(values, n, threshold, base, out) -> how many; out[k] = base + position, k = 0, 1, …

`values` and `out` are addresses; NaN is never above anything. `out` needs room for n numbers and nothing behind it is
written: a block of lanes is stored whole at the count so far, which is at most the number of elements before that block.

Two ways, which agree bit by bit:
    compress   16 lanes: LLVM's vector.compress, one `vpcompressd` with AVX-512. Into a register and then stored: the form
               that stores by itself is microcoded on AMD Zen 4, some 140 cycles (https://uops.info, VPCOMPRESSD).
    table      8 lanes: the mask picks a row of lane numbers; row + base is stored. For AVX2, SSE2 and everything else.
`positions_above` is the first where the compiled-for CPU has it in hardware, else the second.
"""

from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from tickbench.kernels.jit import kernel

POSITIONS_ABOVE = "int64(int64, int64, float64, int64, int64)"  # (values, n, threshold, base, out) -> positions written

_F64, _I64, _I32, _I8 = ir.DoubleType(), ir.IntType(64), ir.IntType(32), ir.IntType(8)
_COMPRESS_LANES, _TABLE_LANES = 16, 8


def _pointer(builder: Any, address: Any, element: Any, index: Any) -> Any:
    return builder.gep(builder.inttoptr(address, element.as_pointer()), [index])


@intrinsic
def ones(_context: Any, word: Any) -> Any:
    """How many bits of a 64-bit word are set (one `popcnt`)."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.int64), generate


@intrinsic
def load_f64(_context: Any, base: Any, index: Any) -> Any:
    """The double number `index` from address `base`, a plain load."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.load(_pointer(builder, arguments[0], _F64, arguments[1]), align=8)

    return types.float64(types.int64, types.int64), generate


@intrinsic
def load_i32(_context: Any, base: Any, index: Any) -> Any:
    """The int32 number `index` from address `base`, sign-extended, a plain load."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.sext(builder.load(_pointer(builder, arguments[0], _I32, arguments[1]), align=4), _I64)

    return types.int64(types.int64, types.int64), generate


@intrinsic
def store_i32(context: Any, base: Any, index: Any, value: Any) -> Any:
    """Store the low 32 bits of `value` as number `index` from address `base`, a plain store."""

    def generate(target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        low = builder.trunc(arguments[2], _I32)
        builder.store(low, _pointer(builder, arguments[0], _I32, arguments[1]), align=4)
        return target.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


def _splat(builder: Any, scalar: Any, lanes: int) -> Any:
    vector = ir.VectorType(scalar.type, lanes)
    one = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, ir.Constant(_I32, 0))
    return builder.shuffle_vector(one, ir.Constant(vector, ir.Undefined), ir.Constant(ir.VectorType(_I32, lanes), [0] * lanes))


def _above_mask(name: str, lanes: int) -> Any:
    """An intrinsic (values, index, threshold) -> int64 with bit k set where values[index + k] > threshold."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        values, index, threshold = arguments
        place = _pointer(builder, values, _F64, index)
        vector = builder.load(builder.bitcast(place, ir.VectorType(_F64, lanes).as_pointer()), align=8)
        above = builder.fcmp_ordered(">", vector, _splat(builder, threshold, lanes))  # ordered: false for NaN
        return builder.zext(builder.bitcast(above, ir.IntType(lanes)), _I64)

    def typed(_context: Any, values: Any, index: Any, threshold: Any) -> Any:
        return types.int64(types.int64, types.int64, types.float64), generate

    typed.__name__ = typed.__qualname__ = name
    return intrinsic(typed)


_above_mask_16 = _above_mask("_above_mask_16", _COMPRESS_LANES)
_above_mask_8 = _above_mask("_above_mask_8", _TABLE_LANES)


def _store_whole(builder: Any, vector: Any, out: Any, at: Any) -> None:
    place = _pointer(builder, out, _I32, at)
    builder.store(vector, builder.bitcast(place, vector.type.as_pointer()), align=4)


@intrinsic
def _store_compressed(_context: Any, out: Any, at: Any, base: Any, mask: Any) -> Any:
    """Store base + k for the bits k of a 16-bit mask at out[at], …; the rest of the 16 places gets anything."""

    def generate(target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        out, at, base, mask = arguments
        numbers = ir.VectorType(_I32, _COMPRESS_LANES)
        flags = ir.VectorType(ir.IntType(1), _COMPRESS_LANES)
        lanes = builder.add(
            _splat(builder, builder.trunc(base, _I32), _COMPRESS_LANES), ir.Constant(numbers, list(range(_COMPRESS_LANES)))
        )
        compress = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(numbers, [numbers, flags, numbers]), "llvm.experimental.vector.compress.v16i32"
        )
        chosen = builder.bitcast(builder.trunc(mask, ir.IntType(_COMPRESS_LANES)), flags)
        _store_whole(builder, builder.call(compress, [lanes, chosen, ir.Constant(numbers, ir.Undefined)]), out, at)
        return target.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64, types.int64), generate


def lane_table() -> NDArray[np.uint8]:
    """Row m holds the numbers of the bits set in m, ascending, then zeros: uint8 [256, 8], 2 KiB."""
    table = np.zeros((1 << _TABLE_LANES, _TABLE_LANES), dtype=np.uint8)
    for mask, row in enumerate(table):
        lanes = [k for k in range(_TABLE_LANES) if mask >> k & 1]
        row[: len(lanes)] = lanes
    return table


@intrinsic
def _store_by_table(_context: Any, out: Any, at: Any, base: Any, mask: Any) -> Any:
    """As _store_compressed, for 8 bits and 8 places, with the lane numbers of a table."""

    def generate(target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        out, at, base, mask = arguments
        rows = ir.ArrayType(ir.VectorType(_I8, _TABLE_LANES), 1 << _TABLE_LANES)
        content = ir.Constant(rows, [ir.Constant(rows.element, row.tolist()) for row in lane_table()])
        table = cgutils.global_constant(builder.module, "tickbench_lane_table", content)
        row = builder.load(builder.gep(table, [ir.Constant(_I64, 0), mask]), align=8)
        lanes = builder.zext(row, ir.VectorType(_I32, _TABLE_LANES))
        _store_whole(builder, builder.add(lanes, _splat(builder, builder.trunc(base, _I32), _TABLE_LANES)), out, at)
        return target.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64, types.int64), generate


@kernel("int64(int64, int64, int64, float64, int64, int64, int64)")
def _rest(values, done, n, threshold, base, out, count):
    """The elements after the last whole block, one by one: store always, count if it is above."""
    for i in range(done, n):
        store_i32(out, count, base + i)
        count += load_f64(values, i) > threshold
    return count


@kernel(POSITIONS_ABOVE)
def positions_above_compress(values, n, threshold, base, out):
    """`positions_above`, 16 lanes at a time with vector.compress."""
    count = 0
    whole = n - n % _COMPRESS_LANES
    for i in range(0, whole, _COMPRESS_LANES):
        mask = _above_mask_16(values, i, threshold)
        _store_compressed(out, count, base + i, mask)
        count += ones(mask)
    return _rest(values, whole, n, threshold, base, out, count)


@kernel(POSITIONS_ABOVE)
def positions_above_table(values, n, threshold, base, out):
    """`positions_above`, 8 lanes at a time with a table of lane numbers."""
    count = 0
    whole = n - n % _TABLE_LANES
    for i in range(0, whole, _TABLE_LANES):
        mask = _above_mask_8(values, i, threshold)
        _store_by_table(out, count, base + i, mask)
        count += ones(mask)
    return _rest(values, whole, n, threshold, base, out, count)


def has_compress() -> bool:
    """Whether kernels are compiled for a CPU with AVX-512 (F, for `vpcompressd`), NUMBA_CPU_NAME and _FEATURES respected."""
    features = numba.config.CPU_FEATURES
    if features is None:
        if numba.config.CPU_NAME not in (None, "", "host"):
            return False  # another CPU than this one was asked for: its features are not known here
        return bool(llvm.get_host_cpu_features().get("avx512f", False))
    return "+avx512f" in features.split(",")


positions_above = positions_above_compress if has_compress() else positions_above_table
