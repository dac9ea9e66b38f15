"""The kernels of a compiled codec: exact words, codes for what is refused, and not a byte outside the caller's buffer.

The model is the Python side of the same codec, which the oracle compares with the orders themselves; golden bytes of each
layout are in the tests.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tickbench.components.codec import drivers, samples
from tickbench.components.codec.contract import (
    CODES,
    FRAME_STRIDE_BYTES,
    NO_ROOM,
    ORDER_WORDS,
    OVERSIZED,
    SIDE,
    TRUNCATED,
    UNKNOWN_TEMPLATE,
    UNKNOWN_VERSION,
    NativeCodec,
    Order,
)

Checks = Iterator[tuple[bool, str]]
_CANARY = 0xA5  # fills what must stay untouched
_CANARY_WORD = 0xA5A5A5A5A5A5A5A5 - (1 << 64)


def native_checks(codec: NativeCodec, *, versioned: bool) -> Checks:
    """All kernels that the codec has."""
    orders = [*samples.edge_orders(), *samples.orders(3, 40)]
    words = samples.order_words(orders)
    frames = [codec.python.encode(codec.python.make(order)) for order in orders]
    yield from _encode_checks(codec, words, frames)
    if codec.decode is not None:
        yield from _decode_checks(codec, words, frames, versioned=versioned)
    if codec.read is not None:
        yield from _read_checks(codec, words, frames)
    if codec.encode_many is not None:
        yield from _many_checks(codec, words, frames, orders)


def _address(array: NDArray[Any], offset_bytes: int = 0) -> int:
    return int(array.ctypes.data) + offset_bytes


def _strided(frames: list[bytes]) -> NDArray[np.uint8]:
    found = np.zeros((len(frames), FRAME_STRIDE_BYTES), dtype=np.uint8)
    for row, frame in zip(found, frames, strict=True):
        row[: len(frame)] = np.frombuffer(frame, dtype=np.uint8)
    return found


def _encode_checks(codec: NativeCodec, words: NDArray[np.int64], frames: list[bytes]) -> Checks:
    size = codec.order_bytes
    for row, frame in zip(words, frames, strict=True):
        buffer = np.full(size + 16, _CANARY, dtype=np.uint8)
        written = codec.encode(_address(row), _address(buffer, 8), size)
        yield written == size == len(frame), f"encode returned {written} for a frame of {len(frame)} bytes"
        yield buffer[8:-8].tobytes() == frame, f"encode wrote {buffer[8:-8].tobytes().hex()}, expected {frame.hex()}"
        outside = np.concatenate([buffer[:8], buffer[-8:]])
        yield bool((outside == _CANARY).all()), "encode wrote outside the frame"
    for side, room, wanted in ((0, size - 1, NO_ROOM), (0, 0, NO_ROOM), (2, size, None), (-1, size, None), (256, size, None)):
        order, buffer = words[0].copy(), np.full(size, _CANARY, dtype=np.uint8)
        order[SIDE] = side
        code = codec.encode(_address(order), _address(buffer), room)
        yield _refused(code, wanted), f"encode of side {side} into {room} bytes returned {code}"
        yield bool((buffer == _CANARY).all()), f"encode of side {side} into {room} bytes was refused and wrote"


def _refused(code: int, wanted: int | None = None) -> bool:
    return code == wanted if wanted is not None else code in CODES


def _decode_checks(codec: NativeCodec, words: NDArray[np.int64], frames: list[bytes], *, versioned: bool) -> Checks:
    size = codec.order_bytes
    for row, frame in zip(words, frames, strict=True):
        code, order = _decode(codec, frame, size)
        yield code == 0, f"decode returned {code} for a good frame"
        yield order[:-1] == row.tolist(), f"decode gave the words {order[:-1]}, expected {row.tolist()}"
        yield order[-1] == _CANARY_WORD, "decode wrote behind the order"
    frame = frames[0]
    wrong = [(frame, length, TRUNCATED) for length in (-1, 0, 1, size - 1)]
    wrong += [(frame, length, OVERSIZED) for length in (size + 1, 2 * size, 1 << 40)]
    if versioned:
        wrong += [(_flip(frame, at), size, UNKNOWN_TEMPLATE) for at in range(6)]
        wrong += [(_flip(frame, at), size, UNKNOWN_VERSION) for at in (6, 7)]
    for bytes_, length, wanted in wrong:
        code, order = _decode(codec, bytes_, length)
        yield code == wanted, f"decode of {bytes_[:8].hex()}… of {length} bytes returned {code}, expected {wanted}"
        yield order == [_CANARY_WORD] * len(order), f"decode refused with {code} and wrote {order}"
    code, order = _decode(codec, frame, size, ORDER_WORDS - 1)
    yield (
        code == NO_ROOM and order == [_CANARY_WORD] * len(order),
        f"decode into too few words returned {code} and left {order}",
    )


def _flip(frame: bytes, at: int) -> bytes:
    return frame[:at] + bytes([frame[at] ^ 0x10]) + frame[at + 1 :]


def _decode(codec: NativeCodec, frame: bytes, length: int, room_words: int = ORDER_WORDS) -> tuple[int, list[int]]:
    """The code, and the order's words with one more behind them."""
    held, order = _strided([frame]), np.full(ORDER_WORDS + 1, _CANARY_WORD, dtype=np.int64)
    return codec.decode(_address(held), length, _address(order), room_words), order.tolist()


def _read_checks(codec: NativeCodec, words: NDArray[np.int64], frames: list[bytes]) -> Checks:
    size, n, held = codec.order_bytes, len(frames), _strided(frames)
    expected, scratch = words.sum(axis=1).tolist(), np.zeros(ORDER_WORDS, dtype=np.int64)
    for many in (False, True):
        out = np.zeros(n, dtype=np.int64)
        after = (_address(scratch), _address(out), n, 1)
        if many:
            drivers.drive_read_many(codec.read_many, _address(held), *after)
        else:
            drivers.drive_read(codec.read, _address(held), size, *after)
        yield out.tolist() == expected, f"the fields add up to {out.tolist()}, expected {expected}"
    spoilt, out = _strided([_flip(frames[0], 0), *frames[1:]]), np.full(n, _CANARY_WORD, dtype=np.int64)
    read = codec.read_many(_address(spoilt), _address(scratch), _address(out), n)
    yield read == 0 and int(out[0]) == _CANARY_WORD, f"reading a frame with a wrong header went on to {read}"


def _many_checks(codec: NativeCodec, words: NDArray[np.int64], frames: list[bytes], orders: list[Order]) -> Checks:
    n, held = len(orders), _strided(frames)
    made = np.zeros_like(held)
    done = codec.encode_many(_address(words), _address(made), n)
    yield done == n and (made == held).all(), f"encode_many encoded {done} of {n}, or other bytes than encode"
    back = np.zeros_like(words)
    done = codec.decode_many(_address(held), _address(back), n)
    yield done == n and (back == words).all(), f"decode_many decoded {done} of {n}, or other words than decode"
    bad = words.copy()
    bad[n // 2, SIDE] = 2
    done = codec.encode_many(_address(bad), _address(made), n)
    yield done == n // 2, f"encode_many went on to {done} past a bad side at {n // 2}"
