"""The binary frames: little-endian, fixed offsets, an 8-byte header as in Simple Binary Encoding (FIX SBE 1.0, 3.3).

    bytes   order, 64 in all: one cache line      bytes   depth, 48 + 16 a level
    0       u16 block length 56                   0       u16 block length 40
    2       u16 template 1                        2       u16 template 2
    4       u16 schema                            4       u16 schema
    6       u16 version                           6       u16 version
    8       u64 id                                8       u64 first update id
    16      u64 quantity                          16      u64 final update id
    24      f64 price                             24      u64 event time, ms
    32      u64 timestamp, ns                     32      char[8] symbol
    40      char[8] symbol, zero-padded           40      u16 bids, u16 asks, u8 price decimals, u8 quantity decimals, u16 0
    48      u8 side, then 15 zero bytes           48      bids, then asks: i64 price in ticks, i64 quantity in lots

Every u64 is at a multiple of 8, so that it is one load. All of a header is one word, so that checking it is one comparison.
A frame of another version is refused, not guessed at. Kernels assume a little-endian machine, as numba's targets are.
"""

import numpy as np

from tickbench.components.codec import contract
from tickbench.components.codec.contract import (
    ASK_COUNT,
    BAD_LEVELS,
    BAD_PADDING,
    BAD_SIDE,
    BID_COUNT,
    DECODE,
    DEPTH_HEAD_WORDS,
    DEPTH_SYMBOL,
    ENCODE,
    FINAL_ID,
    FIRST_ID,
    ID,
    MOST_LEVELS,
    NO_ROOM,
    ORDER_WORDS,
    OVERSIZED,
    PRICE,
    QUANTITY,
    SIDE,
    SYMBOL,
    TIME_MS,
    TIMESTAMP_NS,
    TRUNCATED,
    UNKNOWN_TEMPLATE,
    UNKNOWN_VERSION,
)
from tickbench.kernels.atomics import load_plain, store_plain
from tickbench.kernels.jit import kernel

SCHEMA, VERSION = 0x5442, 1  # "BT" in memory
ORDER_TEMPLATE, DEPTH_TEMPLATE = 1, 2
ORDER_BYTES, HEADER_BYTES, DEPTH_HEAD_BYTES, LEVEL_BYTES = 64, 8, 48, 16

ORDER_DTYPE = np.dtype(
    {
        "names": ["header", "id", "quantity", "price", "timestamp_ns", "symbol", "side", "padding"],
        "formats": ["<u8", "<u8", "<u8", "<f8", "<u8", "<i8", "u1", "V15"],
        "offsets": [0, 8, 16, 24, 32, 40, 48, 49],
        "itemsize": ORDER_BYTES,
    }
)


def header_word(block_bytes: int, template: int) -> int:
    """The four numbers of a header as one word."""
    return block_bytes | template << 16 | SCHEMA << 32 | VERSION << 48


ORDER_HEADER = header_word(ORDER_BYTES - HEADER_BYTES, ORDER_TEMPLATE)
DEPTH_HEADER = header_word(DEPTH_HEAD_BYTES - HEADER_BYTES, DEPTH_TEMPLATE)
DECIMALS = (contract.PRICE_DECIMALS | contract.QUANTITY_DECIMALS << 8) << 32  # in the word of the level counts
_VERSION_SHIFT = 48
_COUNT_BITS = 16
_NOT_SIDE = ~1  # the bits of the side's word that are zero in every order: 7 of its byte, and padding
_SIDE_BYTE = 0xFF
_W_HEADER, _W_ID, _W_QUANTITY, _W_PRICE, _W_TIMESTAMP, _W_SYMBOL, _W_SIDE, _W_ZERO = range(8)
_W_FIRST, _W_FINAL, _W_TIME, _W_DEPTH_SYMBOL, _W_COUNTS, _W_LEVELS = range(1, 7)


@kernel("int64(int64, int64)")
def _wrong_header(header, expected):
    if header >> _VERSION_SHIFT != expected >> _VERSION_SHIFT:
        return UNKNOWN_VERSION
    return UNKNOWN_TEMPLATE if header != expected else 0


@kernel("int64(int64, int64)")
def _why_no_order(frame, length_bytes):
    """The reason that `check_order_frame` gives; only for frames that are wrong."""
    if length_bytes != ORDER_BYTES:
        return TRUNCATED if length_bytes < ORDER_BYTES else OVERSIZED
    code = _wrong_header(load_plain(frame, _W_HEADER), ORDER_HEADER)
    if code != 0:
        return code
    return BAD_SIDE if load_plain(frame, _W_SIDE) & _SIDE_BYTE & _NOT_SIDE else BAD_PADDING


@kernel("int64(int64, int64)")
def check_order_frame(frame, length_bytes):
    """0 if the frame is an order; reads nothing of a frame of another length."""
    if length_bytes == ORDER_BYTES:
        wrong = (load_plain(frame, _W_HEADER) ^ ORDER_HEADER) | (load_plain(frame, _W_SIDE) & _NOT_SIDE)
        if (wrong | load_plain(frame, _W_ZERO)) == 0:
            return 0
    return _why_no_order(frame, length_bytes)


@kernel("int64(uint8[::1])")
def check_order_frames(frames):
    """0 if an array of whole frames holds orders only, else the code of the first that is none."""
    start = frames.ctypes.data
    for i in range(len(frames) // ORDER_BYTES):
        code = check_order_frame(start + ORDER_BYTES * i, ORDER_BYTES)
        if code != 0:
            return code
    return 0


@kernel("int64(int64, int64, int64, int64, int64, int64, int64, int64)")
def encode_words(frame, capacity_bytes, order_id, symbol, side, quantity, price, timestamp_ns):
    """Write the frame of an order whose fields are given as words; ORDER_BYTES, or a code and nothing written."""
    if capacity_bytes < ORDER_BYTES:
        return NO_ROOM
    if side & _NOT_SIDE:
        return BAD_SIDE
    store_plain(frame, _W_HEADER, ORDER_HEADER)
    store_plain(frame, _W_ID, order_id)
    store_plain(frame, _W_QUANTITY, quantity)
    store_plain(frame, _W_PRICE, price)
    store_plain(frame, _W_TIMESTAMP, timestamp_ns)
    store_plain(frame, _W_SYMBOL, symbol)
    store_plain(frame, _W_SIDE, side)
    store_plain(frame, _W_ZERO, 0)
    return ORDER_BYTES


@kernel(ENCODE)
def encode_order(order, frame, capacity_bytes):
    """Write the frame of an order in memory; ORDER_BYTES, or a code and nothing written."""
    return encode_words(
        frame,
        capacity_bytes,
        load_plain(order, ID),
        load_plain(order, SYMBOL),
        load_plain(order, SIDE),
        load_plain(order, QUANTITY),
        load_plain(order, PRICE),
        load_plain(order, TIMESTAMP_NS),
    )


@kernel(DECODE)
def decode_order(frame, length_bytes, order, capacity_words):
    """Copy the six fields of a frame to an order in memory; 0, or a code and nothing written."""
    code = check_order_frame(frame, length_bytes)
    if code != 0:
        return code
    if capacity_words < ORDER_WORDS:
        return NO_ROOM
    order_id, symbol, side = load_plain(frame, _W_ID), load_plain(frame, _W_SYMBOL), load_plain(frame, _W_SIDE)
    quantity, price = load_plain(frame, _W_QUANTITY), load_plain(frame, _W_PRICE)
    timestamp_ns = load_plain(frame, _W_TIMESTAMP)
    store_plain(order, ID, order_id)
    store_plain(order, SYMBOL, symbol)
    store_plain(order, SIDE, side)
    store_plain(order, QUANTITY, quantity)
    store_plain(order, PRICE, price)
    store_plain(order, TIMESTAMP_NS, timestamp_ns)
    return 0


@kernel("int64(int64)")
def add_fields(frame):
    """The six fields of a checked frame added up, read where they are."""
    numbers = load_plain(frame, _W_ID) + load_plain(frame, _W_QUANTITY) + load_plain(frame, _W_TIMESTAMP)
    return numbers + load_plain(frame, _W_PRICE) + load_plain(frame, _W_SYMBOL) + load_plain(frame, _W_SIDE)


@kernel("int64(int64)")
def add_words(order):
    """The six fields of an order in memory added up."""
    numbers = load_plain(order, ID) + load_plain(order, QUANTITY) + load_plain(order, TIMESTAMP_NS)
    return numbers + load_plain(order, PRICE) + load_plain(order, SYMBOL) + load_plain(order, SIDE)


@kernel("boolean(int64, int64, int64)")
def _any_negative(words, start, n):
    signs = 0
    for word in range(start, start + n):
        signs |= load_plain(words, word)
    return signs < 0


@kernel("int64(int64, int64)")
def check_depth_frame(frame, length_bytes):
    """The number of levels of a depth frame, or a code. Its length must be exactly that of its levels."""
    if length_bytes < DEPTH_HEAD_BYTES:
        return TRUNCATED
    if load_plain(frame, _W_HEADER) != DEPTH_HEADER:
        return _wrong_header(load_plain(frame, _W_HEADER), DEPTH_HEADER)
    counts = load_plain(frame, _W_COUNTS)
    if counts >> 2 * _COUNT_BITS << 2 * _COUNT_BITS != DECIMALS:
        return BAD_LEVELS
    levels = (counts & MOST_LEVELS) + (counts >> _COUNT_BITS & MOST_LEVELS)
    if length_bytes != DEPTH_HEAD_BYTES + LEVEL_BYTES * levels:
        return TRUNCATED if length_bytes < DEPTH_HEAD_BYTES + LEVEL_BYTES * levels else OVERSIZED
    return BAD_LEVELS if _any_negative(frame, _W_LEVELS, 2 * levels) else levels


@kernel(ENCODE)
def encode_depth(record, frame, capacity_bytes):
    """Write the frame of a depth record; its length in bytes, or a code and nothing written."""
    bids, asks = load_plain(record, BID_COUNT), load_plain(record, ASK_COUNT)
    if bids < 0 or bids > MOST_LEVELS or asks < 0 or asks > MOST_LEVELS:
        return BAD_LEVELS
    length_bytes = DEPTH_HEAD_BYTES + LEVEL_BYTES * (bids + asks)
    if capacity_bytes < length_bytes:
        return NO_ROOM
    if _any_negative(record, DEPTH_HEAD_WORDS, 2 * (bids + asks)):
        return BAD_LEVELS
    store_plain(frame, _W_HEADER, DEPTH_HEADER)
    store_plain(frame, _W_FIRST, load_plain(record, FIRST_ID))
    store_plain(frame, _W_FINAL, load_plain(record, FINAL_ID))
    store_plain(frame, _W_TIME, load_plain(record, TIME_MS))
    store_plain(frame, _W_DEPTH_SYMBOL, load_plain(record, DEPTH_SYMBOL))
    store_plain(frame, _W_COUNTS, bids | asks << _COUNT_BITS | DECIMALS)
    for word in range(2 * (bids + asks)):
        store_plain(frame, _W_LEVELS + word, load_plain(record, DEPTH_HEAD_WORDS + word))
    return length_bytes


@kernel(DECODE)
def decode_depth(frame, length_bytes, record, capacity_words):
    """Copy a depth frame to a record; 0, or a code and nothing written."""
    levels = check_depth_frame(frame, length_bytes)
    if levels < 0:
        return levels
    if capacity_words < DEPTH_HEAD_WORDS + 2 * levels:
        return NO_ROOM
    counts = load_plain(frame, _W_COUNTS)
    store_plain(record, FIRST_ID, load_plain(frame, _W_FIRST))
    store_plain(record, FINAL_ID, load_plain(frame, _W_FINAL))
    store_plain(record, TIME_MS, load_plain(frame, _W_TIME))
    store_plain(record, DEPTH_SYMBOL, load_plain(frame, _W_DEPTH_SYMBOL))
    store_plain(record, BID_COUNT, counts & MOST_LEVELS)
    store_plain(record, ASK_COUNT, counts >> _COUNT_BITS & MOST_LEVELS)
    for word in range(2 * levels):
        store_plain(record, DEPTH_HEAD_WORDS + word, load_plain(frame, _W_LEVELS + word))
    return 0


@kernel("int64(int64, int64)")
def add_depth(frame, levels):
    """Everything in a checked depth frame added up, read where it is."""
    total = load_plain(frame, _W_FIRST) + load_plain(frame, _W_FINAL) + load_plain(frame, _W_TIME)
    total += load_plain(frame, _W_DEPTH_SYMBOL)
    for word in range(_W_LEVELS, _W_LEVELS + 2 * levels):
        total += load_plain(frame, word)
    return total


@kernel("int64(int64)")
def add_record(record):
    """Everything in a depth record but its counts added up."""
    total = load_plain(record, FIRST_ID) + load_plain(record, FINAL_ID) + load_plain(record, TIME_MS)
    total += load_plain(record, DEPTH_SYMBOL)
    levels = load_plain(record, BID_COUNT) + load_plain(record, ASK_COUNT)
    for word in range(DEPTH_HEAD_WORDS, DEPTH_HEAD_WORDS + 2 * levels):
        total += load_plain(record, word)
    return total
