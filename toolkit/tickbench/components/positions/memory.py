"""The memory of a position map with so many symbols filled."""

from tickbench.components.component import Job, Result, Verification
from tickbench.components.positions.contract import MapConfig
from tickbench.components.positions.script import symbol_codes
from tickbench.components.shared.memory import Loaded, measure_load, memory_workload

POSITIONS = 10_000
_PRICE_TICKS = 100


def memory(job: Job) -> Result:
    """Build a map and fill every symbol once."""

    def load(count: int) -> Loaded:
        positions = job.variant.build(MapConfig(count))
        for lots, symbol in enumerate(symbol_codes(job.seed, count).tolist(), 1):
            positions.fill(symbol, lots, _PRICE_TICKS)

        def check() -> Verification:
            symbols = symbol_codes(job.seed, count).tolist()  # again: kept from the load, they would count as growth
            right = sum(positions.read(symbol).quantity_lots == lots for lots, symbol in enumerate(symbols, 1))
            return Verification(right == count, count, f"{right} of {count} positions are right")

        return Loaded(positions, count, check)

    return measure_load(job, load, int(job.parameters["positions"]))


MEMORY = memory_workload("position", memory, positions=POSITIONS)
