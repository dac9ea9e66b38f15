"""What a store of trades provides: five numbers a trade, and five questions over a block of trades.

A trade is price (float64), quantity (int64 lots), timestamp (int64 ns), symbol (int64 code) and id (int64): 40 bytes, with no
padding, which is the kindest case for an array of structures. A store is filled once and then read. Trades are in order of
arrival; timestamps are those of several venues and only nearly in order, so a time window is found by looking at each.

    mean_price(first, n)                     arithmetic mean of trades first … first + n - 1; NaN for n = 0
    vwap(first, n)                           sum of price x quantity / sum of quantity; NaN where that sum is 0
    filter(first, n, threshold)              positions of the trades with price > threshold, ascending; NaN is never above
    window_sum(first, n, from_ns, until_ns)  sum of quantity with from_ns <= timestamp < until_ns
    full_record(positions)                   checksum over all five fields of these trades: a record is used whole

Sums of floats may be made in any order: the oracle allows n · 2^-53 relative, the bound for n positive numbers (Higham,
Accuracy and Stability of Numerical Algorithms, 4.2). Compiled variants write positions as int32 (a store holds less than
2^31 trades: half the bytes of an int64); Python variants return an array of integers of their own choice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tickbench.errors import InputError
from tickbench.kernels.memory import LINE_BYTES, WORD_BYTES, Block, round_up_words

# numba signatures of a compiled variant's kernels; `state` is the address of its block
MEAN_PRICE = VWAP = "float64(int64, int64, int64)"  # (state, first, n)
FILTER = "int64(int64, int64, int64, float64, int64)"  # (state, first, n, threshold, out int32) -> positions written
WINDOW_SUM = "int64(int64, int64, int64, int64, int64)"  # (state, first, n, from_ns, until_ns) -> lots
FULL_RECORD = "int64(int64, int64, int64)"  # (state, positions int32, n) -> checksum

FIELDS = ("price", "quantity", "timestamp", "symbol", "id")
RECORD_WORDS = len(FIELDS)
RECORD_DTYPE = np.dtype([("price", "<f8"), *((name, "<i8") for name in FIELDS[1:])])
CHECKSUM_FACTORS = (1, 3, 5, 7, 11)  # of the fields, price by its bits; sums wrap at 64 bits
MOST_TRADES = (1 << 31) - 1

_SERIES, _SERIES_SHIFT = 1 << 20, 40  # an id is the seed, round 2^20, above the number of the trade

# A compiled store's block: one line of header, then what its layout says.
COUNT = 0  # number of trades
COLUMN = 1  # + field: byte offset of its column from the block's start (structure of arrays)
HEADER_WORDS = 8
# Columns start this many lines apart in phase, so that the same position of all five never falls into one cache set.
_PHASE_LINES = 3


@dataclass(frozen=True)
class Columns:
    """The trades that a store is built from: one array a field, all of the same length n."""

    price: NDArray[np.float64]
    quantity: NDArray[np.int64]
    timestamp: NDArray[np.int64]
    symbol: NDArray[np.int64]
    id: NDArray[np.int64]

    def __post_init__(self) -> None:
        lengths = {len(getattr(self, name)) for name in FIELDS}
        if len(lengths) != 1 or len(self.price) > MOST_TRADES:
            raise InputError(f"trades: columns of lengths {sorted(lengths)}: they must be equal and at most {MOST_TRADES}")

    def __len__(self) -> int:
        return len(self.price)

    def records(self) -> NDArray[Any]:
        """The same trades as one array of RECORD_DTYPE."""
        records = np.empty(len(self), dtype=RECORD_DTYPE)
        for name in FIELDS:
            records[name] = getattr(self, name)
        return records


@dataclass(frozen=True)
class Layout:
    """Where field f of trade i lies: offset_bytes[f] + i · stride_bytes[f] from the block's start, in order of FIELDS."""

    offset_bytes: tuple[int, ...]
    stride_bytes: tuple[int, ...]


class PythonTrades(Protocol):
    """What a Python variant builds."""

    def mean_price(self, first: int, n: int) -> float: ...
    def vwap(self, first: int, n: int) -> float: ...
    def filter(self, first: int, n: int, threshold: float) -> NDArray[Any]: ...
    def window_sum(self, first: int, n: int, from_ns: int, until_ns: int) -> int: ...
    def full_record(self, positions: NDArray[np.int32]) -> int: ...


@dataclass(frozen=True)
class NativeTrades:
    """A compiled store: its block, its layout (for the cache model) and its kernels."""

    block: Block
    layout: Layout
    mean_price: Callable[..., float]
    vwap: Callable[..., float]
    filter: Callable[..., int]
    window_sum: Callable[..., int]
    full_record: Callable[..., int]


def store_records(columns: Columns) -> tuple[Block, Layout]:
    """A block with the trades as records of RECORD_WORDS, one after the other behind the header."""
    block = Block(HEADER_WORDS + RECORD_WORDS * max(len(columns), 1))
    block.array[COUNT] = len(columns)
    block.array[HEADER_WORDS : HEADER_WORDS + RECORD_WORDS * len(columns)] = columns.records().view(np.int64)
    offsets = tuple(WORD_BYTES * (HEADER_WORDS + field) for field in range(RECORD_WORDS))
    return block, Layout(offsets, (WORD_BYTES * RECORD_WORDS,) * RECORD_WORDS)


def store_columns(columns: Columns) -> tuple[Block, Layout]:
    """A block with the trades as five columns, each on a line boundary, out of phase with each other."""
    phase_words = _PHASE_LINES * LINE_BYTES // WORD_BYTES
    each = round_up_words(max(len(columns), 1), 512) + phase_words  # 512 words are a page
    block = Block(HEADER_WORDS + each * RECORD_WORDS)
    block.array[COUNT] = len(columns)
    offsets = []
    for field, name in enumerate(FIELDS):
        start = HEADER_WORDS + each * field
        block.array[start : start + len(columns)] = getattr(columns, name).view(np.int64)
        block.array[COLUMN + field] = WORD_BYTES * start
        offsets.append(WORD_BYTES * start)
    return block, Layout(tuple(offsets), (WORD_BYTES,) * RECORD_WORDS)


def make_trades(seed: int, n: int, order: str = "random") -> Columns:
    """Seeded trades: prices uniform in 40,000 to 60,000 in random or `sorted` (ascending) order, 1 to 1,000 lots.

    Timestamps step by 1 µs on average and lie up to 50 µs before or after their turn. Raises InputError for another order.
    """
    if order not in ("random", "sorted"):
        raise InputError(f"trades: order {order!r}: it must be random or sorted")
    rng = np.random.default_rng(seed)
    price = rng.uniform(40_000.0, 60_000.0, n)
    if order == "sorted":
        price.sort()
    arrival_ns = 1_700_000_000_000_000_000 + 1_000 * np.arange(n, dtype=np.int64)
    return Columns(
        price=price,
        quantity=rng.integers(1, 1_001, n),
        timestamp=arrival_ns + rng.integers(-50_000, 50_001, n),
        symbol=rng.integers(0, 64, n),
        id=np.arange(n, dtype=np.int64) + (seed % _SERIES << _SERIES_SHIFT),
    )


def threshold_for(price: NDArray[np.float64], selectivity_percent: float) -> float:
    """A price that this share of the prices is above: exactly round(share · n) of them where all differ."""
    above = round(len(price) * selectivity_percent / 100)
    if above >= len(price):
        return -np.inf
    return float(np.partition(price, len(price) - 1 - above)[len(price) - 1 - above])
