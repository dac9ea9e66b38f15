"""The compiled check, written once: a variant hands in where each word lies, a constant when its kernels are compiled.

So two variants differ in their layout and in nothing else: not in one instruction but for the displacements.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tickbench.components.risk.contract import (
    ACCEPTED,
    CHECK,
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
    UPDATE,
    NativeRisk,
    RiskConfig,
)
from tickbench.kernels.atomics import load_acquire, load_plain, load_relaxed, store_plain, store_relaxed, store_release
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import Block


@dataclass(frozen=True)
class Layout:
    """Word numbers. The first eight are the gateway's; then those of a symbol, from its record's start.

    `name` becomes part of the kernels' names and is different for each layout.
    """

    name: str
    # read by every check, written when limits change
    kill: int
    symbols: int
    interval_ns: int
    tolerance_ns: int
    # the checking thread's own
    full_at_ns: int
    accepted: int
    refused: int
    # the writer's own
    messages: int
    # a symbol's limits
    max_order_lots: int
    collar_ticks: int
    max_notional: int
    position_limit_lots: int
    # a symbol's market and position: the writer writes them, every check reads the first two
    reference_ticks: int
    position_lots: int
    sequence: int
    turnover: int
    # where records are
    first: int
    stride: int

    def words(self, symbols: int) -> int:
        """Words of a block for so many symbols."""
        return self.first + symbols * self.stride


def _kernel_named(name: str, signature: str, function: Callable[..., int]) -> Callable[..., int]:
    """A kernel with a name of its own: two kernels of one name would share their symbol where both come from the cache."""
    function.__name__ = function.__qualname__ = name
    return kernel(signature)(function)  # type: ignore[no-any-return]


def make_check(at: Layout) -> Callable[..., int]:
    """The check kernel for a layout."""
    kill, symbols, interval_ns, tolerance_ns = at.kill, at.symbols, at.interval_ns, at.tolerance_ns
    full_at_ns, accepted, refused = at.full_at_ns, at.accepted, at.refused
    max_order, collar, max_notional, limit = at.max_order_lots, at.collar_ticks, at.max_notional, at.position_limit_lots
    reference_ticks, position_lots, first, stride = at.reference_ticks, at.position_lots, at.first, at.stride

    def check(state, symbol, signed_lots, price, now_ns):
        lots_fit = (signed_lots >= -MAX_LOTS) & (signed_lots <= MAX_LOTS) & (signed_lots != 0)
        price_fits = (price >= 1) & (price <= MAX_PRICE_TICKS)
        answer = MALFORMED
        # acquire: pairs with the release of whoever turns the switch; an order after it does not pass
        if load_acquire(state, kill) != 0:
            answer = KILLED
        elif lots_fit & price_fits & (symbol >= 0) & (symbol < load_relaxed(state, symbols)):
            # Relaxed, all of the record: each word is judged alone, none says anything about another.
            record = state + 8 * (first + symbol * stride)
            lots, reference = abs(signed_lots), load_relaxed(record, reference_ticks)
            ends = load_relaxed(record, position_lots) + signed_lots
            if lots > load_relaxed(record, max_order):
                answer = FAT_FINGER
            elif reference == 0:
                answer = NO_REFERENCE
            elif abs(price - reference) > load_relaxed(record, collar):
                answer = COLLAR
            elif lots * price > load_relaxed(record, max_notional):
                answer = NOTIONAL
            elif (ends if signed_lots > 0 else -ends) > load_relaxed(record, limit):
                answer = POSITION
            else:
                answer = ACCEPTED
        if answer == ACCEPTED:
            full_at = load_plain(state, full_at_ns)  # plain: the checking thread's own
            if full_at - now_ns <= load_relaxed(state, tolerance_ns):  # relaxed: as the limits
                store_plain(state, full_at_ns, max(full_at, now_ns) + load_relaxed(state, interval_ns))
                store_plain(state, accepted, load_plain(state, accepted) + 1)
                return ACCEPTED
            answer = RATE
        store_plain(state, refused, load_plain(state, refused) + 1)
        return answer

    return _kernel_named(f"check_{at.name}", CHECK, check)


def make_update(at: Layout) -> Callable[..., int]:
    """The writer's kernel for a layout."""
    messages, first, stride = at.messages, at.first, at.stride
    reference_ticks, position_lots, sequence, turnover = at.reference_ticks, at.position_lots, at.sequence, at.turnover

    def update(state, symbol, reference, position):
        # All words here have one writer, so its own loads are relaxed; the stores are relaxed but for the last two, which
        # publish each value that is theirs (release costs nothing on x86; no check relies on the order of the two).
        record = state + 8 * (first + symbol * stride)
        store_relaxed(state, messages, load_relaxed(state, messages) + 1)
        store_relaxed(record, sequence, load_relaxed(record, sequence) + 1)
        store_relaxed(record, turnover, load_relaxed(record, turnover) + abs(position))
        store_release(record, reference_ticks, reference)
        store_release(record, position_lots, position)
        return 0

    return _kernel_named(f"update_{at.name}", UPDATE, update)


def build(config: RiskConfig, at: Layout, check: Callable[..., int], update: Callable[..., int]) -> NativeRisk:
    """A check with its limits set, no reference price known, nothing held."""
    block = Block(at.words(len(config.symbols)))
    words = block.array
    words[at.symbols], words[at.interval_ns] = len(config.symbols), config.order_interval_ns
    words[at.tolerance_ns] = (config.burst_orders - 1) * config.order_interval_ns
    words[at.full_at_ns] = -(1 << 62)
    for symbol, limits in enumerate(config.symbols):
        record = at.first + symbol * at.stride
        words[record + at.max_order_lots], words[record + at.collar_ticks] = limits.max_order_lots, limits.collar_ticks
        words[record + at.max_notional] = limits.max_notional_lot_ticks
        words[record + at.position_limit_lots] = limits.position_limit_lots
    block.touch()
    return NativeRisk(block, check, update, at.kill, at.accepted, at.refused)
