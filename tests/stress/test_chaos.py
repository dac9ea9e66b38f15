"""The stress tests once more with random delays before every atomic operation, so that narrow windows are met."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from patience import STUCK_S
from tickbench.kernels import chaos
from tickbench.kernels.cache import kernel_folder

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(chaos.ENABLED, reason="this is the run with delays")


# Tells at the end where the kernels came from: a run that finds kernels without delays would pass and show nothing.
RUN_PYTEST = """
import sys, pytest
from tickbench.kernels.cache import kernel_folder
status = pytest.main(sys.argv[1:])
print("kernels in", kernel_folder("tickbench.components.order_book"))
sys.exit(status)
"""
COMPILE_ONE = """
from numba import int64, njit
from tickbench.kernels import atomics
from tickbench.kernels.cache import kernel_folder
kernel = njit(int64(int64), nogil=True)(lambda words: atomics.load_acquire(words, 0))
print("tickbench_chaos" in kernel.inspect_llvm(kernel.signatures[0]), kernel_folder())
"""


def _python(code, *arguments, flag):
    """Run Python with TICKBENCH_CHAOS set to `flag`, or without the variable where it is None."""
    environment = {name: value for name, value in os.environ.items() if name != "TICKBENCH_CHAOS"}
    if flag is not None:
        environment["TICKBENCH_CHAOS"] = flag
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=STUCK_S, check=False)


def test_the_order_books_survive_random_delays():
    # mutex_hash does all its work under libc's mutex: delays there cost a third of the time and open no window.
    chosen = ["-q", "-p", "no:cacheprovider", "tests/stress/test_order_book.py", "-k", "not mutex_hash"]
    done = _python(RUN_PYTEST, *chosen, flag="1")
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
    assert Path(done.stdout.split("kernels in ")[1].strip()) != kernel_folder("tickbench.components.order_book")


@pytest.mark.parametrize(("flag", "delays"), [("1", True), ("0", False), (None, False)])
def test_only_chaos_kernels_hold_delays_and_they_are_cached_apart(flag, delays):
    done = _python(COMPILE_ONE, flag=flag)
    assert done.returncode == 0, done.stderr
    found, folder = done.stdout.split()
    assert found == str(delays)
    assert (Path(folder) != kernel_folder()) == delays
