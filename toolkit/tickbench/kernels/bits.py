"""Bit counting and word packing on int64, where numba has no function for it."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


@intrinsic
def leading_zeros(_context: Any, word: Any) -> Any:
    """Zero bits above the highest one bit of a 64-bit word; 64 for 0 (one `lzcnt` or `bsr`)."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctlz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.int64), generate


@intrinsic
def trailing_zeros(_context: Any, word: Any) -> Any:
    """Zero bits below the lowest one bit of a 64-bit word; 64 for 0 (one `tzcnt` or `bsf`)."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.int64), generate


@intrinsic
def shift_right_unsigned(_context: Any, word: Any, bits: Any) -> Any:
    """`word >> bits` that shifts zeros in, whatever the sign of the int64; 0 <= bits < 64."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.lshr(arguments[0], arguments[1])

    return types.int64(types.int64, types.int64), generate
