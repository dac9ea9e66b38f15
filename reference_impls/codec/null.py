"""Encodes nothing: its time is that of the driver, of the call through a pointer, and of the loop in Python."""

import numpy as np
from numpy.typing import NDArray

from tickbench.components.codec.contract import (
    DECODE,
    ENCODE,
    ENCODE_MANY,
    READ_MANY,
    BatchCodec,
    Columns,
    NativeCodec,
    PythonCodec,
)
from tickbench.kernels.jit import kernel
from tickbench.registry import variant


@kernel(ENCODE)
def _encode(_message, _frame, _capacity_bytes):
    return 0


@kernel(DECODE)
def _four(_frame, _length_bytes, _message, _capacity_words):
    return 0


@kernel(ENCODE_MANY)
def _many(_orders, _frames, n):
    return n


@kernel(READ_MANY)
def _read_many(_frames, _scratch, _out, n):
    return n


def _encode_batch(_orders: Columns, _frames: NDArray[np.uint8]) -> None:
    pass


def _decode_batch(_frames: NDArray[np.uint8], out: Columns) -> Columns:
    return out


@variant(
    "codec",
    runtime="native",
    example_of="nothing: the cost of the driver",
    capabilities=("messages", "own_loop", "fields", "depth", "depth_fields", "call"),
    null=True,
)
def null(_config: object) -> NativeCodec:
    """Make the codec that does nothing; from Python it returns what it is given."""
    python = PythonCodec(
        make=lambda order: order,
        encode=lambda _order: b"",
        decode=lambda _frame: None,
        order_of=lambda order: order,
        batch=BatchCodec(_encode_batch, _decode_batch),
    )
    return NativeCodec(
        order_bytes=0,
        encode=_encode,
        decode=_four,
        read=_four,
        encode_many=_many,
        decode_many=_many,
        read_many=_read_many,
        encode_depth=_encode,
        decode_depth=_four,
        read_depth=_four,
        python=python,
    )
