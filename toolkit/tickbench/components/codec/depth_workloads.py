"""Workloads of market-data depth frames: JSON in the exchange's form against the binary frame."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tickbench.components.codec import drivers, samples
from tickbench.components.codec.contract import Depth, NativeCodec, PythonCodec
from tickbench.components.codec.results import answers_equal, count_bytes, python_side, timed
from tickbench.components.component import Job, Result, Verification, Workload
from tickbench.kernels.memory import Block

DEPTHS = 32  # with 20 levels a side at most some 12 KiB of records and as much of frames
_LEVELS = 20  # most changed levels a side; the exchange's 100 ms frames of a busy pair hold some tens


def _slot_words(levels: int) -> int:
    """Room of one record or frame."""
    return 8 + 4 * levels


class _Memory:
    """Records, frames and answers of the depth frames, one slot each, and the arguments of the calls."""

    def __init__(self, depths: list[Depth], levels: int, frames: list[bytes]) -> None:
        n, self.slot_words = len(depths), _slot_words(levels)
        self.records, self.frames, self.decoded = (Block(n * self.slot_words) for _ in range(3))
        self.sums, self.lengths = Block(n), [len(frame) for frame in frames]
        self.expected = [samples.depth_words(depth) for depth in depths]
        for row, words in enumerate(self.expected):
            self._slot(self.records, row)[: len(words)] = words
            self._slot(self.frames, row).view(np.uint8)[: len(frames[row])] = np.frombuffer(frames[row], dtype=np.uint8)

    def _slot(self, block: Block, row: int) -> Any:
        return block.array[row * self.slot_words : (row + 1) * self.slot_words]

    def _address(self, block: Block, row: int) -> int:
        return block.address + 8 * self.slot_words * row

    def encode_calls(self) -> Any:
        """(record, frame) of each call."""
        rows = range(len(self.expected))
        return np.array([(self._address(self.records, row), self._address(self.frames, row)) for row in rows])

    def decode_calls(self) -> Any:
        """(frame, length, record, room) of each call."""
        pairs = enumerate(self.lengths)
        calls = [(self._address(self.frames, row), n, self._address(self.decoded, row), self.slot_words) for row, n in pairs]
        return np.array(calls)

    def read_calls(self) -> Any:
        """(frame, length, scratch, out) of each call."""
        pairs = enumerate(self.lengths)
        return np.array(
            [(self._address(self.frames, row), n, self.decoded.address, self.sums.address + 8 * row) for row, n in pairs]
        )

    def clear_frames(self) -> None:
        """So that an encoder which writes nothing is found out."""
        self.frames.array[:] = 0

    def encoded(self) -> list[bytes]:
        """The frames as they are now."""
        return [self._slot(self.frames, row).tobytes()[:length] for row, length in enumerate(self.lengths)]

    def records_right(self) -> Verification:
        """Compare the decoded records."""
        found = [self._slot(self.decoded, row)[: len(words)].tolist() for row, words in enumerate(self.expected)]
        return answers_equal("depth record", found, [words.tolist() for words in self.expected])

    def sums_right(self) -> Verification:
        """Compare the sums of all fields but the counts."""
        expected = [int(words.sum() - words[4:6].sum()) for words in self.expected]
        return answers_equal("sum of a depth frame", self.sums.array.tolist(), expected)


def _sides(job: Job) -> tuple[Any, PythonCodec, list[Depth], list[bytes]]:
    codec, depths = job.variant.build(None), samples.depths(job.seed, DEPTHS, job.parameters["levels"])
    python = python_side(codec)
    if python.make_depth is None or python.encode_depth is None:
        return codec, python, depths, [b""] * len(depths)
    return codec, python, depths, [python.encode_depth(python.make_depth(depth)) for depth in depths]


def _timed_encode(job: Job) -> Result:
    codec, python, depths, frames = _sides(job)
    if not isinstance(codec, NativeCodec):
        return _timed_python(job, python.encode_depth, list(map(_known(python.make_depth), depths)), python, depths, frames)
    memory = _Memory(depths, job.parameters["levels"], frames)
    memory.clear_frames()
    calls, room_bytes = memory.encode_calls(), 8 * memory.slot_words

    def run(passes: int) -> Any:
        return drivers.drive_encode_at(codec.encode_depth, calls.ctypes.data, room_bytes, DEPTHS, passes)

    return timed(job, run, DEPTHS, None, lambda: answers_equal("depth frame", memory.encoded(), frames), count_bytes(frames))


def _timed_decode(job: Job) -> Result:
    codec, python, depths, frames = _sides(job)
    if not isinstance(codec, NativeCodec):
        return _timed_python(job, python.decode_depth, frames, python, depths, frames)
    memory = _Memory(depths, job.parameters["levels"], frames)
    calls = memory.decode_calls()

    def run(passes: int) -> Any:
        return drivers.drive_at(codec.decode_depth, calls.ctypes.data, DEPTHS, passes)

    return timed(job, run, DEPTHS, 0, memory.records_right, count_bytes(frames))


def _timed_read(job: Job) -> Result:
    codec, _, depths, frames = _sides(job)
    memory = _Memory(depths, job.parameters["levels"], frames)
    calls = memory.read_calls()

    def run(passes: int) -> Any:
        return drivers.drive_at(codec.read_depth, calls.ctypes.data, DEPTHS, passes)

    return timed(job, run, DEPTHS, 0, memory.sums_right, count_bytes(frames))


def _timed_python(
    job: Job,
    operation: Callable[[Any], Any] | None,
    given: list[Any],
    python: PythonCodec,
    depths: list[Depth],
    frames: list[bytes],
) -> Result:
    call, found = _known(operation), list[Any]()

    def run(passes: int) -> None:
        nonlocal found
        for _ in range(passes):
            found = [call(one) for one in given]

    def check() -> Verification:
        decode, depth_of = _known(python.decode_depth), _known(python.depth_of)
        decoded = [decode(one) for one in found] if operation is python.encode_depth else found
        return answers_equal("depth frame", [depth_of(one) for one in decoded], depths)

    return timed(job, run, DEPTHS, None, check, count_bytes(frames))


def _known(function: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    assert function is not None, "the variant says that it carries depth frames"
    return function


def depth_workloads() -> tuple[Workload, ...]:
    """encode_depth, decode_depth and read_depth; `levels` is the most levels a side."""
    return tuple(
        Workload(
            name,
            "depth frame",
            run,
            frozenset({needed}),
            {"levels": _LEVELS},
            needs_feed=False,
            shown_counters=("bytes_per_message",),
            paced=True,
        )
        for name, run, needed in (
            ("encode_depth", _timed_encode, "depth"),
            ("decode_depth", _timed_decode, "depth"),
            ("read_depth", _timed_read, "depth_fields"),
        )
    )
