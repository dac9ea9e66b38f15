"""The buckets of an encoded histogram that hold something, read in one pass of numpy.

Reports read thousands of histograms of a few hundred filled buckets each: an HdrHistogram object a piece costs 1 to 2 ms, this
some 50 µs. The format is V2 of HdrHistogram (AbstractHistogram.java, encodeIntoByteBuffer): base64 of a cookie, a length and a
zlib stream; in it a header of 40 bytes and ZigZag LEB128 numbers, of which a negative one stands for so many empty buckets.
"""

import base64
import binascii
import functools
import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tickbench.errors import InputError
from tickbench.kernels.recorder import HdrGeometry

_COMPRESSED, _PLAIN = 0x1C849304, 0x1C849303
_COOKIE_MASK = ~0xF0  # bits 4 to 7 hold the word size: 1 for LEB128
_OUTER, _INNER = struct.Struct(">ii"), struct.Struct(">iiiiqqd")
_MOST_BYTES = 1 << 22  # of numbers: 9 bytes for each of the buckets of any geometry that is used
_MOST_WORD_BYTES = 8  # counts below 2^55; more than a run can hold


@dataclass(frozen=True)
class Buckets:
    """Indices of the filled buckets, ascending, and their counts, both int64 of one shape."""

    geometry: HdrGeometry
    index: NDArray[np.int64]
    counts: NDArray[np.int64]


def decode_buckets(text: str) -> Buckets:
    """The filled buckets of an encoded histogram; raises InputError for anything else."""
    try:
        geometry, numbers = _unpacked(text)
        words = _words(np.frombuffer(numbers, dtype=np.uint8))
        steps = np.where(words < 0, -words, 1)
        if int(steps.astype(np.float64).sum()) > geometry.counts_len:
            raise ValueError("more buckets than its range has")
        index = np.cumsum(steps) - steps
        used = words > 0
        return Buckets(geometry, index[used], words[used])
    except (ValueError, struct.error, binascii.Error, zlib.error, InputError) as error:
        raise InputError(f"histogram: this is not an encoded HdrHistogram (V2): {error!r}") from error


def _unpacked(text: str) -> tuple[HdrGeometry, bytes]:
    raw = base64.b64decode(text, validate=True)
    cookie, length = _OUTER.unpack_from(raw)
    if cookie & _COOKIE_MASK != _COMPRESSED & _COOKIE_MASK or length != len(raw) - _OUTER.size:
        raise ValueError("wrong cookie or length")
    plain = zlib.decompressobj().decompress(raw[_OUTER.size :], _MOST_BYTES)
    cookie, length, offset, digits, lowest, highest, _ = _INNER.unpack_from(plain)
    if cookie & _COOKIE_MASK != _PLAIN & _COOKIE_MASK or offset != 0 or length != len(plain) - _INNER.size:
        raise ValueError("wrong inner cookie, offset or length")
    return _geometry(lowest, highest, digits), plain[_INNER.size :]


@functools.lru_cache(maxsize=16)  # the tables of bucket edges are made once a geometry
def _geometry(lowest: int, highest: int, digits: int) -> HdrGeometry:
    return HdrGeometry(lowest, highest, digits)


def _words(octets: NDArray[np.uint8]) -> NDArray[np.int64]:
    """LEB128 with ZigZag, any number of words."""
    ends = np.flatnonzero(octets < 0x80)
    if not octets.size:
        return np.zeros(0, dtype=np.int64)
    if not ends.size or ends[-1] != octets.size - 1:
        raise ValueError("the last number is cut off")
    starts = np.concatenate(([0], ends[:-1] + 1))
    sizes = ends - starts + 1
    if int(sizes.max()) > _MOST_WORD_BYTES:
        raise ValueError("a count is too large")
    place = np.arange(octets.size) - np.repeat(starts, sizes)
    parts = (octets & 0x7F).astype(np.int64) << (7 * place)
    coded = np.add.reduceat(parts, starts)
    return np.asarray((coded >> 1) ^ -(coded & 1))
