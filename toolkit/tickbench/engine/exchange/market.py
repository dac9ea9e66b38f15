"""One symbol of the exchange: where it stands in its tape, what was sent when, and which ticks were answered."""

from __future__ import annotations

from array import array

from tickbench.engine.exchange.books import TapeBooks
from tickbench.engine.exchange.composer import Composer, lap_ids_of
from tickbench.engine.exchange.schedule import FaultySender
from tickbench.engine.exchange.tape import TRADE, Quote
from tickbench.engine.protocol import SymbolTerms, make_terms


class Market:
    """The state of one symbol; a frame's number is `lap * frames of the tape + place in it`.

    It begins behind frame `start` - 1 of the tape: what a client needs of the frames before is in the first snapshot.
    """

    def __init__(self, symbol: str, books: TapeBooks, start: int, faults: dict[str, int]) -> None:
        tape = books.tape
        self.symbol, self.books, self.start = symbol, books, start
        self.size = len(tape.frames)
        self.terms: SymbolTerms = make_terms(symbol, tape.tick_size, tape.lot_size, tape.highest_price_ticks)
        self.lap_ids = lap_ids_of(tape)
        self.lowest_id = min(frame.update_id for frame in tape.frames if frame.kind != TRADE)
        self.composer = Composer(tape, symbol, self.lap_ids)
        self.faults = FaultySender(faults)
        self.next_number = start
        self.frames_sent = 0
        self.frames_repeated = 0
        self.ticks_sent = 0  # frames that an order can name
        self.ticks_answered = 0
        self._sent_ns = array("q", bytes(8 * self.size))  # when a place was sent last; 0: as part of a snapshot, or not at all
        self._sent_number = array("q", [-1]) * self.size
        self._answered = bytearray(self.size)

    @property
    def frames_unsent(self) -> int:
        """Frames that were due and never went out, as no feed connection stood; those of an injected gap not counted."""
        return self.next_number - self.start - self.frames_sent - self.faults.injected.get("gap", 0)

    @property
    def final_update_id(self) -> int:
        """The id of the last depth frame that was due."""
        return self.snapshot_id(self.next_number - 1)

    def snapshot_id(self, number: int) -> int:
        """The update id of a snapshot that holds everything up to frame `number`."""
        lap, place = divmod(number, self.size)
        last = self.books.depth_before[place]
        return self.books.tape.frames[last].update_id + lap * self.lap_ids

    def kind(self, number: int) -> int:
        """The kind of frame `number`."""
        return self.books.tape.frames[number % self.size].kind

    def payload(self, number: int, wire: str) -> bytes:
        """Frame `number` as it goes out."""
        lap, place = divmod(number, self.size)
        return self.composer.text(place, lap) if wire == "json" else self.composer.binary(place, lap)

    def snapshot(self, number: int, wire: str) -> bytes:
        """The book after frame `number`, as that frame's number."""
        lap, place = divmod(number, self.size)
        frame = self.books.snapshot_after(place)
        self.mark_snapshot(number)
        return self.composer.snapshot_text(frame, lap) if wire == "json" else self.composer.binary_frame(frame, lap, number)

    def mark_snapshot(self, number: int) -> None:
        """A snapshot can be named as a cause, as if its last depth frame had been sent; its time does not count as a tick's."""
        lap, place = divmod(number, self.size)
        last = self.books.depth_before[place]
        if self._sent_number[last] < lap * self.size + last:
            self._sent_number[last], self._sent_ns[last] = lap * self.size + last, 0

    def mark_sent(self, number: int, now_ns: int) -> None:
        """Frame `number` goes out; what counts for its orders is when it did so first."""
        if self.was_sent(number):
            self.frames_repeated += 1
            return
        place = number % self.size
        self.frames_sent += 1
        self.ticks_sent += self.books.tape.frames[place].kind != TRADE
        self._sent_ns[place], self._sent_number[place], self._answered[place] = now_ns, number, 0

    def was_sent(self, number: int) -> bool:
        """Whether frame `number` went out already."""
        return self._sent_number[number % self.size] >= number

    def find(self, cause: int) -> tuple[Quote, int] | None:
        """The best prices as of an update id that was sent, and when (0: not known any more); None if it was not sent.

        Where a ticker and a depth frame share the id, the time is that of the one that was sent last.
        """
        lap, update_id = self._lap_of(cause)
        best: tuple[int, int] | None = None
        quote: Quote | None = None
        for places in (self.books.ticker_at, self.books.depth_at):  # the depth frame's quote wins
            place = places.get(update_id)
            if place is None or self._sent_number[place] < lap * self.size + place:
                continue
            number, sent_ns = self._sent_number[place], self._sent_ns[place]
            quote = self.books.quotes[place]
            if number == lap * self.size + place and (best is None or sent_ns > best[0]):
                best = (sent_ns, place)
        if quote is None:
            return None
        if best is None:
            return quote, 0
        if best[0]:
            self._answer(best[1])
        return quote, best[0]

    def resume_at(self, cause: int) -> int | None:
        """The number of the frame after the first one that ends with an update id; None for an id that no frame so far has."""
        lap, update_id = self._lap_of(cause)
        places = [at for at in (self.books.depth_at.get(update_id), self.books.ticker_at.get(update_id)) if at is not None]
        numbers = [lap * self.size + place + 1 for place in places]
        known = [number for number in numbers if self.start <= number <= self.next_number]
        return min(known) if known else None

    def _lap_of(self, update_id: int) -> tuple[int, int]:
        lap = max(0, (update_id - self.lowest_id) // self.lap_ids)
        return lap, update_id - lap * self.lap_ids

    def _answer(self, place: int) -> None:
        if not self._answered[place]:
            self._answered[place] = 1
            self.ticks_answered += 1
