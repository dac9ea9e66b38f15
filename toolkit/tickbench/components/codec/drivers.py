"""Loops around the kernels of a compiled codec: each takes the operation as a pointer and goes over the same messages again.

Addresses are computed, not looked up, for orders, whose encoding takes no longer than a lookup. All return the sum of what the
operations returned: sizes where they encode, 0 where they decode; a code of a refused frame would show in it.
"""

from tickbench.components.codec.contract import (
    DECODE,
    ENCODE,
    ENCODE_MANY,
    FRAME_STRIDE_BYTES,
    ORDER_WORDS,
    READ,
    READ_MANY,
)
from tickbench.kernels.atomics import load_plain, store_plain
from tickbench.kernels.clock import now_ticks, ticks_to_ns
from tickbench.kernels.jit import kernel
from tickbench.kernels.recorder import record

_ORDER_STRIDE_BYTES = 8 * ORDER_WORDS
_FNV_PRIME = 0x100000001B3  # FNV-1a, 64 bits (Fowler, Noll, Vo; RFC 9923), word by word: every bit changes the sum


@kernel(f"int64(pointer[{ENCODE}], int64, int64, int64, int64)")
def drive_encode(encode, orders, frames, n, passes):
    """Encode n orders into frames that are FRAME_STRIDE_BYTES apart."""
    total = 0
    for _ in range(passes):
        for i in range(n):
            total += encode(orders + _ORDER_STRIDE_BYTES * i, frames + FRAME_STRIDE_BYTES * i, FRAME_STRIDE_BYTES)
    return total


@kernel(f"int64(pointer[{DECODE}], int64, int64, int64, int64, int64)")
def drive_decode(decode, frames, length_bytes, orders, n, passes):
    """Decode n frames of one length into orders."""
    total = 0
    for _ in range(passes):
        for i in range(n):
            total += decode(frames + FRAME_STRIDE_BYTES * i, length_bytes, orders + _ORDER_STRIDE_BYTES * i, ORDER_WORDS)
    return total


@kernel(f"int64(pointer[{READ}], int64, int64, int64, int64, int64, int64)")
def drive_read(read, frames, length_bytes, scratch, out, n, passes):
    """Read the fields of n frames of one length; their sum goes to a word of `out` for each."""
    total = 0
    for _ in range(passes):
        for i in range(n):
            total += read(frames + FRAME_STRIDE_BYTES * i, length_bytes, scratch, out + 8 * i)
    return total


@kernel(f"int64(pointer[{ENCODE_MANY}], int64, int64, int64, int64)")
def drive_many(many, source, target, n, passes):
    """Call the variant's own loop over n orders or frames; it returns n if all went well."""
    total = 0
    for _ in range(passes):
        total += many(source, target, n)
    return total


@kernel(f"int64(pointer[{READ_MANY}], int64, int64, int64, int64, int64)")
def drive_read_many(read_many, frames, scratch, out, n, passes):
    """As `drive_many`, for reading fields."""
    total = 0
    for _ in range(passes):
        total += read_many(frames, scratch, out, n)
    return total


@kernel(f"int64(pointer[{ENCODE}], int64, int64, int64, int64)")
def drive_encode_at(encode, calls, room_bytes, n, passes):
    """Encode n messages of different sizes; `calls` holds two words a call: the addresses of the message and of the frame."""
    total = 0
    for _ in range(passes):
        for i in range(n):
            total += encode(load_plain(calls, 2 * i), load_plain(calls, 2 * i + 1), room_bytes)
    return total


@kernel(f"int64(pointer[{DECODE}], int64, int64, int64)")
def drive_at(operation, calls, n, passes):
    """Decode or read n frames of different sizes; `calls` holds the four arguments of each call."""
    total = 0
    for _ in range(passes):
        for i in range(n):
            frame, length_bytes = load_plain(calls, 4 * i), load_plain(calls, 4 * i + 1)
            total += operation(frame, length_bytes, load_plain(calls, 4 * i + 2), load_plain(calls, 4 * i + 3))
    return total


@kernel("int64(int64, int64)")
def checksum(start, words):
    """A hash of the words at an address, and of their order; 0 for none."""
    found = 0
    for word in range(words):
        found = (found ^ load_plain(start, word)) * _FNV_PRIME + 1
    return found


@kernel(f"int64(pointer[{ENCODE}], int64, int64, int64, int64, int64, int64, float64, int64, int64)")
def time_encode_at(encode, calls, room_bytes, first, count, n, source, ns_per_tick, words, index):
    """Of n calls as for `drive_encode_at` the next `count`, from `first` on and round, each timed with a clock reading in it.

    Between two messages, outside the times, the room of the next frame is cleared, and that of the last frame is hashed: the
    sum of the hashes is returned.
    """
    total, room_words, i = 0, room_bytes // 8, first
    for _ in range(count):
        message, frame = load_plain(calls, 2 * i), load_plain(calls, 2 * i + 1)
        for word in range(room_words):
            store_plain(frame, word, 0)
        start = now_ticks(source)
        encode(message, frame, room_bytes)
        end = now_ticks(source)
        record(words, index, ticks_to_ns(end - start, ns_per_tick))
        total += checksum(frame, room_words)
        i = i + 1 if i + 1 < n else 0
    return total


@kernel(f"int64(pointer[{DECODE}], int64, int64, int64, int64, int64, float64, int64, int64)")
def time_decode_at(decode, calls, first, count, n, source, ns_per_tick, words, index):
    """As `time_encode_at`, for n calls as for `drive_at`; the room is that of the message."""
    total, i = 0, first
    for _ in range(count):
        frame, length_bytes = load_plain(calls, 4 * i), load_plain(calls, 4 * i + 1)
        message, room_words = load_plain(calls, 4 * i + 2), load_plain(calls, 4 * i + 3)
        for word in range(room_words):
            store_plain(message, word, 0)
        start = now_ticks(source)
        decode(frame, length_bytes, message, room_words)
        end = now_ticks(source)
        record(words, index, ticks_to_ns(end - start, ns_per_tick))
        total += checksum(message, room_words)
        i = i + 1 if i + 1 < n else 0
    return total
