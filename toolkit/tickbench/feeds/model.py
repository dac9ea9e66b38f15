"""What a feed is: a stream of level updates in flat arrays, and what is known about where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from decimal import Decimal

    import numpy as np
    from numpy.typing import NDArray

    Int8Array: TypeAlias = NDArray[np.int8]
    Int64Array: TypeAlias = NDArray[np.int64]

BID = 0
ASK = 1
ABSENT = -1  # in Feed.best: the exchange said nothing about that side


@dataclass(frozen=True, slots=True)
class SequenceGap:
    """Updates are missing before `event` (from `line`): `expected` should have stood, `seen` stood there."""

    event: int
    line: int
    expected: int
    seen: int


@dataclass(frozen=True, slots=True)
class FeedReport:
    """Counts of what a capture held and of what became of it; a synthetic feed is its own capture."""

    market: str  # "futures" (frames carry `pu`), "spot" or "synthetic"
    symbol: str
    frames: int
    depth_frames: int
    snapshots: int
    dropped_before_snapshot: int
    dropped_out_of_order: int  # diffs and snapshots that end before what has been applied already
    book_tickers: int
    trades: int
    other_frames: int
    receive_time_steps_back: int  # lines whose receive time is before that of the line above
    burst_frames: int  # lines received less than 4 µs after the line above

    @property
    def starts_from_empty_book(self) -> bool:
        """Whether the capture held no snapshot, so that levels older than it are unknown."""
        return self.snapshots == 0


@dataclass(frozen=True, slots=True, eq=False)
class Feed:
    """Level updates for a book that is empty at first: n updates in m events, in read-only arrays.

    Event k holds the updates `event_start[k]` up to but without `event_start[k + 1]`, and a book is only
    whole after the last of them. Event 0 is the snapshot where the capture has one. A quantity of 0 deletes
    the level, which need not exist. `best[k]` is what the exchange published as the best after event k: bid
    ticks, bid lots, ask ticks, ask lots; both numbers of a side are -1 where it published none, and while a
    client catches up (snapshots and the diffs that waited for the first of them). `receive_ns` (since the
    epoch) never decreases: an update that had to wait for the snapshot carries the snapshot's time.
    """

    name: str
    sha256: str  # of the capture's bytes, or of the generator's version and parameters
    side: Int8Array  # [n] 0 bid, 1 ask
    price_ticks: Int64Array  # [n] >= 0
    quantity_lots: Int64Array  # [n] >= 0
    event_start: Int64Array  # [m + 1]
    receive_ns: Int64Array  # [m]
    first_sequence: Int64Array  # [m]
    final_sequence: Int64Array  # [m]
    best: Int64Array  # [m, 4]
    tick_size: Decimal
    lot_size: Decimal
    gaps: tuple[SequenceGap, ...]
    report: FeedReport

    @property
    def event_count(self) -> int:
        """Number of events, m."""
        return len(self.receive_ns)

    @property
    def update_count(self) -> int:
        """Number of level updates, n."""
        return len(self.side)


@dataclass(frozen=True, slots=True)
class FeedTraits:
    """What makes a feed easy or hard for a book; a leading snapshot counts for the final levels only.

    Shares are of all level updates, but `share_deletes_missing`, which is of all deletes. Distances are
    from the best price of the update's own side before its event. Frame gaps lie between all frames of the
    capture, event gaps between events.
    """

    events: int
    updates: int
    levels_per_event_p50: int
    levels_per_event_p99: int
    levels_per_event_max: int
    share_deletes: float
    share_deletes_missing: float
    share_modifies: float
    share_inserts: float
    distance_p50_ticks: int
    distance_p90_ticks: int
    distance_p99_ticks: int
    distance_max_ticks: int
    share_beyond_10_000_ticks: float
    share_frame_gaps_under_4_us: float
    event_gap_p50_ns: int
    event_gap_p99_ns: int
    share_event_gaps_under_4_us: float
    final_bid_levels: int
    final_ask_levels: int
    updates_per_second: float
