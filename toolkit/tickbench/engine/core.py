"""What a transport drives: an engine without its network. Two make it: `compiled.core` and `interpreted.core`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tickbench.engine.digest import digest_of_words
from tickbench.engine.protocol import SymbolTerms
from tickbench.engine.strategy import Counts


@dataclass(frozen=True)
class Account:
    """Where a symbol stands: the digest of its orders and its position."""

    symbol: str
    orders: int
    orders_state: int
    position_lots: int
    cost_lot_ticks: int
    realised_lot_ticks: int


@dataclass(frozen=True)
class Setting:
    """What an engine is made for."""

    terms: Sequence[SymbolTerms]
    session: int  # upper half of order ids, 1 to 2^32 - 1


class Core(Protocol):
    """Frames and reports in, orders out. One thread calls it. `received` is a reading of the probe page's clock."""

    wire: str

    def on_feed(self, payload: bytes, received: int) -> bytes | None:
        """Take a frame; the payload of an order that is to be sent now."""
        ...

    def on_report(self, payload: bytes) -> bytes | None:
        """Take a report; the payload of an order that waited for it."""
        ...

    def on_sent(self, since: int, received: int) -> None:
        """The last order was handed to the network: `since` is when that began."""
        ...

    @property
    def needs_snapshot(self) -> bool:
        """Whether a gap has made a book useless: the feed must be taken up anew."""
        ...

    def in_flight(self) -> list[bytes]:
        """The orders whose outcome is not known, as they were sent: what a new connection sends again."""
        ...

    def waiting(self) -> int:
        """Intents that wait for an outcome."""
        ...

    def kill(self, on: bool) -> None:
        """No new orders from now on; those in flight are still accounted."""
        ...

    def last_ids(self) -> dict[str, int]:
        """The update id after which each symbol's feed goes on."""
        ...

    def counts(self) -> Counts:
        """What was counted so far."""
        ...

    def accounts(self) -> list[Account]:
        """All symbols."""
        ...


def digest(accounts: Sequence[Account]) -> str:
    """The digest of a run."""
    return digest_of_words(
        (one.symbol, one.orders_state, one.position_lots, one.cost_lot_ticks, one.realised_lot_ticks) for one in accounts
    )
