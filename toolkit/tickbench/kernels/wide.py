"""Arithmetic with a 128-bit intermediate result, which numba's integers do not have."""

from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.extending import intrinsic

from tickbench.kernels import jit

_I64 = ir.IntType(64)
_X86 = jit.machine() in {"x86_64", "AMD64"}

if _X86:
    # The `div` below is inline assembly, which LLVM reads with the parser of the machine's own syntax.
    binding.initialize_native_asmparser()


def _divide_product_x86(builder: Any, a: Any, b: Any, divisor: Any) -> Any:
    """`mul` and `div`: the product stays in rdx:rax. LLVM itself would call a function for a 128-bit division."""
    pair = ir.LiteralStructType([_I64, _I64])
    assembly = "mulq $3\n\tdivq $4"
    function = ir.FunctionType(pair, [_I64, _I64, _I64])
    constraints = "={ax},=&{dx},0,r,r,~{cc},~{flags}"
    code = ir.InlineAsm(function, assembly, constraints, side_effect=False)
    return builder.extract_value(builder.call(code, [a, b, divisor]), 0)


def _divide_product(builder: Any, a: Any, b: Any, divisor: Any) -> Any:
    """By quotient and remainder of `a`: exact as long as b <= divisor < 2^32."""
    quotient, remainder = builder.udiv(a, divisor), builder.urem(a, divisor)
    return builder.add(builder.mul(b, quotient), builder.udiv(builder.mul(b, remainder), divisor))


@intrinsic
def divide_product(_context: Any, a: Any, b: Any, divisor: Any) -> Any:
    """floor(a x b / divisor) for a >= 0 and 0 <= b <= divisor, 0 < divisor < 2^32: no overflow, no branch.

    Outside of that the processor raises an arithmetic exception, or the answer is wrong.
    """

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return (_divide_product_x86 if _X86 else _divide_product)(builder, *arguments)

    return types.int64(types.int64, types.int64, types.int64), generate
