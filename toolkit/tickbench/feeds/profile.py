"""The traits that the synthetic feed imitates, as quantile tables, and integer draws from them.

Source of every number: the raw capture of Binance USD-M futures BTCUSDT of 2024-08-08/09 that hftbacktest
publishes with its examples (345 s, 6,547 diffs after the snapshot, 443,262 level updates), decoded by this
package. Row i of a table is the value at PERCENTS[i] of the capture's distribution; between rows it is
interpolated linearly, in integers, so that a seed gives the same feed on every platform.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TypeAlias

Table: TypeAlias = tuple[int, ...]

PERCENTS = (0, 1, 5, 10, 25, 50, 75, 85, 90, 95, 98, 99, 99.5, 99.9, 100)
SHARE_UNITS = 10_000  # shares below are counts out of this many
_DRAW_BITS = 32
_ROW_STARTS = [round(percent * SHARE_UNITS / 100) << _DRAW_BITS for percent in PERCENTS]


def draw(table: Table, raw: int) -> int:
    """The table's value at the quantile that the low 32 bits of `raw` stand for."""
    place = (raw & 0xFFFFFFFF) * SHARE_UNITS
    row = bisect_right(_ROW_STARTS, place) - 1
    low, start = table[row], _ROW_STARTS[row]
    return low + (table[row + 1] - low) * (place - start) // (_ROW_STARTS[row + 1] - start)


@dataclass(frozen=True, slots=True)
class SideProfile:
    """Distances in ticks from the side's best price, away from the market, for each kind of update."""

    snapshot: Table
    delete_missing: Table
    delete_held: Table
    insert: Table
    modify: Table


BIDS = SideProfile(
    snapshot=(0, 34, 138, 211, 449, 823, 1118, 1253, 1317, 1388, 1436, 1452, 1460, 1468, 1468),
    delete_missing=(
        *(-128_484, -21_572, -85, -30, 53, 252, 8_721),
        *(431_406, 431_886, 432_189, 432_665, 432_709, 432_795, 432_837, 441_189),
    ),
    delete_held=(0, 2, 24, 52, 131, 335, 851, 1612, 2760, 7095, 18_534, 61_717, 431_617, 432_646, 555_000),
    insert=(1, 10, 46, 79, 180, 480, 1585, 5212, 8478, 14_792, 60_642, 101_785, 431_549, 432_646, 612_490),
    modify=(
        0,
        0,
        35,
        101,
        226,
        526,
        1212,
        4000,
        14_792,
        567_035,
        606_980,
        607_486,
        608_067,
        608_290,
        612_797,
    ),
)
ASKS = SideProfile(
    snapshot=(0, 53, 147, 225, 430, 788, 1213, 1416, 1522, 1651, 1702, 1737, 1749, 1759, 1759),
    delete_missing=(
        *(-44_401, -1_398, -91, -40, -1, 130, 463),
        *(1_134, 3_595, 12_226, 24_594, 40_680, 63_085, 162_966, 5_595_634),
    ),
    delete_held=(0, 3, 23, 46, 126, 347, 845, 1423, 1969, 5401, 10_083, 18_246, 34_412, 62_952, 5_563_994),
    insert=(1, 10, 39, 69, 168, 415, 1125, 2261, 6174, 10_422, 24_558, 34_500, 61_695, 151_408, 5_563_994),
    modify=(0, 0, 18, 77, 184, 370, 659, 1095, 1700, 6720, 10_224, 18_871, 31_538, 61_820, 134_002),
)
LEVELS_PER_EVENT: Table = (1, 8, 13, 16, 22, 34, 62, 94, 142, 252, 443, 611, 746, 999, 1226)
QUANTITY_LOTS: Table = (
    1,
    2,
    2,
    4,
    19,
    132,
    640,
    1413,
    2338,
    5925,
    21_182,
    606_675,
    606_675,
    606_675,
    858_739,
)
SNAPSHOT_LOTS: Table = (1, 2, 2, 3, 9, 80, 339, 647, 990, 1420, 2890, 4057, 6308, 20_004, 20_471)
BEST_MOVE_TICKS: Table = (1, 1, 2, 4, 11, 23, 44, 60, 73, 97, 143, 266, 515, 685, 685)
# Gaps between all frames of the capture: depth frames alone come every 52 ms, but trades and book tickers
# make half of all gaps shorter than 4 µs. The synthetic feed has that burstiness in its events.
FRAME_GAP_NS: Table = (
    *(400, 400, 500, 600, 900, 3_500, 2_051_400),
    *(5_331_300, 11_384_699, 23_550_000, 40_343_798, 50_390_785, 52_492_900, 55_049_001, 344_872_301),
)
BURST_GAP_NS = 4_000
# Gaps above BURST_GAP_NS are stretched so that the mean event rate is the capture's 19 a second in spite of
# the bursts.
LONG_GAP_STRETCH = 14

SNAPSHOT_LEVELS_PER_SIDE = 1_000  # the REST request's limit
FIRST_BID_TICKS = 618_002
TICK_SIZE = "0.1"
LOT_SIZE = "0.001"
BID_SHARE = 5_190
MOVE_SHARE = 719  # events that move the best bid
# The kinds of update, without the few deletes and inserts that moves of the best price add by themselves.
DELETE_MISSING_SHARE = 400
DELETE_HELD_SHARE = 1_765
INSERT_SHARE = 1_936  # the rest modifies
# Beyond 10,000 ticks (1,000 USD) orders lie at round prices.
FAR_TICKS = 10_000
ROUND_TICKS = 1_000
