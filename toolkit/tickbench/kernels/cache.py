"""Where compiled kernels and decoded feeds are kept between processes.

numba's own cache notices a change in the file of a kernel, but not in a function that the kernel calls in another file. A
kernel's folder is therefore named after a hash of everything that it may call: a change there starts an empty folder
instead of measuring stale code. What it may call is fixed by who may import whom:

    tickbench.kernels.*                                           the kernels
    tickbench.probe.*                                             the kernels, the probe page
    tickbench.components.C and tickbench.reference_impls.C        these, what components share, component C
    tickbench.engine.*                                            these, all components, and what _ENGINE lists
    anything else (--impls, tests, the harness)                   these and all components

so that a change in one component leaves the kernels of the others in place. A variant's own file is numba's to watch.
"""

import hashlib
import os
import platform
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import version
from pathlib import Path

from tickbench.kernels import chaos

_PACKAGE = Path(__file__).resolve().parents[1]
_OWNERS = ("tickbench.components.", "tickbench.reference_impls.")  # followed by the name of a component
_ENGINE = tuple(f"engine/{one}" for one in ("compiled", "transport", "digest", "pages", "protocol", "strategy"))
_SHARED = ("component", "shared")  # modules of tickbench.components that are no component


def cache_root() -> Path:
    """The cache folder: TICKBENCH_CACHE_DIR, else $XDG_CACHE_HOME/tickbench, else ~/.cache/tickbench."""
    if chosen := os.environ.get("TICKBENCH_CACHE_DIR"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tickbench"


def kernel_folder(module: str = "") -> Path:
    """Where the kernels of `module` are cached: below NUMBA_CACHE_DIR if the user set it, else below `cache_root`."""
    base = os.environ.get("NUMBA_CACHE_DIR")
    return (Path(base) if base else cache_root() / "kernels") / _code_hash(_callable_from(module))


def _callable_from(module: str) -> tuple[str, ...]:
    """Folders and files, relative to the package, whose code the kernels of `module` may call."""
    if module.startswith("tickbench.kernels."):
        return ("kernels",)
    if module.startswith("tickbench.probe."):
        return ("kernels", "probe")
    if module.startswith("tickbench.engine."):
        return ("kernels", "probe", "components", *_ENGINE)
    for owner in _OWNERS:
        name = module.removeprefix(owner).partition(".")[0]
        if module.startswith(owner) and name not in _SHARED:
            return ("kernels", "probe", *(f"components/{one}" for one in (*_SHARED, name)))
    return ("kernels", "probe", "components")


@cache
def _code_hash(parts: tuple[str, ...]) -> str:
    """Hash of these sources, of numba and of this interpreter (16 hex digits)."""
    digest = hashlib.sha256()
    for path in sorted({path for part in parts for path in _sources(part)}):
        digest.update(str(path.relative_to(_PACKAGE)).encode() + b"\0" + path.read_bytes())
    # Chaos kernels must never be found by a run that measures.
    for fact in (str(chaos.ENABLED), version("numba"), version("llvmlite"), sys.version, platform.machine()):
        digest.update(fact.encode())
    return digest.hexdigest()[:16]


def _sources(part: str) -> Iterator[Path]:
    yield from (_PACKAGE / part).rglob("*.py")
    if (file := _PACKAGE / f"{part}.py").is_file():
        yield file
