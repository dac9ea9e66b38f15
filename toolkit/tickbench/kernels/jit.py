"""The only numba options of the project, and function pointers for drivers.

A kernel is compiled when its module is imported (its types are given), cached on disk, runs without the GIL, divides like C
and never checks bounds. A driver is a kernel that takes the operation under test as a function pointer, so that one
compiled driver serves every variant, also a C function (`NativeFunction`), and is found in the cache by every process.
A call through such a pointer costs 1.5 to 3 ns, which the `null` variant of each component shows beside the results.
"""

import ctypes
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numba
from numba import njit, types
from numba.core.dispatcher import Dispatcher
from numba.core.sigutils import normalize_signature
from numba.core.types import WrapperAddressProtocol
from numba.core.typing.templates import Signature

from tickbench.kernels import cache

_kernels: list[Dispatcher] = []


def kernel(signature: str, *, fastmath: bool | set[str] = False) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function for one signature, such as ``"int64(int64, int64)"``; the result can be called from kernels.

    `fastmath` are LLVM's fast-math flags, such as {"contract"}; without them arithmetic is exactly as written (IEEE 754).

    >>> @kernel("int64(int64, int64)")
    ... def plus(a, b):
    ...     return a + b
    """

    def compile_kernel(function: Callable[..., Any]) -> Any:
        with _cached_in(cache.kernel_folder(function.__module__)):
            dispatcher = njit(
                signature_of(signature),
                cache=True,
                nogil=True,
                error_model="numpy",
                boundscheck=False,
                fastmath=fastmath,
            )(function)
        _kernels.append(dispatcher)
        return dispatcher

    return compile_kernel


@contextmanager
def _cached_in(folder: Path) -> Iterator[None]:
    """numba looks for its cache folder when a function is decorated: this is the one that it finds."""
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(folder)
    try:
        yield
    finally:
        numba.config.CACHE_DIR = before


def signature_of(text: str) -> Signature:
    """Parse a signature.

    ``pointer[int64(int64)]`` is a pointer to such a function, ``readonly(int64)`` a contiguous array that is not writable.
    """
    arguments, result = normalize_signature(eval(text, _Names()))
    return result(*arguments)


class _Names(dict[str, Any]):
    """Names that may stand in a signature: numba's types and `pointer[…]`."""

    def __missing__(self, name: str) -> Any:
        if name == "pointer":
            return _Pointer()
        return _readonly if name == "readonly" else getattr(types, name)


def _readonly(element: types.Type) -> types.Array:
    return types.Array(element, 1, "C", readonly=True)


class _Pointer:
    def __getitem__(self, signature: Signature) -> types.FunctionType:
        return types.FunctionType(signature)


class NativeFunction(WrapperAddressProtocol):
    """A C function for a driver: the symbol of a loaded library, with the signature that the driver expects.

    The library must stay loaded for as long as the function is used; this object keeps it so.
    """

    def __init__(self, library: ctypes.CDLL, symbol: str, signature: str) -> None:
        self._library = library
        self._address = ctypes.cast(getattr(library, symbol), ctypes.c_void_p).value or 0
        self._signature = signature_of(signature)
        self.__name__ = symbol

    def __wrapper_address__(self) -> int:
        return self._address

    def signature(self) -> Signature:
        """The numba signature under which drivers call it."""
        return self._signature


def machine() -> str:
    """The processor architecture that kernels are compiled for, such as x86_64."""
    return platform.machine()


def cache_counts() -> tuple[int, int]:
    """How many kernels this process took from the cache, and how many it had to compile."""
    hits = sum(sum(one.stats.cache_hits.values()) for one in _kernels)
    misses = sum(sum(one.stats.cache_misses.values()) for one in _kernels)
    return hits, misses
