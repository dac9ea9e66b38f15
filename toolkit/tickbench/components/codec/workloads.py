"""How messages are issued to a codec: one at a time, in the variant's own loop, and by columns.

`encode`, `decode` and the depth workloads call compiled variants from a kernel through a function pointer, and Python variants
from a Python list comprehension: what a message costs the engine that is written in that language. The null variant is the
compiled driver's; for the Python loops its `call` row is the one to look at. Every result counts `bytes_per_message`.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from tickbench.components.codec import drivers, samples
from tickbench.components.codec.contract import (
    FRAME_STRIDE_BYTES,
    ORDER_WORDS,
    BatchCodec,
    Columns,
    Order,
    PythonCodec,
)
from tickbench.components.codec.depth_workloads import depth_workloads
from tickbench.components.codec.results import Checked, answers_equal, count_bytes, python_side, timed
from tickbench.components.component import Job, Result, Workload
from tickbench.kernels.memory import Block

ORDERS = 128  # 6 KiB of orders and 8 KiB of frames: an engine's messages are in L1 when it touches them
BATCH_ORDERS = 1_000


def _encoded(codec: PythonCodec, orders: list[Order]) -> list[bytes]:
    return [codec.encode(codec.make(order)) for order in orders]


def _frames_block(frames: list[bytes]) -> Block:
    """Frames in memory, FRAME_STRIDE_BYTES apart."""
    block = Block(len(frames) * FRAME_STRIDE_BYTES // 8)
    for row, frame in zip(block.array.view(np.uint8).reshape(len(frames), FRAME_STRIDE_BYTES), frames, strict=True):
        row[: len(frame)] = np.frombuffer(frame, dtype=np.uint8)
    return block


def _frames_in(block: Block, length_bytes: int) -> list[bytes]:
    rows = block.array.view(np.uint8).reshape(-1, FRAME_STRIDE_BYTES)
    return [row[:length_bytes].tobytes() for row in rows]


def _orders_block(orders: list[Order]) -> Block:
    block = Block(len(orders) * ORDER_WORDS)
    block.array[:] = samples.order_words(orders).ravel()
    return block


def _timed_encode(job: Job, many: bool) -> Result:
    codec, orders = job.variant.build(None), samples.orders(job.seed, ORDERS)
    if isinstance(codec, PythonCodec):
        return _timed_python_encode(job, codec, orders)
    words, frames = _orders_block(orders), Block(ORDERS * FRAME_STRIDE_BYTES // 8)
    addresses = (words.address, frames.address, ORDERS)
    drive = drivers.drive_many if many else drivers.drive_encode
    operation, a_pass = (codec.encode_many, ORDERS) if many else (codec.encode, codec.order_bytes * ORDERS)

    def check() -> Checked:
        return answers_equal("frame", _frames_in(frames, codec.order_bytes), _encoded(codec.python, orders))

    return timed(job, lambda passes: drive(operation, *addresses, passes), ORDERS, a_pass, check, codec.order_bytes)


def _timed_python_encode(job: Job, codec: PythonCodec, orders: list[Order]) -> Result:
    messages, encode, frames = [codec.make(order) for order in orders], codec.encode, list[bytes]()

    def run(passes: int) -> None:
        nonlocal frames
        for _ in range(passes):
            frames = [encode(message) for message in messages]

    def check() -> Checked:
        return answers_equal("order", [codec.order_of(codec.decode(frame)) for frame in frames], orders)

    return timed(job, run, ORDERS, None, check, count_bytes(_encoded(codec, orders)))


def _timed_call(job: Job) -> Result:
    """One encode from Python, whatever the variant is written in."""
    return _timed_python_encode(job, python_side(job.variant.build(None)), samples.orders(job.seed, ORDERS))


def _timed_decode(job: Job, many: bool) -> Result:
    codec, orders = job.variant.build(None), samples.orders(job.seed, ORDERS)
    encoded = _encoded(python_side(codec), orders)
    if isinstance(codec, PythonCodec):
        return _timed_python_decode(job, codec, encoded, orders)
    frames, words = _frames_block(encoded), Block(ORDERS * ORDER_WORDS)

    def run(passes: int) -> Any:
        if many:
            return drivers.drive_many(codec.decode_many, frames.address, words.address, ORDERS, passes)
        return drivers.drive_decode(codec.decode, frames.address, codec.order_bytes, words.address, ORDERS, passes)

    def check() -> Checked:
        return answers_equal("order", words.array.reshape(-1, ORDER_WORDS).tolist(), samples.order_words(orders).tolist())

    return timed(job, run, ORDERS, ORDERS if many else 0, check, codec.order_bytes)


def _timed_python_decode(job: Job, codec: PythonCodec, encoded: list[bytes], orders: list[Order]) -> Result:
    decode, found = codec.decode, list[Any]()

    def run(passes: int) -> None:
        nonlocal found
        for _ in range(passes):
            found = [decode(frame) for frame in encoded]

    def check() -> Checked:
        return answers_equal("order", [codec.order_of(one) for one in found], orders)

    return timed(job, run, ORDERS, None, check, count_bytes(encoded))


def _timed_read(job: Job, many: bool) -> Result:
    codec, orders = job.variant.build(None), samples.orders(job.seed, ORDERS)
    frames = _frames_block(_encoded(codec.python, orders))
    scratch, out = Block(ORDER_WORDS), Block(ORDERS)

    def run(passes: int) -> Any:
        after = (scratch.address, out.address, ORDERS, passes)
        if many:
            return drivers.drive_read_many(codec.read_many, frames.address, *after)
        return drivers.drive_read(codec.read, frames.address, codec.order_bytes, *after)

    def check() -> Checked:
        return answers_equal("sum of fields", out.array.tolist(), samples.order_words(orders).sum(axis=1).tolist())

    return timed(job, run, ORDERS, ORDERS if many else 0, check, codec.order_bytes)


def _listed(codec: PythonCodec) -> tuple[Callable[[Any], Any], Callable[[Any], Any]]:
    """Encode and decode of a batch where a variant has none: one message after the other."""
    encode, decode = codec.encode, codec.decode
    return (lambda messages: [encode(one) for one in messages]), (lambda frames: [decode(one) for one in frames])


def _timed_batch(job: Job, decoding: bool) -> Result:
    codec, orders = python_side(job.variant.build(None)), samples.orders(job.seed, job.parameters["orders"])
    if codec.batch is not None:
        return _timed_columns(job, codec.batch, orders, decoding)
    encode, decode = _listed(codec)
    messages, encoded = [codec.make(order) for order in orders], _encoded(codec, orders)
    found: Any = None

    def run(passes: int) -> None:
        nonlocal found
        for _ in range(passes):
            found = decode(encoded) if decoding else encode(messages)

    def check() -> Checked:
        decoded = found if decoding else decode(found)
        return answers_equal("order", [codec.order_of(one) for one in decoded], orders)

    return timed(job, run, len(orders), None, check, count_bytes(encoded))


def _timed_columns(job: Job, batch: BatchCodec, orders: list[Order], decoding: bool) -> Result:
    expected, out = samples.columns(orders), Columns.empty(len(orders))
    frames = np.zeros(len(orders) * FRAME_STRIDE_BYTES, dtype=np.uint8)
    encode, decode = batch.encode, batch.decode
    encode(expected, frames)
    found = out

    def run(passes: int) -> None:
        nonlocal found
        for _ in range(passes):
            if decoding:
                found = decode(frames, out)
            else:
                encode(expected, frames)

    def check() -> Checked:
        back = found if decoding else decode(frames, out)
        pairs = zip(back.arrays(), expected.arrays(), strict=True)
        return answers_equal("column", [a.tolist() for a, _ in pairs], [a.tolist() for a in expected.arrays()])

    return timed(job, run, len(orders), None, check, FRAME_STRIDE_BYTES)


def _order(name: str, run: Callable[[Job], Result], *requires: str) -> Workload:
    return Workload(
        name, "order", run, requires=frozenset(requires), needs_feed=False, shown_counters=("bytes_per_message",), paced=True
    )


def _batch(name: str, *, decoding: bool) -> Workload:
    """`orders` a call."""
    return replace(_order(name, lambda job: _timed_batch(job, decoding)), parameters={"orders": BATCH_ORDERS})


WORKLOADS = {
    one.name: one
    for one in (
        _order("encode", lambda job: _timed_encode(job, many=False), "messages"),
        _order("decode", lambda job: _timed_decode(job, many=False), "messages"),
        _order("read_fields", lambda job: _timed_read(job, many=False), "fields"),
        _order("encode_many", lambda job: _timed_encode(job, many=True), "messages", "own_loop"),
        _order("decode_many", lambda job: _timed_decode(job, many=True), "messages", "own_loop"),
        _order("read_fields_many", lambda job: _timed_read(job, many=True), "fields"),
        _order("call", _timed_call, "call"),
        _batch("encode_batch", decoding=False),
        _batch("decode_batch", decoding=True),
        *depth_workloads(),
    )
}
