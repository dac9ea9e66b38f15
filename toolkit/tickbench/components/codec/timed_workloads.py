"""Single messages, each timed on its own: percentiles that a budget can be judged by, one clock reading in every value.

`encode_timed` is one order into its frame, `decode_depth_timed` one whole depth frame of the exchange into ticks and lots.
Compiled variants are called and timed inside a kernel, through a function pointer: an engine that is compiled pays no dispatch
of Python. Python variants are called and timed from Python. The messages are seeded, and each differs from the one before.

Every timed call is checked, outside the times: what it gave is compared with the answer that the messages themselves prove
right; in kernels by checksums that are added up.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tickbench.components.codec import drivers, samples
from tickbench.components.codec.contract import FRAME_STRIDE_BYTES, Depth, NativeCodec
from tickbench.components.codec.results import NOTHING_TO_CHECK, answers_equal, count_bytes, python_side
from tickbench.components.component import Job, Result, Verification, Workload
from tickbench.components.shared.pace import pieces
from tickbench.components.shared.timeline import Cuts
from tickbench.components.shared.timing import NS_PER_S, WARM_SHARE
from tickbench.errors import NotMeasurableError
from tickbench.kernels.hdr import Histogram
from tickbench.kernels.memory import WORD_BYTES, Block

_MESSAGES, _LEVELS = 512, 20  # too many for a branch predictor to know by heart, few enough for the caches of a core
_ROUND = 32  # messages: as JSON of depth frames they take a turn of half a millisecond
_WRAP = 1 << 64  # checksums are added up in 64 bits


@dataclass
class _NativeCalls:
    """Messages of a compiled codec. `time_calls(first, count, …)` is the driver, each call writes a row of `room`."""

    job: Job
    time_calls: Callable[..., int]
    room: Block
    expected: NDArray[np.int64]
    done: int = 0
    total: int = 0

    def __call__(self, rounds: int, into: Histogram) -> None:
        """The next rounds, each message recorded."""
        clock, count = self.job.clock, rounds * _ROUND
        recorder = (clock.source, clock.ns_per_tick, into.address, into.index)
        self.total += self.time_calls(self.done % _MESSAGES, count, *recorder)
        self.done += count

    def check(self) -> Verification:
        """The last answers one by one, then the checksums of all."""
        rows = min(self.done, _MESSAGES)
        left = answers_equal("message", self.room.array.reshape(_MESSAGES, -1)[:rows].tolist(), self.expected[:rows].tolist())
        if not left.passed:
            return left
        hashes = [int(drivers.checksum(row.ctypes.data, len(row))) for row in self.expected]
        passes, rest = divmod(self.done, _MESSAGES)
        if (self.total - passes * sum(hashes) - sum(hashes[:rest])) % _WRAP:
            detail = f"of {self.done} timed messages at least one was wrong: the sum of their checksums is not the expected one"
            return Verification(False, self.done, detail)
        return Verification(True, self.done, f"{self.done} timed messages are right")


@dataclass
class _PythonCalls:
    """Messages of a codec as Python calls it, each with the answer that it must give."""

    call: Callable[[Any], Any]
    pairs: list[tuple[Any, Any]]
    done: int = 0
    wrong: int = 0

    def __call__(self, rounds: int, into: Histogram) -> None:
        """The next rounds, each message recorded."""
        call, clock_ns, durations_ns = self.call, time.perf_counter_ns, list[int]()
        for begin, end in pieces(self.done, rounds * _ROUND, _MESSAGES):
            for one, expected in self.pairs[begin:end]:
                start_ns = clock_ns()
                found = call(one)
                durations_ns.append(clock_ns() - start_ns)
                self.wrong += found != expected
        into.record(durations_ns)
        self.done += len(durations_ns)

    def check(self) -> Verification:
        """How many calls gave something else."""
        return Verification(self.wrong == 0, self.done, f"{self.done} messages were timed, {self.wrong} were wrong")


def _timed(job: Job, calls: _NativeCalls | _PythonCalls, proof: Callable[[], Verification], frames: list[bytes]) -> Result:
    """For job.seconds, warm before; or at the pace of the harness. `proof` is of the answers that calls are compared with."""
    _pass_until(calls, Histogram(), job.seconds * WARM_SHARE)
    slices = []
    if job.pace is not None:
        service = job.pace.serve_timed(calls, _ROUND)
    else:
        service = Histogram()
        cuts = Cuts(service, round(job.seconds * NS_PER_S))
        _pass_until(calls, service, job.seconds, cuts)
        slices = cuts.slices(service.sum_ns)
    verification = NOTHING_TO_CHECK if job.variant.null else proof()
    if not job.variant.null and verification.passed:
        verification = calls.check()
    return Result(
        timing="operation",
        operations=service.count,
        elapsed_ns=service.sum_ns,  # of the messages: what lies between them is ours
        histograms={"service": service},
        verification=verification,
        counters={"bytes_per_message": count_bytes(frames)},
        intervals=slices,
    )


def _pass_until(calls: Callable[[int, Histogram], None], into: Histogram, seconds: float, cuts: Cuts | None = None) -> None:
    """Whole passes over the messages until the time is up, one at least."""
    limit_ns = time.perf_counter_ns() + round(seconds * NS_PER_S)
    while True:
        calls(_MESSAGES // _ROUND, into)
        if time.perf_counter_ns() >= limit_ns:
            return
        if cuts is not None:
            cuts.between(into.sum_ns)


def _encode_timed(job: Job) -> Result:
    codec, orders = job.variant.build(None), samples.orders(job.seed, _MESSAGES)
    python = python_side(codec)
    messages = [python.make(order) for order in orders]
    frames = [python.encode(message) for message in messages]

    def proof() -> Verification:
        return answers_equal("order", [python.order_of(python.decode(frame)) for frame in frames], orders)

    if isinstance(codec, NativeCodec):
        return _timed(job, _native_encode(job, codec, samples.order_words(orders), frames), proof, frames)
    return _timed(job, _PythonCalls(python.encode, list(zip(messages, frames, strict=True))), proof, frames)


def _native_encode(job: Job, codec: NativeCodec, orders: NDArray[np.int64], frames: list[bytes]) -> _NativeCalls:
    given, room = _block_of(orders), Block(_MESSAGES * FRAME_STRIDE_BYTES // WORD_BYTES)
    calls = np.stack([_rows_of(given), _rows_of(room)], axis=1)

    def time_calls(first: int, count: int, *recorder: Any) -> int:
        assert given.address  # what the calls point at lives as long as they do
        fixed = (codec.encode, calls.ctypes.data, FRAME_STRIDE_BYTES)
        return int(drivers.time_encode_at(*fixed, first, count, _MESSAGES, *recorder))

    return _NativeCalls(job, time_calls, room, _padded(frames, FRAME_STRIDE_BYTES))


def _decode_depth_timed(job: Job) -> Result:
    codec, depths = job.variant.build(None), samples.depths(job.seed, _MESSAGES, job.parameters["levels"])
    python = python_side(codec)
    if isinstance(codec, NativeCodec) and python.make_depth is None:  # as of null: kernels only
        frames = [b""] * _MESSAGES
        return _timed(job, _native_decode(job, codec, frames, depths), lambda: NOTHING_TO_CHECK, frames)
    make, encode, decode, depth_of = python.make_depth, python.encode_depth, python.decode_depth, python.depth_of
    if make is None or encode is None or decode is None or depth_of is None:
        raise NotMeasurableError(f"codec/{job.variant.name} carries no depth frames: leave it out of this scenario")
    frames = [encode(make(depth)) for depth in depths]
    answers = [decode(frame) for frame in frames]

    def proof() -> Verification:
        return answers_equal("depth frame", [depth_of(one) for one in answers], depths)

    if isinstance(codec, NativeCodec):
        return _timed(job, _native_decode(job, codec, frames, depths), proof, frames)
    return _timed(job, _PythonCalls(decode, list(zip(frames, answers, strict=True))), proof, frames)


def _native_decode(job: Job, codec: NativeCodec, frames: list[bytes], depths: list[Depth]) -> _NativeCalls:
    records = [samples.depth_words(depth) for depth in depths]
    expected = _padded([words.tobytes() for words in records], WORD_BYTES * max(map(len, records)))
    longest = max(map(len, frames))
    given, room = _block_of(_padded(frames, longest - longest % WORD_BYTES + WORD_BYTES)), Block(expected.size)
    lengths, widths = [len(frame) for frame in frames], [expected.shape[1]] * _MESSAGES
    calls = np.stack([_rows_of(given), lengths, _rows_of(room), widths], axis=1)

    def time_calls(first: int, count: int, *recorder: Any) -> int:
        assert given.address  # as above
        return int(drivers.time_decode_at(codec.decode_depth, calls.ctypes.data, first, count, _MESSAGES, *recorder))

    return _NativeCalls(job, time_calls, room, expected)


def _padded(frames: Sequence[bytes], room_bytes: int) -> NDArray[np.int64]:
    """Frames as rows of words, zeros behind them."""
    rows = np.zeros((len(frames), room_bytes), dtype=np.uint8)
    for row, frame in zip(rows, frames, strict=True):
        row[: len(frame)] = np.frombuffer(frame, dtype=np.uint8)
    return rows.view(np.int64)


def _block_of(rows: NDArray[np.int64]) -> Block:
    block = Block(rows.size)
    block.array[:] = rows.ravel()
    return block


def _rows_of(block: Block) -> NDArray[np.int64]:
    """Where each message is in a block of equal rows."""
    return block.address + np.arange(_MESSAGES) * (block.array.nbytes // _MESSAGES)


def _workload(name: str, operation: str, run: Callable[[Job], Result], needed: str, **parameters: Any) -> Workload:
    shown = ("bytes_per_message",)
    return Workload(name, operation, run, frozenset({needed}), parameters, needs_feed=False, shown_counters=shown, paced=True)


TIMED = (
    _workload("encode_timed", "order", _encode_timed, "messages"),
    _workload("decode_depth_timed", "depth frame", _decode_depth_timed, "depth", levels=_LEVELS),
)
