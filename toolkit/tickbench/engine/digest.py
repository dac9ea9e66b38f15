"""The digest by which two runs over the same feed are compared: orders in the order of each symbol, then positions.

Both sides and the oracle reckon it alike: for each symbol a word that starts at 0 and takes, for each order, symbol, sequence,
side, price in ticks, lots and cause (`mix`, one word after the other). `digest_of_words` joins them with the final positions.
"""

import hashlib
import struct
from collections.abc import Iterable

from tickbench.kernels.jit import kernel

# An odd 64-bit constant with no pattern (the golden ratio, as in Knuth, TAOCP 3, 6.4), so that the product mixes upwards;
# the shift then carries high bits down. For telling runs apart, not against an adversary.
_FACTOR = 0x9E3779B97F4A7C15
_SHIFT = 29
_MASK = (1 << 64) - 1


def mix(state: int, word: int) -> int:
    """The state after one more word; both are unsigned 64-bit, a negative word counts modulo 2^64."""
    state = ((state ^ (word & _MASK)) * _FACTOR) & _MASK
    return state ^ (state >> _SHIFT)


def mix_order(state: int, symbol_word: int, sequence: int, side: int, price_ticks: int, lots: int, cause: int) -> int:
    """The state of a symbol after one more order."""
    for word in (symbol_word, sequence, side, price_ticks, lots, cause):
        state = mix(state, word)
    return state


@kernel("uint64(uint64, uint64)")
def mix_compiled(state, word):
    """`mix` for kernels."""
    state = (state ^ word) * 0x9E3779B97F4A7C15
    return state ^ (state >> 29)


def digest_of_words(symbols: Iterable[tuple[str, int, int, int, int]]) -> str:
    """16 hex digits from (symbol, state, position in lots, cost and realised in lot-ticks), in the order of the symbols."""
    whole = hashlib.sha256()
    for symbol, state, quantity_lots, cost_lot_ticks, realised_lot_ticks in sorted(symbols):
        whole.update(struct.pack("<8sQqqq", symbol.encode("ascii"), state, quantity_lots, cost_lot_ticks, realised_lot_ticks))
    return whole.hexdigest()[:16]
