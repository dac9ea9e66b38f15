"""Builds the C loops with the system compiler: two translation units, any flags, with or without a profile.

The compiler is $CC (a command, such as `clang` or `ccache gcc`), else `cc`. Each library is built once and kept below the cache
folder, named after a hash of everything that it depends on: sources, flags, what the compiler calls itself, the CPU (for
-march=native). It is built in a folder of its own that is renamed when it is complete, so that processes that build
the same at once do not see each other's halves: the first one wins, the others throw theirs away.
"""

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tickbench.components.compiler import contract
from tickbench.components.compiler.profile import collect_profile, training_hash
from tickbench.errors import InputError, NotMeasurableError
from tickbench.kernels.cache import cache_root
from tickbench.kernels.jit import NativeFunction

SOURCES = Path(__file__).with_name("c")
UNITS = ("loops.c", "operations.c")  # the loops call into the second unit
FORCED_INLINE = "-DOPERATIONS=static inline __attribute__((always_inline))"
_ALWAYS = ("-std=gnu11", "-Wall", "-fPIC")
_LIBRARY = "loops.so"
_COMMANDS = "commands.txt"  # how it was built, for whoever looks into the cache
_TIMEOUT_S = 120
_ERROR_LINES = 6


@dataclass(frozen=True)
class Compiler:
    """A C compiler: its command, and the first line of what it says about its version."""

    command: tuple[str, ...]
    version: str

    @property
    def is_clang(self) -> bool:
        """Whether profiles are LLVM's."""
        return "clang" in self.version


def find_compiler() -> Compiler:
    """$CC, else cc; raises NotMeasurableError where there is none."""
    command = tuple(shlex.split(os.environ.get("CC", "")))
    program = shutil.which(command[0] if command else "cc")
    if program is None:
        missing = f"CC is {command[0]!r}, which is not on PATH" if command else "no C compiler found"
        raise NotMeasurableError(f"not measured: {missing}: install one (Debian: apt-get install gcc) or set CC")
    return Compiler((program, *command[1:]), _version((program, *command[1:])))


@cache
def _version(command: tuple[str, ...]) -> str:
    return _run([*command, "--version"]).partition("\n")[0]


def c_loops(*flags: str, profile: bool = False) -> contract.Loops:
    """The loops as the compiler makes them with these flags; with `profile` they are trained first, on inputs of their own.

    Raises NotMeasurableError where there is no compiler or it cannot do what the flags ask, InputError where it fails.
    """
    library = ctypes.CDLL(str(build(flags, profile=profile)))
    return contract.Loops(lambda name: NativeFunction(library, name, contract.LOOP))


def build(flags: Sequence[str], *, profile: bool = False, sources: Path = SOURCES) -> Path:
    """The library built with these flags, from the cache if it is there."""
    compiler = find_compiler()
    root = cache_root() / "compiler"
    folder = root / _key(compiler, flags, profile, sources)
    if (folder / _LIBRARY).is_file():
        return folder / _LIBRARY
    root.mkdir(parents=True, exist_ok=True)
    # Not below TMPDIR: a rename does not cross file systems.
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=root))
    try:
        _build_in(temporary, _Toolchain(compiler, tuple(flags), sources), profile)
        _publish(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return folder / _LIBRARY


def _publish(temporary: Path, folder: Path) -> None:
    """Rename to the final name, unless another process was first: a folder that is not empty is never replaced."""
    for path in temporary.iterdir():
        if path.name not in (_LIBRARY, _COMMANDS):
            path.unlink()
    try:
        temporary.rename(folder)
    except OSError:
        if not (folder / _LIBRARY).is_file():
            raise


def _key(compiler: Compiler, flags: Sequence[str], profile: bool, sources: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(sources.iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    facts = (*compiler.command, compiler.version, *_ALWAYS, *flags, _cpu(), training_hash() if profile else "")
    digest.update("\0".join(facts).encode())
    return digest.hexdigest()[:16]


@cache
def _cpu() -> str:
    """What -march=native depends on: architecture, model and feature flags."""
    keys = ("model name", "flags", "Features", "CPU part")  # the last two on Arm
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").partition("\n\n")[0].splitlines()
    except OSError:
        lines = []
    return "\n".join([platform.machine(), *(line for line in lines if line.startswith(keys))])


@dataclass(frozen=True)
class _Toolchain:
    compiler: Compiler
    flags: tuple[str, ...]
    sources: Path

    def make_library(self, folder: Path, library: str, *more: str) -> None:
        """Compile each unit by itself, then link them; the commands are kept in the folder."""
        driver, flags = self.compiler.command, (*_ALWAYS, *self.flags, *more)
        objects = [Path(unit).with_suffix(".o").name for unit in UNITS]
        commands = [
            [*driver, *flags, "-c", str(self.sources / unit), "-o", name] for unit, name in zip(UNITS, objects, strict=True)
        ]
        commands.append([*driver, *flags, "-shared", *objects, "-o", library])
        for command in commands:
            try:
                _run(command, folder)
            except InputError as error:
                self._explain((*self.flags, *more), error)
        with (folder / _COMMANDS).open("a", encoding="utf-8") as file:
            file.writelines(f"{shlex.join(command)}\n" for command in commands)

    def _explain(self, flags: Sequence[str], error: InputError) -> None:
        """Raise the error, or that the compiler can do nothing with these flags, not even an empty function."""
        try:
            with tempfile.TemporaryDirectory() as name:
                (Path(name) / "empty.c").write_text("void empty(void) {}\n", encoding="utf-8")
                _run([*self.compiler.command, *_ALWAYS, *flags, "-shared", "empty.c", "-o", "empty.so"], Path(name))
        except InputError as failed:
            raise NotMeasurableError(
                f"not measured: {shlex.join(self.compiler.command)} ({self.compiler.version}) cannot build with "
                f"{shlex.join(flags)}: {failed}"
            ) from None
        raise error


def _build_in(folder: Path, toolchain: _Toolchain, profile: bool) -> None:
    if not profile:
        toolchain.make_library(folder, _LIBRARY)
        return
    toolchain.make_library(folder, "training.so", "-fprofile-generate")
    profile_use = collect_profile(folder, "training.so", is_clang=toolchain.compiler.is_clang)
    toolchain.make_library(folder, _LIBRARY, profile_use)


def _run(command: Sequence[str], folder: Path | None = None) -> str:
    """Standard output of a command; raises InputError with the command and the last lines of what it said."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"the command `{shlex.join(command)}` failed: {error}") from error
    if done.returncode != 0:
        said = "\n".join((done.stderr or done.stdout).strip().splitlines()[-_ERROR_LINES:]) or "nothing"
        raise InputError(f"the command `{shlex.join(command)}` failed with status {done.returncode} and said:\n{said}")
    return done.stdout
