"""Opening a WebSocket connection, and frames from Python, for a transport that reads the socket itself (RFC 6455, 4.1, 5.2)."""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import struct
from urllib.parse import urlsplit

from tickbench.errors import InputError

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MOST_HEAD_BYTES = 16_384
_TIMEOUT_S = 5.0


def open_websocket(url: str) -> tuple[socket.socket, bytes]:
    """A connected socket and the bytes that came after the handshake; InputError or OSError where it fails."""
    parts = urlsplit(url)
    if parts.scheme != "ws" or parts.hostname is None:
        raise InputError(f"{url}: expected ws://HOST:PORT/…")
    connection = socket.create_connection((parts.hostname, parts.port or 80), timeout=_TIMEOUT_S)
    try:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        key = base64.b64encode(os.urandom(16))
        target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
        connection.sendall(
            f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key.decode()}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head, rest = _read_head(connection)
        status, _, fields = head.partition(b"\r\n")
        accept = base64.b64encode(hashlib.sha1(key + _GUID).digest())
        if b" 101 " not in status + b" " or accept not in fields:
            raise InputError(
                f"{url}: no WebSocket connection: {status.decode('ascii', 'replace')} {rest[:200].decode(errors='replace')}"
            )
    except BaseException:
        connection.close()
        raise
    return connection, rest


def _read_head(connection: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65_536)
        if not more or len(data) > _MOST_HEAD_BYTES:
            raise InputError(f"the WebSocket handshake was not answered: {data[:200]!r}")
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


def client_frame(payload: bytes, opcode: int) -> bytes:
    """A masked frame; payloads below 65,536 bytes."""
    mask, length = os.urandom(4), len(payload)
    head = (
        struct.pack("!BB", 0x80 | opcode, 0x80 | length) if length < 126 else struct.pack("!BBH", 0x80 | opcode, 0xFE, length)
    )
    return head + mask + bytes(byte ^ mask[i & 3] for i, byte in enumerate(payload))
