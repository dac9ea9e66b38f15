"""From what the user names to a feed: a capture file or the synthetic generator, through the disk cache."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from tickbench.errors import UsageError

if TYPE_CHECKING:
    from decimal import Decimal

    from tickbench.feeds.model import Feed, FeedTraits

SYNTHETIC = re.compile(r"synthetic(?::(.*))?\Z")
SYNTHETIC_PARAMETER = re.compile(r"(seed|events)=([0-9]{1,10})\Z")


def open_feed(
    spec: str | Path, *, tick_size: Decimal | None = None, lot_size: Decimal | None = None, cache: bool = True
) -> Feed:
    """Open "synthetic", "synthetic:seed=7,events=6000" or the path of a capture (.jsonl or .jsonl.gz).

    A decoded feed is kept on disk under the hash of its content and mapped from there the next time; a
    cache that cannot be read or written is passed over. Sizes apply to captures, and are inferred from the
    decimals if not given.

    Raises:
        InputError: the capture cannot be used; the text names file and line.
        UsageError: a parameter of the generator or a size is wrong.
    """
    synthetic = SYNTHETIC.match(str(spec))
    if synthetic is None:
        return _open_capture(Path(spec), tick_size, lot_size, cache)
    if tick_size is not None or lot_size is not None:
        raise UsageError(f"{spec}: the synthetic feed has a tick and a lot size of its own; give none")
    return _open_synthetic(synthetic[1] or "", cache)


def _open_capture(path: Path, tick_size: Decimal | None, lot_size: Decimal | None, cache: bool) -> Feed:
    from tickbench.feeds import disk
    from tickbench.feeds.decimals import check_size
    from tickbench.feeds.lines import read_capture

    tick_size, lot_size = check_size("the tick size", tick_size), check_size("the lot size", lot_size)
    capture = read_capture(path)
    key = disk.cache_key(capture.sha256, str(tick_size), str(lot_size))
    if cache and (stored := disk.load(key, path.name)) is not None:
        return stored
    from tickbench.feeds.decode import decode_capture

    return disk.keep(key, decode_capture(capture, tick_size, lot_size), write=cache)


def _open_synthetic(parameters: str, cache: bool) -> Feed:
    from tickbench.feeds import disk
    from tickbench.feeds.synthetic import DEFAULT_EVENTS, DEFAULT_SEED, describe, generate

    values = {"seed": DEFAULT_SEED, "events": DEFAULT_EVENTS}
    for parameter in filter(None, parameters.split(",")):
        match = SYNTHETIC_PARAMETER.match(parameter)
        if match is None:
            raise UsageError(f"synthetic: '{parameter}' is unknown; give seed=<number> and events=<number>")
        values[match[1]] = int(match[2])
    name, sha256 = describe(values["seed"], values["events"])
    key = disk.cache_key(sha256)
    if cache and (stored := disk.load(key, name)) is not None:
        return stored
    return disk.keep(key, generate(values["seed"], values["events"]), write=cache)


def measure_traits(feed: Feed) -> FeedTraits:
    """Measure what makes a feed easy or hard for a book, by replaying it (about 1 µs an update)."""
    from tickbench.feeds.traits import traits_of

    return traits_of(feed)
