"""Compiles the loops with numba, each variant with options of its own.

Two of the options are numba's for a whole process: the optimisation level (NUMBA_OPT) and the CPU (NUMBA_CPU_NAME). They are
read when numba makes its code generator, long before a variant is imported. So each compilation here gets a code generator
made under its own settings; numba's settings and its own generator are put back before anyone else can compile. Nothing is
cached on disk: numba's cache does not know the optimisation level.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba import config, njit
from numba.core import codegen
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target

from tickbench.components.compiler import contract, numba_loops
from tickbench.kernels.jit import signature_of


def compiled_loops(
    *, level: int = 3, cpu: str | None = None, fastmath: bool = False, boundscheck: bool = False
) -> contract.Loops:
    """The loops as numba compiles them; `level` 0 to 3, `cpu` an LLVM name, None for this machine's with all its features."""

    def find(name: str) -> Any:
        compile_loop = njit(
            signature_of(contract.LOOP), nogil=True, error_model="numpy", fastmath=fastmath, boundscheck=boundscheck
        )
        with _code_generator(level, cpu):
            return compile_loop(getattr(numba_loops, name))

    return contract.Loops(find)


@contextmanager
def _code_generator(level: int, cpu: str | None) -> Iterator[None]:
    """Let numba compile with a code generator of its own, under its compiler lock: no other thread compiles meanwhile."""
    features = None if cpu is None else ""  # of the CPU of that name, and no more
    settings = {"OPT": config._OptLevel(level), "CPU_NAME": cpu, "CPU_FEATURES": features}
    context = cpu_target.target_context
    with global_compiler_lock:
        kept_settings = {name: getattr(config, name) for name in settings}
        kept_generator = context._internal_codegen
        try:
            _set(config, settings)
            context._internal_codegen = codegen.JITCPUCodegen("tickbench.compiler")
            yield
        finally:
            context._internal_codegen = kept_generator
            _set(config, kept_settings)


def _set(target: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(target, name, value)
