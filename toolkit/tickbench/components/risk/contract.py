"""What a pre-trade risk check provides: an order in, a reason code out, within one gateway's limits.

`check(symbol, signed_lots, price_ticks, now_ns)` answers ACCEPTED or the first reason, in this order:

    KILLED         the kill switch is on
    MALFORMED      no such symbol, no lots, lots beyond +-MAX_LOTS, price outside 1 … MAX_PRICE_TICKS
    FAT_FINGER     more lots than max_order_lots
    NO_REFERENCE   no reference price is known (0)
    COLLAR         the price is more than collar_ticks away from the reference, on either side
    NOTIONAL       lots x price above max_notional_lot_ticks (bounds as above: the product has 62 bits at most)
    POSITION       a buy that would end above +position_limit_lots, or a sale that would end below minus it; an order towards
                   flat passes from beyond the limit, one that crosses over to beyond the other side does not
    RATE           more orders than the rate allows

A value exactly at a limit is accepted. The rate is the last, so that a refused order uses none of it: a token bucket of
`burst_orders` that gains one order in `order_interval_ns`, kept as the time at which it would be full again (the generic cell
rate algorithm, ITU-T I.371): one word, one comparison. Time is the caller's: a check never reads a clock.

One thread checks. One writer, market data and position keeper, publishes reference and position of a symbol: `update`. The
position that it publishes must hold the lots of working orders already, or two orders in flight both pass a limit for one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from tickbench.kernels.memory import Block

CHECK = "int64(int64, int64, int64, int64, int64)"  # (state, symbol, signed_lots, price_ticks, now_ns) -> reason
UPDATE = "int64(int64, int64, int64, int64)"  # (state, symbol, reference_ticks, position_lots) -> 0

ACCEPTED, KILLED, MALFORMED, FAT_FINGER, NO_REFERENCE, COLLAR, NOTIONAL, POSITION, RATE = range(9)
REASONS = ("accepted", "killed", "malformed", "fat finger", "no reference", "collar", "notional", "position", "rate")

MAX_LOTS = (1 << 31) - 1
MAX_PRICE_TICKS = (1 << 31) - 1


@dataclass(frozen=True)
class SymbolLimits:
    """Limits of one symbol."""

    max_order_lots: int = 1_000
    collar_ticks: int = 500
    max_notional_lot_ticks: int = 20_000_000
    position_limit_lots: int = 10_000


@dataclass(frozen=True)
class RiskConfig:
    """Limits of each symbol, and the order rate of the gateway."""

    symbols: tuple[SymbolLimits, ...] = (SymbolLimits(),)
    order_interval_ns: int = 1_000
    burst_orders: int = 100


class RiskCheck(Protocol):
    """What the oracle uses; Python variants are such an object."""

    def check(self, symbol: int, signed_lots: int, price_ticks: int, now_ns: int) -> int:
        """ACCEPTED, or the reason why not."""
        ...

    def update(self, symbol: int, reference_ticks: int, position_lots: int) -> Any:
        """Publish the reference price and the position of a symbol."""
        ...

    def kill(self, on: bool) -> None:
        """Turn the kill switch."""
        ...

    def counts(self) -> tuple[int, int]:
        """Orders accepted and refused so far."""
        ...


@dataclass
class NativeRisk:
    """A compiled check: its memory and its kernels. Calling it from Python is for oracles."""

    block: Block
    check_kernel: Callable[..., int]
    update_kernel: Callable[..., int]
    kill_word: int = 0
    accepted_word: int = 0
    refused_word: int = 0

    @property
    def state(self) -> int:
        """Address of the block."""
        return self.block.address

    def check(self, symbol: int, signed_lots: int, price_ticks: int, now_ns: int) -> int:
        """ACCEPTED, or the reason why not."""
        return self.check_kernel(self.state, symbol, signed_lots, price_ticks, now_ns)

    def update(self, symbol: int, reference_ticks: int, position_lots: int) -> int:
        """Publish the reference price and the position of a symbol."""
        return self.update_kernel(self.state, symbol, reference_ticks, position_lots)

    def kill(self, on: bool) -> None:
        """Turn the kill switch."""
        self.block.array[self.kill_word] = int(on)

    def counts(self) -> tuple[int, int]:
        """Orders accepted and refused so far."""
        return int(self.block.array[self.accepted_word]), int(self.block.array[self.refused_word])
