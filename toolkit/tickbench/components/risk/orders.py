"""What the risk workloads check: a pass of seeded orders, the limits that they meet, and what the model says of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tickbench.components.risk.contract import REASONS, RiskConfig, SymbolLimits
from tickbench.components.risk.oracle import Model

ORDERS = 4_096  # a pass
REFERENCE_TICKS, POSITION_LOTS, MOVES = 10_000, 100, 8  # the writer moves both by less than MOVES
_LONG_NS, _GAP_NS = 1_000_000_000, 2_000
_REFUSED = 0.01


@dataclass(frozen=True)
class Orders:
    """A pass of orders, int64 [ORDERS] each; `gap_ns` is the time since the order before."""

    symbol: NDArray[np.int64]
    signed_lots: NDArray[np.int64]
    price_ticks: NDArray[np.int64]
    gap_ns: NDArray[np.int64]

    def addresses(self) -> tuple[int, int, int, int]:
        """Where the arrays are; keep the orders for as long as kernels use them."""
        return self.symbol.ctypes.data, self.signed_lots.ctypes.data, self.price_ticks.ctypes.data, self.gap_ns.ctypes.data

    def rows(self) -> list[tuple[int, int, int, int]]:
        """The orders as Python integers."""
        columns = self.symbol, self.signed_lots, self.price_ticks, self.gap_ns
        return list(zip(*(column.tolist() for column in columns), strict=True))


def make_orders(seed: int, symbols: int) -> Orders:
    """A pass of orders for the limits of `config_for`: one in a hundred is refused, each reason in turn."""
    rng = np.random.default_rng(seed)
    symbol = rng.integers(0, symbols, ORDERS)
    signed_lots = rng.integers(1, 100, ORDERS) * rng.choice([-1, 1], ORDERS)
    price_ticks = REFERENCE_TICKS + rng.integers(-400, 401, ORDERS)
    bad = np.flatnonzero(rng.random(ORDERS) < _REFUSED)
    for place, row in enumerate(bad):
        kind = place % 4
        symbol[row] = (symbol[row], symbol[row], symbols, symbol[row])[kind]
        signed_lots[row] = (5_000, 10, 10, 1_000)[kind]
        price_ticks[row] = (REFERENCE_TICKS, 2 * REFERENCE_TICKS, REFERENCE_TICKS, REFERENCE_TICKS)[kind]
    gap_ns = np.full(ORDERS, _GAP_NS)
    gap_ns[0] = _LONG_NS
    return Orders(symbol, signed_lots, price_ticks, gap_ns)


def config_for(symbols: int) -> RiskConfig:
    """Limits that most orders keep; the rate is just what the orders come at."""
    limits = SymbolLimits(max_order_lots=1_000, collar_ticks=500, max_notional_lot_ticks=9_000_000, position_limit_lots=5_000)
    return RiskConfig((limits,) * symbols, order_interval_ns=_GAP_NS, burst_orders=64)


def expected_answers(orders: Orders, symbols: int) -> NDArray[np.int64]:
    """How often a pass gives each reason, int64 [len(REASONS)], by the model."""
    model, now_ns = Model(config_for(symbols)), 0
    model.market = dict.fromkeys(range(symbols), (REFERENCE_TICKS, POSITION_LOTS))
    counts = np.zeros(len(REASONS), dtype=np.int64)
    for symbol, lots, price, gap_ns in orders.rows():
        now_ns += gap_ns
        counts[model.check(symbol, lots, price, now_ns)] += 1
    return counts
