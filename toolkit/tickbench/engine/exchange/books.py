"""The book of a tape: best prices by update id, and a snapshot of any moment. Reckoned once, before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass, field

from tickbench.engine.exchange.tape import DIFF, NO_ID, SNAPSHOT, TICKER, Quote, Tape, TapeFrame, depth_frame, snapshot_text
from tickbench.feeds.model import ASK, BID
from tickbench.feeds.plain_book import PlainBook

CHECKPOINT_FRAMES = 128  # a snapshot applies at most this many diffs to a kept book: below 1 ms; 10 MB for a capture of 6,500


@dataclass
class TapeBooks:
    """What the exchange knows of a tape: `depth_at` and `ticker_at` map an update id to the frame that ends with it."""

    tape: Tape
    depth_at: dict[int, int] = field(default_factory=dict)
    ticker_at: dict[int, int] = field(default_factory=dict)
    quotes: list[Quote | None] = field(default_factory=list)  # best after a depth frame, or what a ticker says; None: a trade
    depth_before: list[int] = field(default_factory=list)  # the last depth frame at or before each frame
    quotes_checked: int = 0  # depth frames that a ticker of the same update id could be compared with
    quotes_differing: int = 0
    _checkpoints: dict[int, tuple[dict[int, int], dict[int, int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        book, since, last_depth = PlainBook(), CHECKPOINT_FRAMES, 0
        for place, frame in enumerate(self.tape.frames):
            quote = frame.quote
            if frame.kind in (SNAPSHOT, DIFF):
                book = _apply(book, frame)
                quote, last_depth, since = _quote(book), place, since + 1
                self.depth_at[frame.update_id] = place
                if since >= CHECKPOINT_FRAMES:
                    self._checkpoints[place] = (dict(book.levels[BID]), dict(book.levels[ASK]))
                    since = 0
            elif frame.kind == TICKER:
                self.ticker_at[frame.update_id] = place
            self.quotes.append(quote)
            self.depth_before.append(last_depth)
        for update_id, place in self.ticker_at.items():
            if update_id in self.depth_at:
                self.quotes_checked += 1
                self.quotes_differing += self.quotes[self.depth_at[update_id]] != self.quotes[place]

    def snapshot_after(self, place: int) -> TapeFrame:
        """The whole book after frame `place`; the capture's own snapshot where that is the last depth frame."""
        last = self.depth_before[place]
        frame = self.tape.frames[last]
        if frame.kind == SNAPSHOT:
            return frame
        kept = max(at for at in self._checkpoints if at <= last)
        book = PlainBook()
        book.levels = (dict(self._checkpoints[kept][BID]), dict(self._checkpoints[kept][ASK]))
        for at in range(kept + 1, last + 1):
            if self.tape.frames[at].kind in (SNAPSHOT, DIFF):
                book = _apply(book, self.tape.frames[at])
        bids, asks = sorted(book.levels[BID].items(), reverse=True), sorted(book.levels[ASK].items())
        text = snapshot_text(frame.update_id, (bids, asks), self.tape.tick_size, self.tape.lot_size)
        ids = (frame.update_id, frame.update_id, NO_ID)
        return depth_frame(SNAPSHOT, frame.receive_ns, ids, 0, self.tape.symbol, (bids, asks), text)


def _apply(book: PlainBook, frame: TapeFrame) -> PlainBook:
    if frame.kind == SNAPSHOT:
        book = PlainBook()
    for side, levels in zip((BID, ASK), frame.levels, strict=True):
        for price, lots in levels:
            book.update(side, price, lots)
    return book


def _quote(book: PlainBook) -> Quote:
    bid, ask = book.best_ticks(BID), book.best_ticks(ASK)
    return (bid or 0, book.levels[BID].get(bid or 0, 0), ask or 0, book.levels[ASK].get(ask or 0, 0))
