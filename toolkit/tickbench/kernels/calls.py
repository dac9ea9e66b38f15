"""Calls through addresses that lie in memory: how a kernel reaches functions that were chosen when the process started.

A driver takes pointers as arguments, which costs Python some µs a call to hand over; a kernel that Python calls for every
message keeps the addresses (`jit.address_of`) in its block instead. Arguments are int64, or float64 where a float is given;
the result is int64. A call costs 2 to 3 ns, as through a pointer.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

_I64, _F64 = ir.IntType(64), ir.DoubleType()


def _call(arguments: tuple[Any, ...]) -> Any:
    """Type and code of a call: the first argument is the address, the others are handed over."""
    kinds = [types.float64 if isinstance(one, types.Float) else types.int64 for one in arguments[1:]]

    def generate(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        native = ir.FunctionType(_I64, [_F64 if kind == types.float64 else _I64 for kind in kinds])
        return builder.call(builder.inttoptr(values[0], native.as_pointer()), values[1:])

    return types.int64(types.int64, *kinds), generate


@intrinsic
def call_2(_context: Any, address: Any, a: Any, b: Any) -> Any:
    """Call the function at an address with two arguments."""
    return _call((address, a, b))


@intrinsic
def call_3(_context: Any, address: Any, a: Any, b: Any, c: Any) -> Any:
    """As `call_2`, with three."""
    return _call((address, a, b, c))


@intrinsic
def call_4(_context: Any, address: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
    """As `call_2`, with four."""
    return _call((address, a, b, c, d))


@intrinsic
def call_5(_context: Any, address: Any, a: Any, b: Any, c: Any, d: Any, e: Any) -> Any:
    """As `call_2`, with five."""
    return _call((address, a, b, c, d, e))


@intrinsic
def call_6(_context: Any, address: Any, a: Any, b: Any, c: Any, d: Any, e: Any, f: Any) -> Any:
    """As `call_2`, with six."""
    return _call((address, a, b, c, d, e, f))
