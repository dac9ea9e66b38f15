"""Names of compiled kernels of another process, read from outside; objects and names that lie."""

import random
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tickbench.errors import NotMeasurableError
from tickbench.live.demangle import demangle
from tickbench.live.elf import Elf, ElfError
from tickbench.live.symbols import JitSymbols

PROGRAM = Path(__file__).parents[1] / "jit_engine.py"


@contextmanager
def _compiled(cache):
    command = [sys.executable, str(PROGRAM), str(cache)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout.readline().strip() == str(child.pid)
            yield child
        finally:
            child.kill()


def test_kernels_of_a_running_process_have_names_and_it_is_never_stopped(tmp_path):
    with _compiled(tmp_path):
        pass  # fills numba's cache
    assert list(tmp_path.rglob("*.nbc"))
    with _compiled(tmp_path) as child:
        symbols = JitSymbols(child.pid)
        names = symbols.names
        for wanted in (
            "__main__.from_the_cache(int64)",  # loaded from numba's cache
            "__main__.overloaded(array(int64, 1d, C))",
            "__main__.overloaded(array(float64, 1d, C))",
            "__main__.hot_caller(int64)",
            "__main__.hot_caller(int64) [cpython wrapper]",
        ):
            assert names.count(wanted) == 1
        assert not any("compiled_after" in name for name in names)
        child.stdin.write("\n")
        child.stdin.flush()
        assert child.stdout.readline() == "compiled\n"
        symbols.refresh()
        assert "__main__.late.<locals>.compiled_after(float64)" in symbols.names
        one = next(one for one in symbols._functions if "10hot_caller" in one.name and one.name.startswith("_ZN8"))
        assert symbols.name_of(one.start) == symbols.name_of(one.end - 1) == "__main__.hot_caller(int64)"
        assert symbols.name_of(one.end) != "__main__.hot_caller(int64)"
        assert symbols.name_of(0) is None
        child.send_signal(signal.SIGSTOP)  # a stopped process can be read as well, and stays as it is
        JitSymbols(child.pid)
        child.send_signal(signal.SIGCONT)


def test_a_process_without_kernels_is_told_as_such():
    with subprocess.Popen([shutil.which("sleep"), "60"]) as child:
        with pytest.raises(NotMeasurableError, match="has not loaded llvmlite"):
            JitSymbols(child.pid)
        child.kill()
    with pytest.raises(NotMeasurableError, match="cannot be read"):
        JitSymbols(child.pid)


@pytest.mark.parametrize(
    ("mangled", "shown"),
    [
        ("_ZN3app4stepB2v1B9c8tJTC_3dExxd", "app.step(int64, int64, float64)"),
        ("_ZN3app4stepE5ArrayIdLi2E1A8readonly7alignedE", "app.step(array(float64, 2d, A))"),
        ("_ZN7cpython3app4stepEx", "app.step(int64) [cpython wrapper]"),
        ("cfunc._ZN3app4stepEx", "app.step(int64) [cfunc wrapper]"),
        ("_ZN3app4make12_3clocals_3e5innerEv", "app.make.<locals>.inner()"),
        ("_ZN3app11read_adjustEx", "app.read_adjust(int64)"),
        ("_ZN3app8UniTupleEI", "_ZN3app8UniTupleEI"),
        ("_ZN99999999999999999999xE", "_ZN99999999999999999999xE"),
        ("_ZN", "_ZN"),
        ("_ZNE", "_ZNE"),
        ("memcpy", "memcpy"),
        ("_ZN3app4stepE" + "1aI" * 5000, "_ZN3app4stepE" + "1aI" * 5000),
    ],
)
def test_names_are_readable_or_left_as_they_are(mangled, shown):
    assert demangle(mangled) == shown


def _object():
    """An ELF object that this machine has: numba's cache holds some, the interpreter is one."""
    return Path(sys.executable).resolve().read_bytes()


def test_objects_that_lie_are_refused_and_never_crash_or_hang_the_reader():
    data, draw, started = bytearray(_object()[: 1 << 20]), random.Random(3), time.monotonic()
    refused = 0
    for _ in range(300):
        changed = bytearray(data)
        for _ in range(draw.randint(1, 4)):
            at = draw.choice([draw.randrange(64), draw.randrange(32, 64), draw.randrange(len(changed) - 8)])
            changed[at : at + 8] = draw.getrandbits(64).to_bytes(8, "little")
        try:
            elf = Elf(bytes(changed))
            for _, _ in zip(elf.functions(), range(50), strict=False):
                pass
            elf.symbol_value("main")
        except ElfError:
            refused += 1
    assert refused
    assert time.monotonic() - started < 60


@pytest.mark.parametrize("data", [b"", b"\x7fELF", b"\x7fELF\x01\x01" + b"\0" * 100, b"MZ" + b"\0" * 100])
def test_what_is_no_object_is_refused(data):
    with pytest.raises(ElfError):
        Elf(data)
