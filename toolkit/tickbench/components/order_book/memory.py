"""The memory of one symbol's book with so many levels a side.

Level k lies k + 3 k² / n ticks from the middle: every tick near the touch, every seventh far from it.
"""

from dataclasses import replace

from tickbench.components.component import Job, Result, Verification
from tickbench.components.order_book.contract import ASK, BID, BookConfig
from tickbench.components.shared.memory import Loaded, measure_load, memory_workload

LEVELS = 5_000  # a side: what the exchange's deepest snapshot holds
_MIDDLE_TICKS = 4_000_000  # of a price of 40,000 with two decimals
_SPREAD = 3


def memory(job: Job) -> Result:
    """Build and load a book."""

    def load(levels: int) -> Loaded:
        config = BookConfig.for_prices(_MIDDLE_TICKS + (1 + _SPREAD) * levels, level_capacity=max(64, 2 * levels))
        book = job.variant.build(config)
        for k in range(levels):
            away = 1 + k + _SPREAD * k * k // levels
            book.update(BID, _MIDDLE_TICKS - away, 1 + k)
            book.update(ASK, _MIDDLE_TICKS + away, 1 + k)

        def check() -> Verification:
            held = [book.level_count(side) for side in (BID, ASK)]
            return Verification(held == [levels, levels], 2 * levels, f"levels held {held}, {levels} a side were set")

        return Loaded(book, 2 * levels, check)

    return measure_load(job, load, int(job.parameters["levels"]))


# The feed is the oracle's: a book is verified with it before it is loaded.
MEMORY = replace(memory_workload("level", memory, levels=LEVELS), needs_feed=True)
