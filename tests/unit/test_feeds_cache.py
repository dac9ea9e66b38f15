"""The disk cache: the same feed from it, and never an error because of it."""

from __future__ import annotations

import errno
import subprocess
import sys
from decimal import Decimal

import numpy as np
import pytest

from feed_samples import spot_frames, write_capture
from tickbench.feeds import decode, disk, open_feed


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("TICKBENCH_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def path(tmp_path):
    return str(write_capture(tmp_path / "x.jsonl.gz", spot_frames()))


@pytest.fixture
def decodings(monkeypatch):
    """A list that grows with each decoding."""
    calls = []
    original = decode.decode_capture

    def counted(*arguments):
        calls.append(arguments)
        return original(*arguments)

    monkeypatch.setattr(decode, "decode_capture", counted)
    return calls


def assert_same(one, other):
    for name in disk.ARRAY_TYPES:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
        assert getattr(one, name).dtype == getattr(other, name).dtype
    for name in ("name", "sha256", "tick_size", "lot_size", "gaps", "report"):
        assert getattr(one, name) == getattr(other, name)


def test_the_second_opening_decodes_nothing_and_gives_the_same(path, decodings):
    assert_same(open_feed(path), open_feed(path))
    assert len(decodings) == 1


def test_mapped_arrays_are_plain_read_only_and_contiguous(path):
    open_feed(path)
    feed = open_feed(path)
    for name in disk.ARRAY_TYPES:
        array = getattr(feed, name)
        assert type(array) is np.ndarray
        assert array.flags.c_contiguous
        assert not array.flags.writeable


def test_without_the_cache_nothing_is_read_or_written(path, decodings, cache_folder):
    open_feed(path, cache=False)
    assert not cache_folder.exists()
    open_feed(path)
    open_feed(path, cache=False)
    assert len(decodings) == 3


def test_given_sizes_and_content_have_entries_of_their_own(tmp_path, path, decodings):
    assert open_feed(path).price_ticks[0] == 198
    assert open_feed(path, tick_size=Decimal("0.1")).price_ticks[0] == 990
    assert open_feed(path, tick_size=Decimal("0.10")).price_ticks[0] == 990
    write_capture(tmp_path / "x.jsonl.gz", spot_frames()[1:])
    assert open_feed(path).report.dropped_before_snapshot == 0
    assert len(decodings) == 3


def test_a_changed_decoder_finds_no_old_entries(path, decodings, monkeypatch):
    open_feed(path)
    monkeypatch.setattr(disk, "decoder_version", lambda: "another")
    open_feed(path)
    assert len(decodings) == 2


@pytest.mark.parametrize("file", ["price_ticks.npy", "side.npy", "best.npy", "meta.json"])
@pytest.mark.parametrize("damage", ["truncate", "empty", "flip", "remove", "garbage"])
def test_a_damaged_entry_is_decoded_again_and_replaced(path, decodings, cache_folder, file, damage):
    good = open_feed(path, cache=False)
    open_feed(path)
    decodings.clear()
    (victim,) = cache_folder.glob(f"feeds/*/{file}")
    stored = victim.read_bytes()
    victim.unlink()
    if damage != "remove":
        flipped = stored[:-9] + bytes([stored[-9] ^ 0x11]) + stored[-8:]
        kinds = {"truncate": stored[:-3], "empty": b"", "flip": flipped, "garbage": b"\x93NUMPY\xff" * 9}
        victim.write_bytes(kinds[damage])
    assert_same(open_feed(path), good)
    assert len(decodings) == 1
    assert_same(open_feed(path), good)
    assert len(decodings) == 1


def test_a_cache_folder_that_cannot_be_made_is_passed_over(path, decodings, cache_folder):
    cache_folder.write_text("a file stands where the folder should be")
    assert open_feed(path).event_count == open_feed(path).event_count == 4
    assert len(decodings) == 2


def test_a_full_disk_leaves_nothing_behind(path, decodings, cache_folder, monkeypatch):
    def full(*_arguments, **_options):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(np, "save", full)
        assert open_feed(path).event_count == 4
    assert list((cache_folder / "feeds").iterdir()) == []
    open_feed(path)
    open_feed(path)
    assert len(decodings) == 2


def test_no_home_folder_is_passed_over(path, monkeypatch):
    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(disk, "cache_root", homeless)
    assert open_feed(path).event_count == 4


def test_importing_the_package_loads_neither_numpy_nor_numba():
    code = "import sys, tickbench.feeds; print({'numpy', 'numba', 'msgspec'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
