"""The only numba options of the project, and function pointers for drivers.

A kernel is compiled when its module is imported (its types are given), cached on disk, runs without the GIL, divides like C
and never checks bounds. A driver is a kernel that takes the operation under test as a function pointer, so that one
compiled driver serves every variant, also a C function (`NativeFunction`), and is found in the cache by every process.
A call through such a pointer costs 1.5 to 3 ns, which the `null` variant of each component shows beside the results.

Numba would look up the addresses of all kernels that are handed over at every call of a driver, which takes some 35 µs: too
long for a harness that calls a driver for half a millisecond at a time. `Driver` looks each of them up once.
"""

import ctypes
import operator
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba import njit, types
from numba.core.dispatcher import Dispatcher
from numba.core.sigutils import normalize_signature
from numba.core.types import WrapperAddressProtocol
from numba.core.typing.templates import Signature

from tickbench.kernels import cache

_kernels: list[Dispatcher] = []


def kernel(signature: str, *, fastmath: bool | set[str] = False, nogil: bool = True) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function for one signature, such as ``"int64(int64, int64)"``; the result can be called from kernels.

    With a ``pointer[…]`` among its arguments it is a `Driver`, which kernels can call as well.

    `fastmath` are LLVM's fast-math flags, such as {"contract"}; without them arithmetic is exactly as written (IEEE 754).
    `nogil=False` is for a kernel of some ns that Python calls: to let go of the GIL there invites other threads to take it.

    >>> @kernel("int64(int64, int64)")
    ... def plus(a, b):
    ...     return a + b
    """

    def compile_kernel(function: Callable[..., Any]) -> Any:
        with _cached_in(cache.kernel_folder(function.__module__)):
            dispatcher = njit(
                signature_of(signature),
                cache=True,
                nogil=nogil,
                error_model="numpy",
                boundscheck=False,
                fastmath=fastmath,
            )(function)
        _kernels.append(dispatcher)
        is_driver = any(isinstance(one, types.FunctionType) for one in dispatcher.nopython_signatures[0].args)
        return Driver(dispatcher) if is_driver else dispatcher

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


def address_of(function: Any, signature: str) -> int:
    """Where a kernel or a `NativeFunction` can be called by the rules of C, for `calls`; the caller keeps it alive.

    TypeError if it is compiled for another signature.
    """
    return int(_callee(function, signature_of(signature)).__wrapper_address__())


class _Addresses:
    """What numba asks a kernel that it is handed for, its two addresses, found once: stands in for the kernel in a call.

    Numba calls a kernel at the second address, which costs less than its C wrapper at the first, only if it is a Dispatcher.
    """

    __class__ = Dispatcher  # type: ignore[assignment]  # what isinstance looks at

    def __init__(self, kernel: Dispatcher, signature: Signature) -> None:
        compiled = kernel.overloads.get(signature.args)
        if compiled is None or compiled.signature.return_type != signature.return_type:
            raise TypeError(
                f"{kernel.py_func.__name__} is compiled for {kernel.nopython_signatures}, the driver calls {signature}"
            )
        self.kernel = kernel  # its code lives as long as this does
        self.library, self.fndesc = self, compiled.fndesc
        lookup = compiled.library.get_pointer_to_function
        self._wrapper = lookup(compiled.fndesc.llvm_cfunc_wrapper_name)
        self._direct = lookup(compiled.fndesc.llvm_func_name)

    def __wrapper_address__(self) -> int:
        return int(self._wrapper)

    def get_compile_result(self, _signature: Signature) -> "_Addresses":
        """Numba asks this for `fndesc.llvm_func_name` and `library.get_pointer_to_function`."""
        return self

    def get_pointer_to_function(self, _name: str) -> int:
        """The address for calls from compiled code."""
        return int(self._direct)


class Driver:
    """A compiled driver that is called from Python without numba's dispatch; everything else is asked of its dispatcher.

    Arguments go to the compiled code as they are, which does not look at their types. So each is converted or checked here:
    integers must be integral, arrays must have the type, dimensions and order of the signature; TypeError if not.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        (compiled,) = dispatcher.overloads.values()
        self._entry_point = compiled.entry_point
        self._converters = [_converter(one) for one in compiled.signature.args]
        self.__name__, self.__doc__ = dispatcher.py_func.__name__, dispatcher.__doc__

    def __call__(self, *arguments: Any) -> Any:
        return self._entry_point(*[convert(one) for convert, one in zip(self._converters, arguments, strict=True)])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dispatcher, name)  # also _numba_type_, by which kernels call it


def _converter(wanted: types.Type) -> Callable[[Any], Any]:
    """What makes an argument of the compiled type `wanted` out of what was passed, or raises TypeError."""
    if isinstance(wanted, types.FunctionType):
        return _pointer_to(wanted.signature)
    if isinstance(wanted, types.Array):
        return _array_of(wanted)
    if isinstance(wanted, types.Integer):
        return operator.index
    if isinstance(wanted, types.Float):
        return float
    raise TypeError(f"a driver takes pointers, arrays and numbers, not {wanted}")


def _pointer_to(signature: Signature) -> Callable[[Any], Any]:
    found: dict[Any, Any] = {}  # by kernel: the same few are handed over again and again

    def convert(argument: Any) -> Any:
        known = found.get(argument)
        if known is None:
            known = found[argument] = _callee(argument, signature)
        return known

    return convert


def _callee(argument: Any, signature: Signature) -> Any:
    if isinstance(argument, Dispatcher):
        return _Addresses(argument, signature)
    if not isinstance(argument, WrapperAddressProtocol):
        raise TypeError(f"a kernel or a NativeFunction was expected for {signature}, got {argument!r}")
    if argument.signature() != signature:
        raise TypeError(f"{argument!r} has the signature {argument.signature()}, the driver calls {signature}")
    return argument


def _array_of(wanted: types.Array) -> Callable[[Any], Any]:
    element, dimensions = np.dtype(str(wanted.dtype)), wanted.ndim

    def convert(argument: Any) -> Any:
        if type(argument) is np.ndarray and argument.dtype == element and argument.ndim == dimensions:
            flags = argument.flags
            if flags.c_contiguous and (flags.writeable or not wanted.mutable):
                return argument
        raise TypeError(f"{wanted} was expected, got {numba.typeof(argument)}")

    return convert


def machine() -> str:
    """The processor architecture that kernels are compiled for, such as x86_64."""
    return platform.machine()


def cache_counts() -> tuple[int, int]:
    """How many kernels this process took from the cache, and how many it had to compile."""
    hits = sum(sum(one.stats.cache_hits.values()) for one in _kernels)
    misses = sum(sum(one.stats.cache_misses.values()) for one in _kernels)
    return hits, misses
