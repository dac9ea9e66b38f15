"""The stress tests once more with random delays before every atomic operation, so that narrow windows are met."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tickbench.kernels import chaos

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(chaos.ENABLED, reason="this is the run with delays")


def _with_chaos(arguments, chaos_flag="1"):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "TICKBENCH_CHAOS": chaos_flag},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_order_books_survive_random_delays():
    done = _with_chaos(["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/stress/test_order_book.py"])
    assert done.returncode == 0, done.stdout[-4000:]
    assert " passed" in done.stdout


@pytest.mark.parametrize(("flag", "delays"), [("1", True), ("0", False)])
def test_only_chaos_kernels_hold_delays_and_they_are_cached_apart(flag, delays):
    code = (
        "from numba import int64, njit\n"
        "from tickbench.kernels import atomics, cache\n"
        "kernel = njit(int64(int64), nogil=True)(lambda words: atomics.load_acquire(words, 0))\n"
        "print('tickbench_chaos' in kernel.inspect_llvm(kernel.signatures[0]), cache.shared_code_hash())\n"
    )
    done = _with_chaos(["-c", code], flag)
    assert done.returncode == 0, done.stderr
    found, folder = done.stdout.split()
    assert found == str(delays)
    other = _with_chaos(["-c", code], "0" if flag == "1" else "1").stdout.split()[1]
    assert folder != other
