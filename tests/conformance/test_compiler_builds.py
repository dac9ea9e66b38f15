"""How the loops of the compiler component are built: the cache, its errors, and that every option has its effect."""

import ctypes
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from numba import config
from numba.core.registry import cpu_target

from tickbench.components.compiler import c_build, contract, numba_build
from tickbench.components.compiler.bench import Bench
from tickbench.errors import InputError, NotMeasurableError
from tickbench.kernels.jit import machine
from tickbench.registry import find

try:
    c_build.find_compiler()
    REASON = ""
except NotMeasurableError as error:
    REASON = str(error)
needs_compiler = pytest.mark.skipif(bool(REASON), reason=REASON)
needs_objdump = pytest.mark.skipif(shutil.which("objdump") is None, reason="needs objdump: apt-get install binutils")
x86_only = pytest.mark.skipif(machine() != "x86_64", reason="reads x86-64 assembly")

NATIVE = ("-O3", "-march=native")


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TICKBENCH_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "compiler"


def compiler_script(folder, text, monkeypatch):
    """Make $CC a shell script that begins with `text` and then calls the real compiler."""
    real = shutil.which("cc")
    path = folder / "mycc"
    path.write_text(f'#!/bin/sh\n{text}\nexec {real} "$@"\n')
    path.chmod(0o755)
    monkeypatch.setenv("CC", str(path))


WITHOUT_PROFILES = 'for a; do shift; case "$a" in -fprofile-*) ;; *) set -- "$@" "$a";; esac; done'


def test_without_a_compiler_the_error_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    with pytest.raises(NotMeasurableError) as raised:
        c_build.find_compiler()
    assert str(raised.value) == "not measured: no C compiler found: install one (Debian: apt-get install gcc) or set CC"


def test_a_compiler_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler -m64")
    with pytest.raises(NotMeasurableError, match="CC is 'no-such-compiler', which is not on PATH"):
        c_build.find_compiler()


@needs_compiler
def test_a_library_is_built_once(empty_cache, monkeypatch):
    first = c_build.build(("-O1",))
    assert sorted(path.name for path in first.parent.iterdir()) == ["commands.txt", "loops.so"]
    monkeypatch.setattr(c_build, "_build_in", lambda *_: pytest.fail("built again"))
    assert c_build.build(("-O1",)) == first


@needs_compiler
def test_other_flags_sources_or_compilers_are_other_libraries(empty_cache, tmp_path, monkeypatch):
    sources = tmp_path / "c"
    shutil.copytree(c_build.SOURCES, sources)
    first = c_build.build(("-O1",), sources=sources)
    assert c_build.build(("-O0",), sources=sources) != first
    with (sources / "operations.h").open("a") as file:
        file.write("/* changed */\n")
    changed = c_build.build(("-O1",), sources=sources)
    assert changed != first
    compiler_script(tmp_path, "", monkeypatch)
    assert c_build.build(("-O1",), sources=sources) not in (first, changed)


@needs_compiler
def test_processes_that_build_at_once_get_one_whole_library(empty_cache):
    code = (
        "import ctypes; from tickbench.components.compiler.c_build import build; "
        "library = build(('-O2',)); ctypes.CDLL(str(library)).rsi; print(library)"
    )

    def build(_):
        return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(build, range(3)))
    assert [one.stderr for one in done] == [""] * 3
    assert len({one.stdout for one in done}) == 1
    assert [path.name for path in empty_cache.iterdir()] == [Path(done[0].stdout.strip()).parent.name]


@needs_compiler
def test_who_comes_second_leaves_the_first_library_in_place(empty_cache, monkeypatch):
    build_in = c_build._build_in

    def slow(temporary, toolchain, with_profile):
        monkeypatch.setattr(c_build, "_build_in", build_in)
        first.append(c_build.build(toolchain.flags))  # the other process, done before us
        inodes.append(first[0].stat().st_ino)
        build_in(temporary, toolchain, with_profile)

    first, inodes = [], []
    monkeypatch.setattr(c_build, "_build_in", slow)
    assert c_build.build(("-O1",)) == first[0]
    assert first[0].stat().st_ino == inodes[0]
    assert [path.name for path in empty_cache.iterdir()] == [first[0].parent.name]


@needs_compiler
def test_a_source_error_gives_one_clear_error_and_leaves_nothing(empty_cache, tmp_path):
    shutil.copytree(c_build.SOURCES, tmp_path / "c")
    (tmp_path / "c" / "operations.c").write_text("int broken( {\n")
    with pytest.raises(InputError) as raised:
        c_build.build(("-O2",), sources=tmp_path / "c")
    text = str(raised.value)
    assert "operations.c -o operations.o` failed with status 1 and said:" in text
    assert "error: " in text
    assert text.count("\n") <= 6
    assert list(empty_cache.iterdir()) == []


@needs_compiler
def test_a_flag_that_the_compiler_lacks_is_named(empty_cache):
    with pytest.raises(NotMeasurableError, match=r"not measured: .* cannot build with -O2 -fno-such-thing"):
        c_build.build(("-O2", "-fno-such-thing"))


@needs_compiler
def test_a_compiler_that_leaves_no_profile_is_named_as_such(empty_cache, tmp_path, monkeypatch):
    compiler_script(tmp_path, WITHOUT_PROFILES, monkeypatch)
    with pytest.raises(NotMeasurableError, match="the training run left no profile for loops and operations"):
        c_build.build(("-O1",), profile=True)


@needs_compiler
def test_profiles_of_clang_need_its_merger(empty_cache, tmp_path, monkeypatch):
    says = 'if [ "$1" = --version ]; then echo "clang version 0"; exit; fi'
    compiler_script(tmp_path, f"{says}\n{WITHOUT_PROFILES}", monkeypatch)
    which = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: None if name == "llvm-profdata" else which(name))
    with pytest.raises(NotMeasurableError, match="profiles of clang need llvm-profdata"):
        c_build.build(("-O1",), profile=True)


def disassembly(flags, **options):
    library = c_build.build(flags, **options)
    assert all(hasattr(ctypes.CDLL(str(library)), loop) for loop in contract.LOOPS)
    return subprocess.run(
        ["objdump", "-d", "--no-addresses", "--no-show-raw-insn", library], capture_output=True, text=True, check=True
    ).stdout.partition("\n\n")[2]  # without the name of the file


@needs_compiler
@needs_objdump
def test_link_time_optimisation_and_forced_inlining_leave_no_call_across_units():
    calls = re.compile(r"\b(?:call|bl)\b.*<(?:set_level|next_rsi|encode_order)>")
    assert len(calls.findall(disassembly(NATIVE))) >= len(contract.LOOPS)
    assert not calls.search(disassembly((*NATIVE, "-flto")))
    assert not calls.search(disassembly((*NATIVE, c_build.FORCED_INLINE)))


@needs_compiler
@needs_objdump
def test_a_profile_changes_the_code_and_training_is_kept_out_of_it():
    trained = disassembly(NATIVE, profile=True)
    assert trained != disassembly(NATIVE)
    assert "gcov" not in trained
    assert "__llvm_profile" not in trained


def assembly(variant, loop):
    (text,) = find("compiler", variant).build(None).find(loop).inspect_asm().values()
    return text


@x86_only
def test_a_generic_cpu_gets_no_vector_extensions():
    native, generic = assembly("numba_o3", "rsi"), assembly("numba_generic_cpu", "rsi")
    assert "divsd" in generic
    assert not re.search(r"%[yz]mm|\sv\w+sd\s", generic)
    if " avx " in Path("/proc/cpuinfo").read_text():
        assert "vdivsd" in native


@x86_only
def test_fastmath_contracts_and_plain_arithmetic_does_not():
    if " fma " not in Path("/proc/cpuinfo").read_text():
        pytest.skip("this CPU has no fused multiply-add")
    assert "vfmadd" not in assembly("numba_o3", "rsi")
    assert re.search("vfn?madd", assembly("numba_fastmath", "rsi"))


def test_without_optimisation_the_code_is_longer():
    lengths = {name: assembly(name, "book_update").count("\n") for name in ("numba_o0", "numba_o3")}
    assert lengths["numba_o0"] > 2 * lengths["numba_o3"]


def test_bounds_are_checked_where_the_variant_says_so():
    side = 5  # its levels would lie behind those of the book, in the same page of memory
    for name, checked in (("numba_o3", False), ("numba_boundscheck", True)):
        function = find("compiler", name).build(None).find("book_update")
        bench = Bench("book_update", function, np.array([[side, 1, 1]]))
        with pytest.raises(IndexError) if checked else nullcontext():
            function(*bench._arguments())


def settings():
    return config.OPT, config.CPU_NAME, config.CPU_FEATURES, cpu_target.target_context.codegen()


def test_the_settings_of_the_process_are_put_back():
    before = settings()
    numba_build.compiled_loops(level=0, cpu="generic").find("rsi")
    assert settings() == before
    with pytest.raises(AttributeError):
        numba_build.compiled_loops(level=0, cpu="generic").find("no_such_loop")
    assert settings() == before
