"""A core whose stages are all compiled: fills the block of `layout`, and calls its kernels."""

from __future__ import annotations

import ctypes
import struct
from typing import Any

from tickbench.components.codec import contract as codec_contract
from tickbench.components.codec.contract import ID, NativeCodec, symbol_word
from tickbench.components.indicators import contract as indicators_contract
from tickbench.components.indicators.contract import PIPELINE_ROWS, Indicators
from tickbench.components.order_book import contract as book_contract
from tickbench.components.order_book.contract import BookConfig, NativeBook
from tickbench.components.positions import contract as positions_contract
from tickbench.components.positions.contract import MapConfig, NativePositions
from tickbench.components.risk import contract as risk_contract
from tickbench.components.risk.contract import NativeRisk
from tickbench.engine.compiled import frame as kernels
from tickbench.engine.compiled import layout as at
from tickbench.engine.compiled.signal import record_of, write_order
from tickbench.engine.core import Account, Setting
from tickbench.engine.pages import EnginePage
from tickbench.engine.profiles import Stages
from tickbench.engine.protocol import ORDER_MESSAGE_BYTES, REPORT_BYTES
from tickbench.engine.strategy import LONG_AGO, Counts, Strategy
from tickbench.kernels.jit import address_of
from tickbench.kernels.memory import WORD_BYTES, Block, round_up_words

_U64 = 1 << 64
_LEVELS_A_SIDE = at.LEVEL_WORDS // 2


def entry_point(kernel: Any) -> Any:
    """A kernel as Python calls it without numba's dispatch: 0.1 us a call instead of 0.35."""
    (compiled,) = kernel.overloads.values()
    return compiled.entry_point


class CompiledCore:
    """Meets `core.Core` for the binary wire; `address` is what a compiled transport hands to the kernels itself."""

    wire = "binary"

    def __init__(self, stages: Stages, setting: Setting, strategy: Strategy, page: EnginePage) -> None:
        terms = list(setting.terms)
        self._symbols = [one.symbol for one in terms]
        codec: NativeCodec = stages.codec.build(None)
        self.risk: NativeRisk = stages.risk.build(strategy.risk_config(terms))
        self.positions: NativePositions = stages.positions.build(MapConfig(max(64, len(terms))))
        indicators: Indicators = stages.indicators.build(None)
        self.books: list[NativeBook] = [
            stages.order_book.build(
                BookConfig.for_prices(one.highest_price_ticks, level_capacity=_LEVELS_A_SIDE, event_capacity=1024, threads=1)
            )
            for one in terms
        ]
        self._block = Block(at.GLOBAL_WORDS + len(terms) * at.RECORD_WORDS)
        self.address = self._block.address
        self._words = self._block.array
        self._keep = (codec, indicators, stages)  # what the addresses in the block lead into
        self._states: list[Block] = []
        self._fill_stages(codec, indicators)
        self._fill_settings(strategy, setting.session, len(terms), page)
        self._fill_scratch(strategy)
        for number, one in enumerate(terms):
            self._fill_symbol(number, one.price_numerator, one.price_divisor, indicators, strategy)
        self._on_feed, self._on_report = entry_point(kernels.on_feed), entry_point(kernels.on_report)
        self._on_sent = entry_point(kernels.on_sent)
        self._resync = False

    def _fill_stages(self, codec: NativeCodec, indicators: Indicators) -> None:
        words, book = self._words, self.books[0]
        decode, signature = codec.decode_depth, codec_contract.DECODE
        words[at.IN_PLACE] = decode is None
        words[at.PARSE] = address_of(codec.read_depth if decode is None else decode, signature)
        words[at.ENCODE] = address_of(codec.encode, codec_contract.ENCODE)
        words[at.UPDATE] = address_of(book.update_kernel, book_contract.UPDATE)
        words[at.BEST] = address_of(book.best_kernel, book_contract.BEST)
        words[at.TOP] = address_of(book.top_kernel, book_contract.TOP)
        words[at.LEVEL_COUNT] = address_of(book.level_count_kernel, book_contract.LEVEL_COUNT)
        if "tick" in indicators.kernels:
            words[at.TICK] = address_of(indicators.kernels["tick"], indicators_contract.TICK)
        else:
            words[at.PIPELINE] = address_of(indicators.kernels["pipeline"], indicators_contract.PIPELINE)
        words[at.CHECK] = address_of(self.risk.check_kernel, risk_contract.CHECK)
        words[at.RISK_UPDATE] = address_of(self.risk.update_kernel, risk_contract.UPDATE)
        words[at.FILL] = address_of(self.positions.fill_kernel, positions_contract.FILL)
        words[at.RISK], words[at.POSITIONS] = self.risk.state, self.positions.state

    def _fill_settings(self, strategy: Strategy, session: int, symbols: int, page: EnginePage) -> None:
        words = self._words
        words[at.ENTER], words[at.EXIT] = struct.unpack("<qq", struct.pack("<dd", strategy.enter, strategy.exit))
        words[at.COOLDOWN], words[at.LOTS] = strategy.cooldown_ticks, strategy.order_lots
        words[at.LEVELS], words[at.WINDOW] = strategy.levels, strategy.window_prices
        words[at.SESSION], words[at.SYMBOLS] = session, symbols
        if session >= 1 << 31:
            words[at.SESSION] = session - (1 << 32)  # so that shifted by 32 bits it is the same word
        for name, place in at.SLOT.items():
            words[place] = page.slots[name]

    def _fill_scratch(self, strategy: Strategy) -> None:
        outputs = len(PIPELINE_ROWS) * strategy.window_prices + 8
        sizes = {
            at.AT_DEPTH: at.DEPTH_WORDS,
            at.AT_LEVELS: at.LEVEL_WORDS,
            at.AT_OUTPUTS: outputs,
            at.AT_ORDER: 8,
            at.AT_MESSAGE: at.MESSAGE_WORDS,
            at.AT_QUOTE: at.QUOTE_WORDS,
            at.AT_FRAME: at.FRAME_WORDS,
        }
        self._scratch = Block(sum(round_up_words(size) for size in sizes.values()))
        address = self._scratch.address
        for place, size in sizes.items():
            self._words[place] = address
            address += WORD_BYTES * round_up_words(size)

    def _fill_symbol(self, number: int, numerator: int, divisor: int, indicators: Indicators, strategy: Strategy) -> None:
        start = at.GLOBAL_WORDS + number * at.RECORD_WORDS
        record = self._words[start : start + at.RECORD_WORDS]
        record[at.SYMBOL], record[at.BOOK] = symbol_word(self._symbols[number]), self.books[number].address
        state = indicators.new_state() if indicators.new_state is not None else Block(1)
        levels = round_up_words(strategy.levels)
        prices = Block(2 * strategy.window_prices + 2 * levels)
        self._states += [state, prices]
        record[at.INDICATOR], record[at.PRICES] = state.address, prices.address
        record[at.BIDS] = prices.address + 2 * WORD_BYTES * strategy.window_prices
        record[at.ASKS] = record[at.BIDS] + WORD_BYTES * levels
        record[at.NUMBER], record[at.DECIDED_AT] = -1, LONG_AGO
        record[at.NUMERATOR], record[at.DIVISOR] = numerator, divisor

    # -- Core

    def on_feed(self, payload: bytes, received: int) -> bytes | None:
        """As `Core.on_feed`."""
        length = len(payload)
        if length > WORD_BYTES * at.FRAME_WORDS:
            length = 0  # longer than any frame is: counted as malformed
        frame = int(self._words[at.AT_FRAME])
        ctypes.memmove(frame, payload, length)
        result = self._on_feed(self.address, frame, length, received)
        self._resync |= result == at.RESYNC
        return self._message() if result == at.ORDER else None

    def on_report(self, payload: bytes) -> bytes | None:
        """As `Core.on_report`."""
        frame = int(self._words[at.AT_FRAME])
        ctypes.memmove(frame, payload, min(len(payload), REPORT_BYTES))
        return self._message() if self._on_report(self.address, frame, len(payload)) == at.ORDER else None

    def _message(self) -> bytes:
        return ctypes.string_at(int(self._words[at.AT_MESSAGE]), ORDER_MESSAGE_BYTES)

    def on_sent(self, since: int, received: int) -> None:
        """As `Core.on_sent`."""
        self._on_sent(self.address, since)

    @property
    def needs_snapshot(self) -> bool:
        """As `Core.needs_snapshot`."""
        records = range(len(self._symbols))
        return any(self._record(k)[at.TRUSTED] == 0 and self._record(k)[at.LAST_ID] != 0 for k in records)

    def _record(self, number: int) -> Any:
        start = at.GLOBAL_WORDS + number * at.RECORD_WORDS
        return self._words[start : start + at.RECORD_WORDS]

    def in_flight(self) -> list[bytes]:
        """As `Core.in_flight`."""
        messages = []
        for number in range(len(self._symbols)):
            if self._record(number)[at.IN_FLIGHT]:
                write_order(self.address, record_of(self.address, number))
                messages.append(self._message())
                self._words[at.SENDING] = 0
        return messages

    def waiting(self) -> int:
        """As `Core.waiting`."""
        return sum(int(self._record(k)[at.TAIL] - self._record(k)[at.HEAD]) for k in range(len(self._symbols)))

    def kill(self, on: bool) -> None:
        """As `Core.kill`."""
        self.risk.kill(on)

    def last_ids(self) -> dict[str, int]:
        """As `Core.last_ids`; symbols whose book is not to be trusted are left out."""
        found = {}
        for number, symbol in enumerate(self._symbols):
            record = self._record(number)
            if record[at.TRUSTED]:
                found[symbol] = int(max(record[at.LAST_ID], record[at.QUOTE_ID]))
        return found

    def counts(self) -> Counts:
        """As `Core.counts`."""
        numbers = dict(zip(at.COUNTED, self._words[at.FRAMES : at.FRAMES + len(at.COUNTED)].tolist(), strict=True))
        refused = dict(
            zip(risk_contract.REASONS, self._words[at.REFUSED :][: len(risk_contract.REASONS)].tolist(), strict=True)
        )
        return Counts(**numbers, refused={reason: number for reason, number in refused.items() if number})

    def accounts(self) -> list[Account]:
        """As `Core.accounts`."""
        made = []
        for number, symbol in enumerate(self._symbols):
            record, held = self._record(number), self.positions.read(symbol_word(symbol))
            made.append(Account(symbol, int(record[at.SEQUENCE]), int(record[at.STATE]) % _U64, *held))
        return made


assert ID == 0
