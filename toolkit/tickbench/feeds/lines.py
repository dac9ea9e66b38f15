"""A capture file to lines of bytes, and the form of every error about one."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from dataclasses import dataclass
from pathlib import Path

from tickbench.errors import InputError

GZIP_MAGIC = b"\x1f\x8b"  # RFC 1952, section 2.3.1
SHOWN_CHARACTERS = 80
CHUNK_BYTES = 1024  # how finely the break in a gzip stream is located


@dataclass(frozen=True, slots=True)
class CaptureFile:
    """The bytes of a capture as stored, with their hash."""

    path: Path
    stored: bytes
    sha256: str


def shown(seen: object) -> str:
    """What was seen, for an error text: at most 80 characters, control characters escaped."""
    text = seen.decode("utf-8", "backslashreplace") if isinstance(seen, bytes) else str(seen)
    escaped = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[: SHOWN_CHARACTERS + 1])
    return escaped if len(escaped) <= SHOWN_CHARACTERS else escaped[: SHOWN_CHARACTERS - 1] + "…"


def line_error(path: Path, line: int, what: str, seen: object, remedy: str) -> InputError:
    """The error for one line of a capture: file, line, what is wrong, what was seen, what to do."""
    return InputError(f"{path}, line {line}: {what}; saw '{shown(seen)}'. {remedy}")


def read_capture(path: Path) -> CaptureFile:
    """Read and hash a capture file.

    Raises:
        InputError: it does not exist, is no regular file, is empty or cannot be read.
    """
    try:
        if path.is_dir():
            raise InputError(f"{path}: is a directory; give one capture file (.jsonl or .jsonl.gz)")
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: is no regular file; give a capture file (.jsonl or .jsonl.gz)")
        stored = path.read_bytes()
    except FileNotFoundError:
        raise InputError(
            f"{shown(path)}: there is no such file; give a capture (.jsonl or .jsonl.gz) or 'synthetic[:seed=N,events=N]'"
        ) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        raise InputError(f"{shown(path)}: cannot be read ({error}); check the name and the permissions") from error
    if not stored:
        raise InputError(f"{path}, line 1: the file is empty; record the capture again")
    return CaptureFile(path, stored, hashlib.sha256(stored).hexdigest())


def capture_lines(capture: CaptureFile) -> list[bytes]:
    """Decompressed lines without their ends; the end of the last line does not make another one.

    Raises:
        InputError: broken gzip, bytes that are not UTF-8, or nothing inside.
    """
    path = capture.path
    text = _unpacked(capture)
    if not text.isascii():
        _check_utf8(path, text)
    lines = text.split(b"\n")
    if not lines[-1]:
        lines.pop()
    if not lines:
        raise InputError(f"{path}, line 1: there is nothing inside; record the capture again")
    return lines


def _unpacked(capture: CaptureFile) -> bytes:
    if capture.path.suffix != ".gz" and not capture.stored.startswith(GZIP_MAGIC):
        return capture.stored
    try:
        return gzip.decompress(capture.stored)
    except (EOFError, OSError, zlib.error) as error:
        readable = _readable_part(capture.stored)
        line = readable.count(b"\n") + 1
        what = "the gzip data ends too early" if isinstance(error, EOFError) else "the gzip data is broken"
        seen = readable[readable.rfind(b"\n") + 1 :] or capture.stored[:SHOWN_CHARACTERS]
        raise line_error(capture.path, line, what, seen, "Copy or record the file again.") from error


def _readable_part(stored: bytes) -> bytes:
    """What of a broken gzip stream can be decompressed, to within one chunk before the break."""
    parts: list[bytes] = []
    rest = stored
    while rest.startswith(GZIP_MAGIC):
        member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)  # 16: with the gzip header
        try:
            for start in range(0, len(rest), CHUNK_BYTES):
                parts.append(member.decompress(rest[start : start + CHUNK_BYTES]))
                if member.eof:
                    rest = member.unused_data + rest[start + CHUNK_BYTES :]
                    break
            else:
                break
        except zlib.error:
            break
    return b"".join(parts)


def _check_utf8(path: Path, text: bytes) -> None:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        seen = text[error.start : error.start + SHOWN_CHARACTERS]
        raise line_error(path, line, "bytes that are not UTF-8", seen, "Record the capture again.") from error
