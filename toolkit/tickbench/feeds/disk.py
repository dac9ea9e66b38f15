"""Decoded feeds on disk: one folder a feed, its arrays as .npy files that are mapped, the rest as JSON.

A folder is written beside its place and renamed, so that a reader sees all of it or nothing. Each array's
checksum stands in the JSON: a damaged entry counts as absent and is replaced.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import zlib
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from tickbench.feeds.model import Feed, FeedReport, SequenceGap
from tickbench.kernels.cache import cache_root

if TYPE_CHECKING:
    from numpy.typing import NDArray

META_FILE = "meta.json"
ARRAY_TYPES = {
    "side": np.int8,
    "price_ticks": np.int64,
    "quantity_lots": np.int64,
    "event_start": np.int64,
    "receive_ns": np.int64,
    "first_sequence": np.int64,
    "final_sequence": np.int64,
    "best": np.int64,
}


class _Meta(msgspec.Struct, forbid_unknown_fields=True):
    sha256: str
    tick_size: Decimal
    lot_size: Decimal
    gaps: tuple[SequenceGap, ...]
    report: FeedReport
    checksums: dict[str, int]  # CRC-32 of each array's bytes


@cache
def decoder_version() -> str:
    """Hash of this package's sources: a changed decoder or generator finds none of the old entries."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    return digest.hexdigest()


def cache_key(*parts: str) -> str:
    """Name of a cache entry: content hash, given sizes and the decoder's version."""
    return hashlib.sha256("\n".join((decoder_version(), *parts)).encode()).hexdigest()


def load(key: str, name: str) -> Feed | None:
    """The cached feed under another name, or None where there is none or it is damaged."""
    try:
        folder = _folder(key)
        meta = msgspec.json.decode((folder / META_FILE).read_bytes(), type=_Meta)
        arrays: dict[str, Any] = {field: _mapped(folder, field, meta.checksums[field]) for field in ARRAY_TYPES}
    except (OSError, RuntimeError, ValueError, KeyError, EOFError, msgspec.MsgspecError):
        return None
    rest = {field: getattr(meta, field) for field in ("sha256", "tick_size", "lot_size", "gaps", "report")}
    return Feed(name=name, **arrays, **rest)


def keep(key: str, feed: Feed, *, write: bool) -> Feed:
    """Make a fresh feed's arrays read-only and store it; a disk that is full or read-only is passed over."""
    arrays: dict[str, Any] = {field: np.ascontiguousarray(getattr(feed, field), kind) for field, kind in ARRAY_TYPES.items()}
    for array in arrays.values():
        array.flags.writeable = False
    frozen = replace(feed, **arrays)
    if write:
        # Full disk, no permission, no home: the next process decodes again.
        with suppress(OSError, RuntimeError):
            _store(_folder(key), frozen)
    return frozen


def _folder(key: str) -> Path:
    return cache_root() / "feeds" / key


def _mapped(folder: Path, field: str, checksum: int) -> NDArray[Any]:
    """One array, mapped and checked; a plain ndarray, as compiled code is slow to take a subclass."""
    array: NDArray[Any] = np.asarray(np.load(folder / f"{field}.npy", mmap_mode="r", allow_pickle=False))
    if array.dtype != ARRAY_TYPES[field] or not array.flags.c_contiguous or _checksum(array) != checksum:
        raise ValueError(f"{field} is damaged")
    return array


def _checksum(array: NDArray[Any]) -> int:
    return zlib.crc32(array.data)


def _store(folder: Path, feed: Feed) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", dir=folder.parent))
    try:
        checksums = {}
        for field in ARRAY_TYPES:
            array = getattr(feed, field)
            np.save(temporary / f"{field}.npy", array, allow_pickle=False)
            checksums[field] = _checksum(array)
        meta = _Meta(feed.sha256, feed.tick_size, feed.lot_size, feed.gaps, feed.report, checksums)
        (temporary / META_FILE).write_bytes(msgspec.json.encode(meta))
        shutil.rmtree(folder, ignore_errors=True)  # a damaged entry; one that another process just stored is the same
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
