"""Blocks: alignment, sharing between processes, what stays when one of them ends, memory in use."""

import mmap
import subprocess
import sys

import numpy as np
import pytest

from patience import STUCK_S
from tickbench.errors import InputError
from tickbench.kernels.memory import ISOLATION_BYTES, LINE_BYTES, WORD_BYTES, Block, round_up_words


def run_python(code: str, *arguments: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=STUCK_S, check=True)
    assert done.stderr == "", "the resource tracker warns there"
    return done.stdout


@pytest.mark.parametrize("shared", [None, ""], ids=["private", "shared"])
def test_a_block_is_zeroed_and_page_aligned(shared):
    with Block(1000, shared=shared) as block:
        assert block.address % mmap.PAGESIZE == 0
        assert block.address % ISOLATION_BYTES == 0
        assert block.array.shape == (1000,)
        assert block.array.dtype == np.int64
        assert not block.array.any()
        assert block.array.ctypes.data == block.address
        assert (block.shared_name is None) == (shared is None)


def test_another_process_writes_into_a_shared_block_and_leaves_it_alive():
    code = (
        "import sys\n"
        "from tickbench.kernels.memory import Block\n"
        "block = Block.attach(sys.argv[1])\n"
        "block.array[3] = block.array[2] + 1\n"
    )
    with Block(100, shared="") as block:
        name = block.shared_name
        block.array[2] = 41
        run_python(code, name)
        assert block.array[3] == 42
        # Before Python 3.13 the resource tracker of a process that attached removes the segment when it ends.
        run_python(code, name)
        assert Block.attach(name).array[3] == 42


def test_the_creator_removes_the_name_and_views_stay_valid():
    block = Block(100, shared="")
    name, words = block.shared_name, block.array
    attached = Block.attach(name)
    words[5] = 7
    block.close()
    block.close()  # a second time does nothing
    with pytest.raises(InputError, match="is its owner still running"):
        Block.attach(name)
    assert words[5] == 7
    assert attached.array[5] == 7


def test_closing_an_attached_block_keeps_the_name():
    with Block(10, shared="") as block:
        Block.attach(block.shared_name).close()
        assert Block.attach(block.shared_name).array.size >= 10


def test_a_name_in_use_is_refused():
    with (
        Block(10, shared="") as block,
        pytest.raises(InputError, match=f"{block.shared_name}' exists"),
    ):
        Block(10, shared=block.shared_name)


@pytest.mark.parametrize("name", ["no-such-block", "", "../null", "."])
def test_attach_to_what_is_no_block(name):
    with pytest.raises(InputError, match="shared-memory block"):
        Block.attach(name)


@pytest.mark.parametrize("words", [0, -1])
def test_an_empty_block_is_refused(words):
    with pytest.raises(InputError, match=f"got {words}"):
        Block(words)


def test_untouched_pages_cost_no_memory():
    pages = 64
    with Block(pages * mmap.PAGESIZE // WORD_BYTES) as block:
        assert block.resident_bytes() == 0
        block.array[0] = 1
        assert block.resident_bytes() == mmap.PAGESIZE
        block.array[10] = 3
        block.touch()
        assert block.resident_bytes() == pages * mmap.PAGESIZE
        assert block.array[10] == 3


def test_rounding_to_lines():
    assert [round_up_words(n) * WORD_BYTES // LINE_BYTES for n in (0, 1, 8, 9)] == [0, 1, 1, 2]
    assert round_up_words(17, 16) == 32
