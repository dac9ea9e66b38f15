"""Messages over file descriptors (socket, pipe): read(2) and write(2), called from compiled code.

A stream copies anyway, so an end has a buffer for each way: a message is written into one and then sent; it is received
into the other and read there. Partial transfers go on where they stopped.

    line pair 0   descriptor to read | to write | bytes received | bytes sent
    line pair 1   the message that is sent          line pair 2   the message that is received
"""

import os
import socket
from collections.abc import Callable

from numba import types

from tickbench.components.ipc import contract
from tickbench.kernels.atomics import load_plain, store_plain
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_WORDS, Block

_READ_FD, _WRITE_FD, _RECEIVED, _SENT = range(4)
_OUT, _IN = 8 * ISOLATION_WORDS, 16 * ISOLATION_WORDS  # bytes from the start
_CLOSED = contract.CLOSED
_BYTES = contract.MESSAGE_BYTES
_EAGAIN, _EINTR = 11, 4  # include/uapi/asm-generic/errno-base.h in Linux

_read = types.ExternalFunction("read", types.int64(types.int64, types.int64, types.int64))
_write = types.ExternalFunction("write", types.int64(types.int64, types.int64, types.int64))
_errno_location = types.ExternalFunction("__errno_location", types.int64())


@kernel("int64()")
def _again():
    """0 if the last call only found nothing to do, CLOSED if it really failed."""
    address = _errno_location()
    # errno is 4 bytes at an address that may not be a multiple of 8: read the word that holds it.
    number = (load_plain(address & ~7, 0) >> (8 * (address & 7))) & 0xFFFF_FFFF
    return 0 if number in (_EAGAIN, _EINTR) else _CLOSED


@kernel(contract.CLAIM)
def stream_claim(end, thread):
    """The buffer for what is sent."""
    return end + _OUT


@kernel(contract.PUBLISH)
def stream_publish(end, thread, message):
    """Write the message; 0 if the descriptor takes no more at the moment."""
    sent = load_plain(end, _SENT)
    while sent < _BYTES:
        done = _write(load_plain(end, _WRITE_FD), end + _OUT + sent, _BYTES - sent)
        if done < 0:
            store_plain(end, _SENT, sent)
            return _again()
        sent += done
    store_plain(end, _SENT, 0)
    return 1


@kernel(contract.PEEK)
def stream_peek(end, thread):
    """Read a whole message into the buffer; 0 if there is none yet, CLOSED at the end of the stream."""
    received = load_plain(end, _RECEIVED)
    while received < _BYTES:
        done = _read(load_plain(end, _READ_FD), end + _IN + received, _BYTES - received)
        if done <= 0:
            store_plain(end, _RECEIVED, received)
            return _CLOSED if done == 0 else _again()
        received += done
    store_plain(end, _RECEIVED, received)
    return end + _IN


@kernel(contract.RELEASE)
def stream_release(end, thread, message):
    """Forget the message that was read."""
    store_plain(end, _RECEIVED, 0)
    return 1


def explain(code: int) -> str:
    """A negative answer in words."""
    return "the other side closed the stream or is gone" if code == contract.CLOSED else f"code {code}"


def stream_endpoint(
    read_fd: int, write_fd: int, *, blocking: bool, address: str = "", handed_over: tuple[int, ...] = ()
) -> contract.Endpoint:
    """An end that owns these descriptors (they may be the same); what is handed over is closed here once the other has it."""
    block = Block(3 * ISOLATION_WORDS)
    block.array[_READ_FD], block.array[_WRITE_FD] = read_fd, write_fd
    for one in (read_fd, write_fd):
        os.set_blocking(one, blocking)
    theirs = set(handed_over)

    def let_go(fds: set[int]) -> None:
        while fds:
            os.close(fds.pop())

    ours = {read_fd, write_fd}

    def close() -> None:
        let_go(theirs)
        let_go(ours)

    return contract.Endpoint(
        block,
        stream_claim,
        stream_publish,
        stream_peek,
        stream_release,
        address=address,
        handed_over=handed_over,
        meet=lambda: let_go(theirs),  # or the end of the stream would never come
        close=close,
        explain=explain,
    )


def socket_endpoint(
    config: contract.IpcConfig, pair: Callable[[], tuple[socket.socket, socket.socket]], *, blocking: bool
) -> contract.Endpoint:
    """The client's end of a connected pair of sockets, or the server's of the descriptor that it inherited."""
    if config.side == contract.SERVER:
        fd = int(config.address)
        return stream_endpoint(fd, fd, blocking=blocking)
    ours, theirs = (one.detach() for one in pair())
    return stream_endpoint(ours, ours, blocking=blocking, address=str(theirs), handed_over=(theirs,))
