"""Loads and stores of 8 and 64 bits at any address, for layouts without padding.

Words of a block are read and written with `kernels.atomics`, which may assume that they are aligned; a packed layout puts
them anywhere. Compilers need to be told (align 1), or they may use instructions that fault.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_I64, _I8 = ir.IntType(64), ir.IntType(8)


@intrinsic
def load_word(_context: Any, address: Any) -> Any:
    """The 8 bytes at an address, which need not be a multiple of 8."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.load(builder.inttoptr(arguments[0], _I64.as_pointer()), align=1)

    return types.int64(types.int64), generate


@intrinsic
def store_word(_context: Any, address: Any, value: Any) -> Any:
    """Write 8 bytes at an address, which need not be a multiple of 8."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        builder.store(arguments[1], builder.inttoptr(arguments[0], _I64.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def load_byte(_context: Any, address: Any) -> Any:
    """The byte at an address, 0 to 255."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.zext(builder.load(builder.inttoptr(arguments[0], _I8.as_pointer()), align=1), _I64)

    return types.int64(types.int64), generate


@intrinsic
def store_byte(_context: Any, address: Any, value: Any) -> Any:
    """Write the low 8 bits of a word at an address."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        builder.store(builder.trunc(arguments[1], _I8), builder.inttoptr(arguments[0], _I8.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate
