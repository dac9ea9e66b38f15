"""A frame of a tape as the bytes that go out: for a symbol, on a wire, in a lap.

On the JSON wire the first lap of a tape's own symbol is the capture's text as it is. For another symbol, or from the second lap
on, symbol and update ids are written into a form of that text, which is made when it is first needed and kept.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field

from tickbench.engine.exchange.tape import DIFF, NO_ID, SNAPSHOT, TRADE, Tape, TapeFrame
from tickbench.engine.protocol import encode_envelope, symbol_bytes

_PLACES = re.compile(rb'"stream":"([^"@]*)@|"s":"([^"]*)"|"(?:U|u|pu|lastUpdateId)":([0-9]+)')
_IDS = struct.Struct("<QQ")
_ID = struct.Struct("<Q")
# Offsets in every body: header, ids (one in a ticker or trade, two in a depth frame), time, symbol, the rest.
_IDS_START, _DEPTH_TIME, _DEPTH_SYMBOL, _DEPTH_REST, _TIME, _SYMBOL, _REST = 8, 24, 32, 40, 16, 24, 32


@dataclass
class Composer:
    """Composes the frames of one symbol; `lap_ids` is what is added to update ids from one lap to the next."""

    tape: Tape
    symbol: str
    lap_ids: int
    _forms: dict[int, tuple[bytes, tuple[int | bytes, ...]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._padded = symbol_bytes(self.symbol)
        self._lower, self._upper = self.symbol.lower().encode(), self.symbol.encode()
        self._is_own = self.symbol == self.tape.symbol
        self._snapshot_head = b'{"stream":"%b@snapshot","data":' % self._lower

    def text(self, place: int, lap: int) -> bytes:
        """Frame `place` of the tape on the JSON wire."""
        frame = self.tape.frames[place]
        if frame.kind == SNAPSHOT:
            return self.snapshot_text(frame, lap)
        if lap == 0 and self._is_own:
            return frame.text
        return self._rewritten(self._form(place), lap)

    def snapshot_text(self, frame: TapeFrame, lap: int) -> bytes:
        """A snapshot on the JSON wire, with the name of a stream around it."""
        text = frame.text if lap == 0 else self._rewritten(_form_of(frame.text), lap)
        return b"%b%b}" % (self._snapshot_head, text)

    def binary(self, place: int, lap: int) -> bytes:
        """Frame `place` of the tape on the binary wire."""
        return self.binary_frame(self.tape.frames[place], lap, lap * len(self.tape.frames) + place)

    def binary_frame(self, frame: TapeFrame, lap: int, number: int) -> bytes:
        """Any frame on the binary wire, as number `number`."""
        body, shift = frame.body, lap * self.lap_ids
        previous = 0 if frame.previous_id == NO_ID else frame.previous_id + shift
        head = encode_envelope(number, previous, snapshot=frame.kind == SNAPSHOT) + body[:_IDS_START]
        if frame.kind in (SNAPSHOT, DIFF):
            ids = _IDS.pack(frame.first_id + shift, frame.update_id + shift)
            return b"".join((head, ids, body[_DEPTH_TIME:_DEPTH_SYMBOL], self._padded, body[_DEPTH_REST:]))
        identity = body[_IDS_START:_TIME] if frame.kind == TRADE else _ID.pack(frame.update_id + shift)
        return b"".join((head, identity, body[_TIME:_SYMBOL], self._padded, body[_REST:]))

    def _form(self, place: int) -> tuple[bytes, tuple[int | bytes, ...]]:
        form = self._forms.get(place)
        if form is None:
            form = self._forms[place] = _form_of(self.tape.frames[place].text)
        return form

    def _rewritten(self, form: tuple[bytes, tuple[int | bytes, ...]], lap: int) -> bytes:
        shift = lap * self.lap_ids
        texts = (one + shift if isinstance(one, int) else (self._lower if one == b"stream" else self._upper) for one in form[1])
        return form[0] % tuple(texts)


def _form_of(text: bytes) -> tuple[bytes, tuple[int | bytes, ...]]:
    """A format with a place for each symbol and update id, and what stands in them: a number, or which symbol it is."""
    pieces, values, end = [], [], 0
    for match in _PLACES.finditer(text):
        group = match.lastindex or 0
        pieces.append(text[end : match.start(group)].replace(b"%", b"%%"))
        pieces.append(b"%d" if group == 3 else b"%b")
        values.append(int(match[group]) if group == 3 else (b"stream", b"symbol")[group - 1])
        end = match.end(group)
    pieces.append(text[end:].replace(b"%", b"%%"))
    return b"".join(pieces), tuple(values)


def lap_ids_of(tape: Tape) -> int:
    """By how much update ids must rise from one lap to the next, so that none comes twice."""
    named = [frame for frame in tape.frames if frame.kind != TRADE]
    lowest = min(min(frame.first_id, frame.previous_id if frame.previous_id != NO_ID else frame.first_id) for frame in named)
    return max(frame.update_id for frame in named) - lowest + 1
