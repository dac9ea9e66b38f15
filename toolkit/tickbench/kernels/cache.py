"""Where compiled kernels and decoded feeds are kept between processes.

numba's own cache notices a change in the file of a kernel, but not in a function that the kernel calls in another file. The
folder is therefore named after a hash of everything that variants may call (kernels, components and their versions): a
change there starts an empty folder instead of measuring stale code. A variant's own file is numba's to watch.
"""

import hashlib
import os
import platform
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path

from tickbench.kernels import chaos

_SHARED_CODE = ("kernels", "components")


def cache_root() -> Path:
    """The cache folder: TICKBENCH_CACHE_DIR, else $XDG_CACHE_HOME/tickbench, else ~/.cache/tickbench."""
    if chosen := os.environ.get("TICKBENCH_CACHE_DIR"):
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "tickbench"


@cache
def shared_code_hash() -> str:
    """Hash of the sources that variants may call, of numba and of this interpreter (16 hex digits)."""
    package = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for folder in _SHARED_CODE:
        for path in sorted((package / folder).rglob("*.py")):
            digest.update(str(path.relative_to(package)).encode() + b"\0" + path.read_bytes())
    # Chaos kernels must never be found by a run that measures.
    for part in (str(chaos.ENABLED), version("numba"), version("llvmlite"), sys.version, platform.machine()):
        digest.update(part.encode())
    return digest.hexdigest()[:16]


def configure() -> None:
    """Point numba at our folder, unless the user chose one. Call before numba is imported: it reads this once."""
    os.environ.setdefault("NUMBA_CACHE_DIR", str(cache_root() / "kernels" / shared_code_hash()))
