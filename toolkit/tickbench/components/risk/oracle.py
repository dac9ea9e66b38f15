"""The decision table of the contract, at and beyond each limit, and random orders against a model in plain Python."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tickbench.components.component import MarketFeed, Verification
from tickbench.components.risk.contract import (
    ACCEPTED,
    COLLAR,
    FAT_FINGER,
    KILLED,
    MALFORMED,
    MAX_LOTS,
    MAX_PRICE_TICKS,
    NO_REFERENCE,
    NOTIONAL,
    POSITION,
    RATE,
    REASONS,
    RiskConfig,
    SymbolLimits,
)
from tickbench.components.shared.digest import digest_of
from tickbench.registry import Variant

_SEED = 5  # of the random orders
_OPEN = SymbolLimits(MAX_LOTS, MAX_PRICE_TICKS, 1 << 62, MAX_LOTS)
TABLE_CONFIG = RiskConfig(
    symbols=(SymbolLimits(100, 50, 90_000, 120), SymbolLimits(MAX_LOTS, MAX_PRICE_TICKS, (1 << 61), MAX_LOTS), _OPEN),
    order_interval_ns=1_000,
    burst_orders=2,
)
# reference, position, symbol, lots, price -> reason. Limits of symbol 0: 100 lots, 50 ticks, 90,000, 120 lots.
TABLE: tuple[tuple[int, int, int, int, int, int], ...] = (
    (1_000, 0, 0, 10, 1_000, ACCEPTED),
    (1_000, 0, -1, 10, 1_000, MALFORMED), (1_000, 0, 3, 10, 1_000, MALFORMED), (1_000, 0, 1 << 62, 10, 1_000, MALFORMED),
    (1_000, 0, 0, 0, 1_000, MALFORMED), (1_000, 0, 0, 10, 0, MALFORMED), (1_000, 0, 0, 10, -1_000, MALFORMED),
    (1_000, 0, 0, -(1 << 63), 1_000, MALFORMED), (1_000, 0, 0, 10, (1 << 63) - 1, MALFORMED),
    (1_000, 0, 2, MAX_LOTS + 1, 1_000, MALFORMED), (1_000, 0, 2, 10, MAX_PRICE_TICKS + 1, MALFORMED),
    (800, 0, 0, 100, 800, ACCEPTED), (800, 0, 0, 101, 800, FAT_FINGER), (800, 0, 0, -101, 800, FAT_FINGER),
    (0, 0, 0, 10, 50, NO_REFERENCE),
    (1_000, 0, 0, 10, 1_050, ACCEPTED), (1_000, 0, 0, 10, 1_051, COLLAR),
    (1_000, 0, 0, 10, 950, ACCEPTED), (1_000, 0, 0, -10, 949, COLLAR),
    (1_000, 0, 0, 90, 1_000, ACCEPTED), (1_000, 0, 0, 90, 1_001, NOTIONAL), (1_000, 0, 0, -90, 1_001, NOTIONAL),
    (MAX_PRICE_TICKS, 0, 1, MAX_LOTS, MAX_PRICE_TICKS, NOTIONAL), (1, 0, 2, MAX_LOTS, MAX_PRICE_TICKS, ACCEPTED),
    (1_000, 60, 0, 60, 1_000, ACCEPTED), (1_000, 60, 0, 61, 1_000, POSITION),
    (1_000, -60, 0, -60, 1_000, ACCEPTED), (1_000, -60, 0, -61, 1_000, POSITION),
    (1_000, 300, 0, -10, 1_000, ACCEPTED), (1_000, -300, 0, 10, 1_000, ACCEPTED),  # towards flat, from beyond
    (1_000, 121, 0, 1, 1_000, POSITION), (1_000, -121, 0, -1, 1_000, POSITION),
    (900, -40, 0, -90, 900, POSITION), (900, 40, 0, -90, 900, ACCEPTED),
    # The first reason of the order is told where there are several.
    (0, 500, 0, 101, 5_000, FAT_FINGER), (0, 500, 0, 100, 5_000, NO_REFERENCE), (1_000, 500, 0, 100, 5_000, COLLAR),
    (1_000, 500, 0, 100, 1_000, NOTIONAL),
)  # fmt: skip  # a case a column


@dataclass
class Model:
    """The contract in plain Python: a list of rules, and a token bucket that counts tokens."""

    config: RiskConfig
    killed: bool = False
    market: dict[int, tuple[int, int]] = field(default_factory=dict)
    tokens: int = -1  # in units of an interval's ns, -1: full, nothing sent yet
    last_ns: int = 0

    def check(self, symbol: int, signed_lots: int, price_ticks: int, now_ns: int) -> int:
        """ACCEPTED, or the reason why not; `now_ns` never goes back."""
        answer = self._rules(symbol, signed_lots, price_ticks)
        if answer != ACCEPTED:
            return answer
        full = self.config.burst_orders * self.config.order_interval_ns
        level = full if self.tokens < 0 else min(full, self.tokens + now_ns - self.last_ns)
        if level < self.config.order_interval_ns:
            return RATE
        self.tokens, self.last_ns = level - self.config.order_interval_ns, now_ns
        return ACCEPTED

    def _rules(self, symbol: int, signed_lots: int, price_ticks: int) -> int:
        if self.killed:
            return KILLED
        if not (0 <= symbol < len(self.config.symbols) and 1 <= price_ticks <= MAX_PRICE_TICKS):
            return MALFORMED
        if not 1 <= abs(signed_lots) <= MAX_LOTS:
            return MALFORMED
        limits = self.config.symbols[symbol]
        reference, position = self.market.get(symbol, (0, 0))
        ends = position + signed_lots
        rules = (
            (FAT_FINGER, abs(signed_lots) > limits.max_order_lots),
            (NO_REFERENCE, reference == 0),
            (COLLAR, not reference - limits.collar_ticks <= price_ticks <= reference + limits.collar_ticks),
            (NOTIONAL, abs(signed_lots) * price_ticks > limits.max_notional_lot_ticks),
            (POSITION, signed_lots > 0 and ends > limits.position_limit_lots),
            (POSITION, signed_lots < 0 and ends < -limits.position_limit_lots),
        )
        return next((reason for reason, broken in rules if broken), ACCEPTED)


def verify(variant: Variant, _feed: MarketFeed | None) -> Verification:
    """The table, kill switch and rate, then random orders; all reasons must have been reached."""
    if variant.null:
        return Verification(True, 0, "the null variant has no answer to check")
    reached: list[int] = []
    checks = 0
    for part in (table_difference, switch_difference, random_difference):
        done, difference = part(variant, reached)
        checks += done
        if difference:
            return Verification(False, checks, difference)
    missing = set(range(len(REASONS))) - set(reached)
    if missing:
        return Verification(False, checks, f"never reached: {', '.join(REASONS[one] for one in sorted(missing))}")
    digest = digest_of([_SEED, repr(TABLE_CONFIG), repr(TABLE), reached])  # the answers, which the model gives too
    return Verification(True, checks, f"{checks} answers as the model gives them, every reason reached", digest)


def table_difference(variant: Variant, reached: list[int]) -> tuple[int, str]:
    """Each row of the table on a check of its own making, at a moment with tokens: (checks, difference)."""
    risk = variant.build(TABLE_CONFIG)
    for number, (reference, position, symbol, lots, price, expected) in enumerate(TABLE):
        for one in range(len(TABLE_CONFIG.symbols)):
            risk.update(one, reference, position)
        answer = risk.check(symbol, lots, price, number * 1_000_000)
        reached.append(answer)
        if answer != expected:
            return number, (
                f"{lots} lots at {price} ticks of symbol {symbol}, reference {reference}, position {position}: "
                f"{REASONS[expected]} expected, {answer} seen"
            )
    accepted = sum(row[-1] == ACCEPTED for row in TABLE)
    if tuple(risk.counts()) != (accepted, len(TABLE) - accepted):
        return len(TABLE), f"{accepted} accepted and {len(TABLE) - accepted} refused expected, {risk.counts()} counted"
    return len(TABLE), ""


def switch_difference(variant: Variant, reached: list[int]) -> tuple[int, str]:
    """The kill switch on and off, and the token bucket at its edges (2 orders, one more each 1,000 ns)."""
    risk = variant.build(TABLE_CONFIG)
    risk.update(0, 1_000, 0)
    bad, good = (9, 0, 0), (0, 1, 1_000)
    steps: tuple[tuple[bool, tuple[int, int, int], int, int], ...] = (
        (True, good, 0, KILLED), (True, bad, 0, KILLED), (False, bad, 0, MALFORMED),
        (False, good, 0, ACCEPTED), (False, good, 0, ACCEPTED), (False, good, 0, RATE), (False, bad, 0, MALFORMED),
        (False, good, 999, RATE), (False, good, 1_000, ACCEPTED), (False, good, 1_999, RATE), (False, good, 2_000, ACCEPTED),
        (False, good, 3_999, ACCEPTED), (False, good, 3_999, RATE), (False, good, 4_000, ACCEPTED),
        (False, good, 9_000, ACCEPTED), (False, good, 9_000, ACCEPTED), (False, good, 9_000, RATE),
        (True, good, 99_000, KILLED),
    )  # fmt: skip  # a moment a line
    for number, (killed, order, now_ns, expected) in enumerate(steps):
        risk.kill(killed)
        answer = risk.check(*order, now_ns)
        reached.append(answer)
        if answer != expected:
            return number, f"step {number} at {now_ns} ns: {REASONS[expected]} expected, {answer} seen"
    return len(steps), ""


def random_difference(variant: Variant, reached: list[int], orders: int = 3_000) -> tuple[int, str]:
    """Random limits, markets and orders near the limits, each answer compared with the model."""
    rng = np.random.default_rng(_SEED)
    limits = tuple(SymbolLimits(*(int(x) for x in rng.integers((1, 0, 100, 1), (50, 30, 6_000, 200)))) for _ in range(4))
    config = RiskConfig(limits, order_interval_ns=int(rng.integers(1, 500)), burst_orders=int(rng.integers(1, 20)))
    risk, model, now_ns = variant.build(config), Model(config), 0
    for number in range(orders):
        symbol = int(rng.integers(-1, 5) if rng.random() < 0.1 else rng.integers(0, 4))
        if rng.random() < 0.3 and 0 <= symbol < 4:
            market = int(rng.integers(0, 200)), int(rng.integers(-250, 250))
            risk.update(symbol, *market)
            model.market[symbol] = market
        model.killed = bool(rng.random() < 0.02)
        risk.kill(model.killed)
        now_ns += int(rng.integers(0, 400))
        order = symbol, int(rng.integers(-60, 60)), int(rng.integers(0, 220)), now_ns
        difference = one_difference(risk, model, order, reached)
        if difference:
            return number, difference
    return orders, ""


def one_difference(risk: Any, model: Model, order: tuple[int, int, int, int], reached: list[int]) -> str:
    """Check one order with both; what differs in words, or nothing."""
    expected, answer = model.check(*order), risk.check(*order)
    reached.append(answer)
    if answer == expected:
        return ""
    market = model.market.get(order[0], (0, 0))
    return f"order {order} with reference and position {market}: {REASONS[expected]} expected, {answer} seen"
