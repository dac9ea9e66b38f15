"""Atomic operations on pairs of words: 16 bytes in one load or one compare-exchange.

`words` is the address of a block, `index` counts words from there and must be even: a pair is aligned to 16 bytes. A pair is
(low, high), the words at index and index + 1.

    load_acquire_pair(words, index) -> (low, high), both of one moment
    cas_acq_rel_pair(words, index, low, high, new_low, new_high) -> (exchanged, low, high), the pair that was there

On x86-64 the exchange is one `lock cmpxchg16b`. The load is one 16-byte move where the processor has AVX: both makers promise
that it is atomic then (Intel SDM 3A, 9.1.1; AMD APM 2, 7.3.2). Without AVX, LLVM loads by a compare-exchange, which takes the
line for writing. On aarch64 LLVM emits `casp` or an exclusive pair. A processor without `cmpxchg16b` would get a call of
libatomic, which locks: `require_pairs` refuses it.
"""

from functools import lru_cache
from typing import Any

from llvmlite import binding, ir
from numba import types
from numba.extending import intrinsic

from tickbench.errors import NotMeasurableError
from tickbench.kernels import chaos, jit

_I64, _I128 = ir.IntType(64), ir.IntType(128)
_PAIR_BYTES = 16


@lru_cache(maxsize=1)
def pairs_are_native() -> bool:
    """Whether this processor exchanges 16 bytes in one instruction."""
    machine = jit.machine()
    if machine in {"x86_64", "AMD64"}:
        return bool(binding.get_host_cpu_features().get("cx16"))
    return machine in {"aarch64", "arm64"}


def require_pairs(who: str) -> None:
    """Raise NotMeasurableError in the name of `who` where the processor cannot exchange 16 bytes at once."""
    if not pairs_are_native():
        raise NotMeasurableError(f"{who}: needs a 16-byte compare-exchange: this {jit.machine()} processor has none (cx16)")


def _pointer(builder: Any, words: Any, index: Any) -> Any:
    address = builder.add(words, builder.mul(index, ir.Constant(_I64, 8)))
    return builder.inttoptr(address, _I128.as_pointer())


def _join(builder: Any, low: Any, high: Any) -> Any:
    above = builder.shl(builder.zext(high, _I128), ir.Constant(_I128, 64))
    return builder.or_(above, builder.zext(low, _I128))


def _split(builder: Any, pair: Any) -> tuple[Any, Any]:
    return builder.trunc(pair, _I64), builder.trunc(builder.lshr(pair, ir.Constant(_I128, 64)), _I64)


@intrinsic
def load_acquire_pair(_context: Any, words: Any, index: Any) -> Any:
    """Both words of a pair as they were at one moment."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        chaos.insert_delay(builder)
        pair = builder.load_atomic(_pointer(builder, *arguments), ordering="acquire", align=_PAIR_BYTES)
        return context.make_tuple(builder, signature.return_type, _split(builder, pair))

    return types.UniTuple(types.int64, 2)(types.int64, types.int64), generate


@intrinsic
def cas_acq_rel_pair(_context: Any, words: Any, index: Any, low: Any, high: Any, new_low: Any, new_high: Any) -> Any:
    """Put a new pair in the place of (low, high); `exchanged` is 1 if it was there, 0 if not and nothing was stored."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        chaos.insert_delay(builder)
        expected, desired = _join(builder, *arguments[2:4]), _join(builder, *arguments[4:6])
        answer = builder.cmpxchg(_pointer(builder, *arguments[:2]), expected, desired, "acq_rel", "acquire")
        exchanged = builder.zext(builder.extract_value(answer, 1), _I64)
        before = _split(builder, builder.extract_value(answer, 0))
        return context.make_tuple(builder, signature.return_type, (exchanged, *before))

    return types.UniTuple(types.int64, 3)(*[types.int64] * 6), generate
