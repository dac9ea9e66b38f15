"""Kernels that read and write WebSocket frames on non-blocking sockets, with no Python between receive and send.

A link is a block of words: the socket, the buffer that its bytes are read into, and the frame that was found in it. The loop
asks both sockets in turn and never sleeps. It comes back for what is Python's (texts, control frames, lost connections), and
at its deadline.
"""

from numba import types

from tickbench.engine import protocol
from tickbench.engine.compiled import frame as kernels
from tickbench.engine.compiled import layout as at
from tickbench.kernels.atomics import load_plain, pause, store_plain
from tickbench.kernels.jit import kernel
from tickbench.probe import record as probe

SOCKET, BUFFER, BUFFER_BYTES, START, END, RECEIVED, DONE, OPCODE, PAYLOAD, LENGTH, FRAMES_READ = range(11)
LINK_WORDS = 16
FEED_BUFFER_BYTES, ORDERS_BUFFER_BYTES = 8 << 20, 1 << 18  # the feed's largest frame has 4 MiB (`protocol.MOST_FEED_BYTES`)

# why the loop comes back; CLOSED also stands for a frame that is none
DEADLINE, FEED_TEXT, ORDERS_TEXT, FEED_CLOSED, ORDERS_CLOSED, GAP = range(6)
_NONE, _FRAME, _CLOSED = 0, 1, -1

_recv = types.ExternalFunction("recv", types.int64(types.int32, types.int64, types.int64, types.int32))
_send = types.ExternalFunction("send", types.int64(types.int32, types.int64, types.int64, types.int32))
_memmove = types.ExternalFunction("memmove", types.int64(types.int64, types.int64, types.int64))
_errno_location = types.ExternalFunction("__errno_location", types.int64())
_MSG_DONTWAIT, _MSG_NOSIGNAL = 0x40, 0x4000  # include/linux/socket.h in Linux
_EINTR, _EAGAIN = 4, 11  # include/uapi/asm-generic/errno-base.h
_LOW_32 = (1 << 32) - 1
_LEAST_ROOM_BYTES, _READ_BYTES = 1 << 16, 1 << 16
_BINARY = 2
_ORDER_BYTES = protocol.ORDER_MESSAGE_BYTES
_ORDER_FRAME_BYTES = 2 + 4 + _ORDER_BYTES
_ORDER_HEAD = 0x82 | (0x80 | _ORDER_BYTES) << 8  # final binary frame, masked, its length in the second byte
_REPORT_BYTES = protocol.REPORT_BYTES
_MOST_FRAME_BYTES = 8 * at.FRAME_WORDS
_STAGE_RECEIVE, _STAGE_SEND = 1, 7


@kernel("int64(int64, int64)")
def _byte(address, place):
    """One byte of memory; the eight from its place on lie in the buffer, which has some to spare."""
    return load_plain(address + place, 0) & 0xFF


@kernel("int64(int64)")
def _read(link):
    """Read what the socket has: bytes, 0 for none now, _CLOSED."""
    start, end = load_plain(link, START), load_plain(link, END)
    buffer, size = load_plain(link, BUFFER), load_plain(link, BUFFER_BYTES)
    if start == end:
        start = end = 0
    elif size - end < _LEAST_ROOM_BYTES:
        _memmove(buffer, buffer + start, end - start)
        start, end = 0, end - start
        if size - end < _LEAST_ROOM_BYTES:
            return _CLOSED  # a frame larger than any
    store_plain(link, START, start)
    store_plain(link, END, end)
    got = _recv(load_plain(link, SOCKET), buffer + end, min(size - end - 16, _READ_BYTES), _MSG_DONTWAIT)
    if got > 0:
        store_plain(link, END, end + got)
        return got
    if got == 0:
        return _CLOSED
    error = load_plain(_errno_location(), 0) & _LOW_32
    return 0 if error in (_EAGAIN, _EINTR) else _CLOSED


@kernel("int64(int64)")
def _find_frame(link):
    """Find the next whole frame in the buffer and take it out: _FRAME, _NONE, or _CLOSED for one that is not allowed."""
    start, held = load_plain(link, START), load_plain(link, END) - load_plain(link, START)
    if held < 2:
        return _NONE
    frame = load_plain(link, BUFFER) + start
    first, length, head = _byte(frame, 0), _byte(frame, 1), 2
    if length == 126:
        head = 4
    elif length == 127:
        head = 10
    if held < head:
        return _NONE
    if first & 0x80 == 0 or length > 127:
        return _CLOSED  # a fragment, or a masked frame: the exchange sends neither
    if head > 2:
        length = 0
        for place in range(2, head):
            length = length << 8 | _byte(frame, place)
    if held < head + length:
        return _NONE
    store_plain(link, OPCODE, first & 0x0F)
    store_plain(link, PAYLOAD, frame + head)
    store_plain(link, LENGTH, length)
    store_plain(link, START, start + head + length)
    store_plain(link, FRAMES_READ, load_plain(link, FRAMES_READ) + 1)
    return _FRAME


@kernel("int64(int64, int64)")
def _next_frame(engine, link):
    """The next frame, read from the socket if the buffer holds none; the clock starts before the read that brought it."""
    found = _find_frame(link)
    if found != _NONE:
        return found
    before = probe.now(load_plain(engine, at.S_RECEIVE))
    got = _read(link)
    if got <= 0:
        return got
    store_plain(link, RECEIVED, before)
    store_plain(link, DONE, before)
    return _find_frame(link)


@kernel("int64(int64, int64, int64)")
def send_order(engine, orders, mask):
    """Send the order at AT_MESSAGE as one masked frame; 0, or _CLOSED. The message is masked where it lies: it is sent once."""
    slot = load_plain(engine, at.S_SEND)
    probe.stage(load_plain(engine, at.S_MESSAGE), _STAGE_SEND)
    since = probe.now(slot)
    message, out = load_plain(engine, at.AT_MESSAGE), load_plain(engine, at.AT_FRAME)
    store_plain(out, 0, _ORDER_HEAD | (mask & _LOW_32) << 16)
    twice = (mask & _LOW_32) | mask << 32
    for word in range(_ORDER_BYTES // 8):
        store_plain(out + 6, word, load_plain(message, word) ^ twice)
    sent = 0
    while sent < _ORDER_FRAME_BYTES:
        got = _send(load_plain(orders, SOCKET), out + sent, _ORDER_FRAME_BYTES - sent, _MSG_DONTWAIT | _MSG_NOSIGNAL)
        if got > 0:
            sent += got
            continue
        error = load_plain(_errno_location(), 0) & _LOW_32
        if error not in (_EAGAIN, _EINTR):
            return _CLOSED
        pause()
    kernels.on_sent(engine, since)
    return 0


@kernel("int64(int64, int64, int64, int64)")
def _take_feed(engine, feed, orders, mask):
    """Handle one frame of the feed, if there is one; why the loop has to come back, or DEADLINE if it has not."""
    found = _next_frame(engine, feed)
    if found == _NONE:
        return DEADLINE
    if found < 0:
        return FEED_CLOSED
    if load_plain(feed, OPCODE) != _BINARY:
        return FEED_TEXT
    frame, length = load_plain(engine, at.AT_FRAME), load_plain(feed, LENGTH)
    if length > _MOST_FRAME_BYTES:
        length = 0  # longer than any frame is: counted as malformed
    _memmove(frame, load_plain(feed, PAYLOAD), length)
    probe.lap(load_plain(engine, at.S_RECEIVE), load_plain(feed, DONE))
    result = kernels.on_feed(engine, frame, length, load_plain(feed, RECEIVED))
    if result == at.ORDER and send_order(engine, orders, mask) != 0:
        return ORDERS_CLOSED
    store_plain(feed, DONE, probe.now(load_plain(engine, at.S_RECEIVE)))
    return GAP if result == at.RESYNC else DEADLINE


@kernel("int64(int64, int64, int64)")
def _take_report(engine, orders, mask):
    """Handle one report, if there is one; as `_take_feed`."""
    found = _next_frame(engine, orders)
    if found == _NONE:
        return DEADLINE
    if found < 0:
        return ORDERS_CLOSED
    if load_plain(orders, OPCODE) != _BINARY:
        return ORDERS_TEXT
    frame, length = load_plain(engine, at.AT_FRAME), load_plain(orders, LENGTH)
    _memmove(frame, load_plain(orders, PAYLOAD), min(length, _REPORT_BYTES))
    if kernels.on_report(engine, frame, length) == at.ORDER and send_order(engine, orders, mask) != 0:
        return ORDERS_CLOSED
    return DEADLINE


@kernel("int64(int64, int64, int64, int64, int64)")
def spin(engine, feed, orders, deadline_ticks, mask):
    """Serve both links until the deadline or until Python is needed; `mask` is drawn for each call. A socket of 0 is closed."""
    slot = load_plain(engine, at.S_RECEIVE)
    while True:
        result = _take_feed(engine, feed, orders, mask) if load_plain(feed, SOCKET) > 0 else DEADLINE
        if result != DEADLINE:
            return result
        result = _take_report(engine, orders, mask)
        if result != DEADLINE:
            return result
        mask = mask * 6364136223846793005 + 1442695040888963407  # Knuth's MMIX generator: another mask for each frame
        if probe.now(slot) >= deadline_ticks:
            return DEADLINE
        pause()
