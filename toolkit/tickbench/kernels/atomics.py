"""Ordered atomic operations on the 64-bit words of a block; the ordering is in the name.

`words` is the address of a block (an int64, see `memory`) or a one-dimensional C-contiguous int64 array, `index` counts
words from there. The orderings are those of C11 and LLVM (https://llvm.org/docs/Atomics.html); on x86-64 acquire loads
and release stores are plain moves that the compiler may not reorder, read-modify-writes are lock-prefixed, and only
a seq_cst store or fence drains the store buffer.

    load_{relaxed,acquire,seq_cst}(words, index) -> value
    store_{relaxed,release,seq_cst}(words, index, value)
    exchange_…(words, index, value) -> previous value
    fetch_{add,and,or}_…(words, index, value) -> previous value
    cas_…(words, index, expected, desired) -> previous value; it was exchanged if that equals `expected`
    fence_…()                                  … is one of relaxed, acquire, release, acq_rel, seq_cst

`load_plain` and `store_plain` are for words that one thread owns. A word that other threads may touch at the same time
needs at least `relaxed`, or the compiler may tear, repeat or invent accesses. `pause` is the hint for spin loops.
"""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from tickbench.kernels import chaos, jit

_LLVM_ORDERING = {
    "relaxed": "monotonic",
    "acquire": "acquire",
    "release": "release",
    "acq_rel": "acq_rel",
    "seq_cst": "seq_cst",
}
# A failed compare-exchange stores nothing, so LLVM wants an ordering without a release part for it.
_FAILURE_ORDERING = {**_LLVM_ORDERING, "release": "monotonic", "acq_rel": "acquire"}
_I64 = ir.IntType(64)


def _word_pointer(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Pointer to the word at (words, index), whichever of its two forms `words` has."""
    if isinstance(signature.args[0], types.Array):
        base = cgutils.create_struct_proxy(signature.args[0])(context, builder, arguments[0]).data
    else:
        base = builder.inttoptr(arguments[0], _I64.as_pointer())
    return builder.gep(base, [arguments[1]])


def _accepts(words: Any) -> bool:
    if isinstance(words, types.Array):
        return bool(words.dtype == types.int64 and words.ndim == 1 and words.layout == "C")
    return bool(words == types.int64)


def _word_operation(name: str, operands: int, emit: Callable[[Any, Any, list[Any]], Any], returns: Any) -> Any:
    """An intrinsic `name(words, index, *operands)` whose instruction `emit(builder, pointer, operands)` writes."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        chaos.insert_delay(builder)
        pointer = _word_pointer(context, builder, signature, arguments)
        result = emit(builder, pointer, list(arguments[2:]))
        return context.get_dummy_value() if returns == types.void else result

    def typed(words: Any) -> Any:
        if not _accepts(words):
            return None
        return returns(words, types.int64, *([types.int64] * operands)), generate

    # numba reads the number of parameters from the function, so each count has its own.
    if operands == 0:
        return intrinsic(_named(name, lambda _context, words, index: typed(words)))
    if operands == 1:
        return intrinsic(_named(name, lambda _context, words, index, value: typed(words)))
    return intrinsic(_named(name, lambda _context, words, index, expected, desired: typed(words)))


def _named(name: str, function: Any) -> Any:
    function.__name__ = function.__qualname__ = name
    return function


def _load(ordering: str) -> Any:
    llvm = _LLVM_ORDERING[ordering]
    return _word_operation(f"load_{ordering}", 0, lambda b, p, _: b.load_atomic(p, ordering=llvm, align=8), types.int64)


def _store(ordering: str) -> Any:
    llvm = _LLVM_ORDERING[ordering]
    return _word_operation(f"store_{ordering}", 1, lambda b, p, v: b.store_atomic(v[0], p, ordering=llvm, align=8), types.void)


def _modify(verb: str, operation: str, ordering: str) -> Any:
    llvm = _LLVM_ORDERING[ordering]
    return _word_operation(f"{verb}_{ordering}", 1, lambda b, p, v: b.atomic_rmw(operation, p, v[0], llvm), types.int64)


def _compare_exchange(ordering: str) -> Any:
    success, failure = _LLVM_ORDERING[ordering], _FAILURE_ORDERING[ordering]
    return _word_operation(
        f"cas_{ordering}",
        2,
        lambda b, p, v: b.extract_value(b.cmpxchg(p, v[0], v[1], success, failure), 0),
        types.int64,
    )


def _fence(ordering: str) -> Any:
    def generate(context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        builder.fence(_LLVM_ORDERING[ordering])
        return context.get_dummy_value()

    return intrinsic(_named(f"fence_{ordering}", lambda _context: (types.void(), generate)))


load_plain = _word_operation("load_plain", 0, lambda b, p, _: b.load(p, align=8), types.int64)
load_relaxed, load_acquire, load_seq_cst = (_load(name) for name in ("relaxed", "acquire", "seq_cst"))
store_plain = _word_operation("store_plain", 1, lambda b, p, v: b.store(v[0], p, align=8), types.void)
store_relaxed, store_release, store_seq_cst = (_store(name) for name in ("relaxed", "release", "seq_cst"))

exchange_relaxed, exchange_acquire, exchange_release, exchange_acq_rel, exchange_seq_cst = (
    _modify("exchange", "xchg", name) for name in _LLVM_ORDERING
)
fetch_add_relaxed, fetch_add_acquire, fetch_add_release, fetch_add_acq_rel, fetch_add_seq_cst = (
    _modify("fetch_add", "add", name) for name in _LLVM_ORDERING
)
fetch_and_relaxed, fetch_and_acquire, fetch_and_release, fetch_and_acq_rel, fetch_and_seq_cst = (
    _modify("fetch_and", "and", name) for name in _LLVM_ORDERING
)
fetch_or_relaxed, fetch_or_acquire, fetch_or_release, fetch_or_acq_rel, fetch_or_seq_cst = (
    _modify("fetch_or", "or", name) for name in _LLVM_ORDERING
)
cas_relaxed, cas_acquire, cas_release, cas_acq_rel, cas_seq_cst = (_compare_exchange(name) for name in _LLVM_ORDERING)
fence_acquire, fence_release, fence_acq_rel, fence_seq_cst = (
    _fence(name) for name in ("acquire", "release", "acq_rel", "seq_cst")
)


@intrinsic
def pause(_context: Any) -> Any:
    """Tell the core that this is a spin loop (x86 `pause`; nothing elsewhere)."""

    def generate(context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        if "86" in jit.machine():
            hint = cgutils.get_or_insert_function(builder.module, ir.FunctionType(ir.VoidType(), []), "llvm.x86.sse2.pause")
            builder.call(hint, [])
        return context.get_dummy_value()

    return types.void(), generate
