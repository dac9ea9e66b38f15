"""What drivers replay: a feed's updates in arrays of their own, whole or shared out among writers."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tickbench.components.component import MarketFeed

# Fibonacci hashing (Knuth, The Art of Computer Programming 3, 6.4): 2^64 divided by the golden ratio, made odd.
_HASH_FACTOR = np.uint64(0x9E37_79B9_7F4A_7C15)
_HASH_SHIFT = np.uint64(40)


@dataclass(frozen=True)
class Script:
    """Updates in order: side int8, price_ticks and quantity_lots int64, all [n]; events are event_start[k] … [k + 1] - 1.

    The arrays are copies that may be written to, as compiled drivers take no read-only ones.
    """

    side: NDArray[np.int8]
    price_ticks: NDArray[np.int64]
    quantity_lots: NDArray[np.int64]
    event_start: NDArray[np.int64]

    @classmethod
    def of(cls, feed: MarketFeed) -> Self:
        """All updates of a feed."""
        return cls(
            np.array(feed.side, dtype=np.int8),
            np.array(feed.price_ticks, dtype=np.int64),
            np.array(feed.quantity_lots, dtype=np.int64),
            np.array(feed.event_start, dtype=np.int64),
        )

    @property
    def events(self) -> int:
        """Number of events."""
        return len(self.event_start) - 1

    @property
    def updates(self) -> int:
        """Number of level updates."""
        return len(self.side)

    def updates_in(self, events: int) -> int:
        """Number of level updates in the first `events` events."""
        return int(self.event_start[events])

    def shares(self, writers: int) -> list[NDArray[np.bool_]]:
        """Which updates belong to each writer: a level is always the same writer's, whoever comes first.

        So the final book does not depend on how the writers interleave.
        """
        key = (self.price_ticks * 2 + self.side).astype(np.uint64)
        owner = ((key * _HASH_FACTOR) >> _HASH_SHIFT) % np.uint64(writers)
        return [owner == np.uint64(writer) for writer in range(writers)]

    def only(self, chosen: NDArray[np.bool_]) -> "Script":
        """The chosen updates in their order, each an event of its own."""
        count = int(chosen.sum())
        return Script(
            self.side[chosen],
            self.price_ticks[chosen],
            self.quantity_lots[chosen],
            np.arange(count + 1, dtype=np.int64),
        )
