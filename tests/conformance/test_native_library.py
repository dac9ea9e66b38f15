"""A book written in C goes through the same drivers, oracle and runs as the built-in ones."""

import ctypes
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from patience import STUCK_S
from tickbench.components.order_book.oracle import verify
from tickbench.feeds import open_feed
from tickbench.registry import find

SOURCE = Path(__file__).with_name("native_book.c")

IMPLS = """
import ctypes
from tickbench.components.order_book import contract
from tickbench.kernels.jit import NativeFunction
from tickbench.kernels.memory import Block
from tickbench.registry import variant

LIBRARY = ctypes.CDLL({library!r})


@variant("order_book", runtime="native", example_of="a C library")
def c_book(config):
    block = Block(8 + 2 * config.price_capacity_ticks)
    block.array[:6] = config.price_capacity_ticks, 0, 0, 0, -1, -1
    functions = [
        NativeFunction(LIBRARY, "book_" + name, getattr(contract, name.upper()))
        for name in ("update", "best", "top", "level_count", "sequence")
    ]
    return contract.NativeBook(block, *functions)
"""


@pytest.fixture(scope="module")
def impls(tmp_path_factory):
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler: cc is not on PATH")
    folder = tmp_path_factory.mktemp("native")
    library = folder / "libbook.so"
    subprocess.run([compiler, "-O2", "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, SOURCE], check=True)
    assert ctypes.CDLL(str(library)).book_update
    path = folder / "c_book_impls.py"
    path.write_text(IMPLS.format(library=str(library)))
    return path


def test_a_c_library_passes_the_oracle(impls):
    variant = find("order_book", "c_book", [str(impls)])
    verification = verify(variant, open_feed("synthetic:seed=3,events=300"))
    assert verification.passed, verification.detail


def test_a_c_library_is_measured_beside_the_built_in_variants(impls, tmp_path):
    output = tmp_path / "run.json"
    command = [sys.executable, "-m", "tickbench", "run", "smoke/order-book-replay", "--impls", str(impls)]
    command += [
        "--variant",
        "c_book",
        "--variant",
        "mutex_hash",
        "--rounds",
        "1",
        "--seconds",
        "0.02",
        "-o",
        str(output),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=STUCK_S, cwd=tmp_path, env=os.environ, check=False)
    assert done.returncode == 0, done.stderr
    measured = {one["variant"]: one for one in json.loads(output.read_text())["measurements"]}
    assert measured["c_book"]["verified"] is True
    assert measured["c_book"]["operations"] > 0
    assert measured.keys() >= {"c_book", "mutex_hash"}
