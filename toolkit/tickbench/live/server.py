"""The exporter: `/metrics` for Prometheus and `/json`, read-only, over HTTP.

http.server of the standard library: a scrape comes every few seconds from one or two readers, and what matters are limits, not
speed. It listens on a loopback address unless told otherwise. A request is a line and headers of at most 8 KiB that arrive
within 5 s; 8 connections at a time, 20 requests a second; a page is looked at 10 times a second at most, whoever asks. On a
loopback address the host must be named by an address or as localhost, so that no web page reaches it through a name of its own.
"""

import ipaddress
import socket
import threading
import time
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any

import msgspec

from tickbench.errors import InputError, UsageError
from tickbench.live.metrics import openmetrics_text
from tickbench.live.target import Target
from tickbench.live.watch import Look, Watch
from tickbench.measure.budgets import Budget
from tickbench.probe import Snapshot

SCHEMA = "tickbench.live/1"
_HEAD_BYTES = 8192
_CONNECTIONS = 8
_REQUESTS_PER_S = 20.0
_TIMEOUT_S = 5.0
_FRESH_S = 0.1
_OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Source:
    """Looks at the engine for all requests: one at a time, and not more often than every `_FRESH_S`."""

    def __init__(self, target: Target, budgets: Sequence[Budget]) -> None:
        self._watch, self._lock = Watch(target, budgets), threading.Lock()
        self._found: tuple[Look, Snapshot] | None = None
        self._until_s = 0.0

    def look(self) -> tuple[Look, Snapshot]:
        """A look and its snapshot; InputError if the page has become unreadable."""
        with self._lock:
            if self._found is None or time.monotonic() >= self._until_s:
                look = self._watch.look()
                assert self._watch.snapshot is not None
                self._found, self._until_s = (look, self._watch.snapshot), time.monotonic() + _FRESH_S
            return self._found


def json_document(look: Look, snapshot: Snapshot) -> bytes:
    """A look with all buckets: a text in the HdrHistogram V2 encoding for each line, in their order."""
    encoded = [one.histogram.encode() for one in snapshot.readings if one.histogram is not None]
    return msgspec.json.encode({"schema": SCHEMA, "look": look, "histograms_hdr_v2": encoded}) + b"\n"


def parse_address(text: str) -> tuple[str, int]:
    """Host and port of `127.0.0.1:9464`, `[::1]:9464`; UsageError for anything else."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdecimal() or not port.isascii() or int(port) > 65535:
        raise UsageError(f"--listen {text[:64]}: an address and a port are expected, such as 127.0.0.1:9464")
    host = host.removeprefix("[").removesuffix("]")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise UsageError(f"--listen {text[:64]}: {host[:64]!r} is no IP address") from None
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches it."""
    return ipaddress.ip_address(host).is_loopback


class Exporter(ThreadingHTTPServer):
    """Serves until it is shut down; InputError if it cannot listen."""

    daemon_threads = True
    request_queue_size = _CONNECTIONS

    def __init__(self, source: Source, host: str, port: int) -> None:
        self.source, self.local = source, is_loopback(host)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._room = threading.BoundedSemaphore(_CONNECTIONS)
        self._tokens, self._counted_s, self._lock = _REQUESTS_PER_S, time.monotonic(), threading.Lock()
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise InputError(f"--listen {host}:{port}: {error.strerror}") from error

    def process_request(self, request: Any, client_address: Any) -> None:
        """A thread for the connection, if there is room for one more."""
        if not self._room.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._room.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make room again."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A reader that went away in the middle is no news."""

    def admits(self) -> bool:
        """Whether one more request is within the rate."""
        with self._lock:
            now_s = time.monotonic()
            self._tokens = min(_REQUESTS_PER_S, self._tokens + (now_s - self._counted_s) * _REQUESTS_PER_S)
            self._counted_s = now_s
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True


class _Handler(BaseHTTPRequestHandler):
    server: Exporter
    timeout = _TIMEOUT_S
    server_version, sys_version = "tickbench", ""

    def setup(self) -> None:
        super().setup()
        # One request a connection: its head is read whole, within the limits, before anything looks at it.
        self.rfile.close()
        self.rfile = BytesIO(self._head())

    def _head(self) -> bytes:
        """The request's line and headers; of one that is longer, or late, nothing: it gets no answer."""
        until_s, head = time.monotonic() + _TIMEOUT_S, b""
        while b"\r\n\r\n" not in head and b"\n\n" not in head:
            left_s = until_s - time.monotonic()
            if left_s <= 0 or len(head) > _HEAD_BYTES:
                return b""
            self.connection.settimeout(left_s)
            try:
                more = self.connection.recv(_HEAD_BYTES)
            except TimeoutError:
                return b""
            if not more:
                break
            head += more
        self.connection.settimeout(_TIMEOUT_S)
        return head if len(head) <= _HEAD_BYTES else b""

    def do_GET(self) -> None:
        """Answer with one of the two documents."""
        if not self.server.admits():
            self._answer(HTTPStatus.TOO_MANY_REQUESTS, "text/plain", b"at most 20 requests a second\n")
        elif self.server.local and not _is_local(self.headers.get("Host", "")):
            self._answer(HTTPStatus.FORBIDDEN, "text/plain", b"name this host by its address\n")
        elif (path := self.path.partition("?")[0]) not in {"/metrics", "/json"}:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"there are /metrics and /json\n")
        else:
            self._look(path)

    def _look(self, path: str) -> None:
        try:
            look, snapshot = self.server.source.look()
        except InputError as error:
            self._answer(HTTPStatus.SERVICE_UNAVAILABLE, "text/plain", f"{error}\n".encode())
            return
        if path == "/json":
            self._answer(HTTPStatus.OK, "application/json", json_document(look, snapshot))
        else:
            self._answer(HTTPStatus.OK, _OPENMETRICS, openmetrics_text(look, snapshot).encode())

    def do_HEAD(self) -> None:
        """As GET, without the document."""
        self.do_GET()

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        for name, value in (
            ("Content-Type", kind),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("Connection", "close"),
        ):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed for a request."""


def _is_local(host: str) -> bool:
    name = host.rpartition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
