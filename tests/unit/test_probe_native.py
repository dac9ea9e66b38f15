"""The example writers in C, C++ and Rust, built where there is a compiler, and read as any page."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tickbench import probe
from tickbench.errors import InputError
from tickbench.kernels.hdr import HdrGeometry, Histogram

ROOT = Path(__file__).resolve().parents[2]
NATIVE = ROOT / "toolkit/tickbench/probe/native"
WRITERS = ROOT / "tests/probe_writers"
STRICT = ("-Wall", "-Wextra", "-Werror", "-O2", f"-I{NATIVE}")
VALUES = 1000
MOST_INT64 = (1 << 63) - 1


def _build(language, folder):
    """Compile the writer of a language; skips where its compiler is missing."""
    compiler = {"c": "cc", "c++": "c++", "rust": "rustc"}[language]
    if shutil.which(compiler) is None:
        pytest.skip(f"needs {compiler}")
    program = folder / "writer"
    if language == "rust":
        for path in (WRITERS / "writer.rs", NATIVE / "tickbench_probe.rs"):
            shutil.copy(path, folder)
        command = ["rustc", "--edition", "2021", "-O", "-D", "warnings", "-o", str(program), "writer.rs"]
    else:
        dialect = ["-std=c11", "-Wpedantic", "-x", "c"] if language == "c" else ["-std=c++17", "-x", "c++"]
        command = [compiler, *dialect, *STRICT, "-o", str(program), str(WRITERS / "writer.c")]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return program


@pytest.fixture(scope="module", params=["c", "c++", "rust"])
def writer(request, tmp_path_factory):
    return _build(request.param, tmp_path_factory.mktemp("writer"))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path / "tickbench"


@pytest.fixture
def running(writer, folder):
    """The writer with its page complete, waiting for a word on its standard input."""
    with subprocess.Popen([writer, str(VALUES)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        path = process.stdout.readline().strip()
        assert Path(path).parent == folder
        yield process
        process.kill()


def test_a_native_page_holds_what_python_would_have_recorded(running):
    with probe.PageReader.of(running.pid) as reader:
        snapshot = reader.snapshot()
        assert (reader.alive, reader.closed, reader.stages) == (True, False, ["idle", "parse", "book"])
        assert reader.app == f"{reader.language}_writer"
        assert reader.heartbeat_age_ns < 60e9
        expected = Histogram()
        expected.record([*(i * i for i in range(VALUES)), -1, MOST_INT64])
        tick, laps = snapshot["tick"], snapshot["laps"]
        assert tick.tag == "XBTUSD"
        assert (tick.histogram.counts == expected.counts).all()
        for what in ("count", "sum_ns", "max_ns", "min_ns", "over_range", "negative"):
            assert getattr(tick.histogram, what) == getattr(expected, what), what
        assert laps.histogram.geometry == HdrGeometry(4, 1_000_000, 2)
        assert laps.histogram.count + laps.histogram.over_range == VALUES
        assert (snapshot["orders"].value, snapshot["orders"].unit, snapshot["depth"].value) == (2 * VALUES, "orders", -5)
        assert (tick.in_flight.stage_name, tick.in_flight.correlation) == ("book", 4711)
        assert 0 < tick.in_flight.age_ns < 60e9


def test_a_killed_native_writer_leaves_its_page_a_closed_one_does_not(running):
    reader = probe.PageReader.of(running.pid)
    running.kill()
    running.wait()
    assert not reader.alive
    post_mortem = probe.PageReader.of(running.pid).snapshot()
    assert post_mortem["tick"].histogram.count == VALUES
    assert post_mortem["tick"].in_flight.stage_name == "book"


def test_a_closed_native_page_is_removed(running):
    reader = probe.PageReader.of(running.pid)
    running.communicate("c", timeout=30)
    assert running.returncode == 0
    assert reader.closed
    with pytest.raises(InputError, match="has no page"):
        probe.PageReader.of(running.pid)


def test_a_native_page_is_not_made_in_a_folder_open_to_others(writer, folder):
    folder.mkdir()
    folder.chmod(0o755)
    done = subprocess.run([writer], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert not list(folder.iterdir())


def test_recording_in_c_takes_no_lock(tmp_path):
    if shutil.which("cc") is None:
        pytest.skip("needs cc")
    source = (
        '#define _GNU_SOURCE\n#include "tickbench_probe.h"\n'
        "int64_t probe(tbp_slot *slot) { tbp_begin(slot); tbp_stage(slot, 1); return tbp_end(slot); }\n"
    )
    command = ["cc", "-std=c11", *STRICT, "-x", "c", "-S", "-o", "-", "-"]
    text = subprocess.run(command, input=source, capture_output=True, text=True, timeout=60, check=True).stdout
    body = text.split("\nprobe:")[1].split(".size\tprobe")[0]
    assert not re.findall(r"\block\b|xchg|mfence|dmb|ldadd", body)


def test_python_tells_where_the_native_files_lie():
    done = subprocess.run([sys.executable, "-m", "tickbench.probe"], capture_output=True, text=True, timeout=60, check=True)
    assert [Path(line).name for line in done.stdout.splitlines()] == ["tickbench_probe.h", "tickbench_probe.rs"]
    assert all(Path(line).is_file() for line in done.stdout.splitlines())
