"""The memory of a history of so many trades; the columns that it is made from are let go unless the store keeps them."""

from typing import Any

from tickbench.components.component import Job, Result, Verification
from tickbench.components.shared.memory import Loaded, measure_load, memory_workload
from tickbench.components.trades import oracle
from tickbench.components.trades.contract import make_trades

TRADES = 1_000_000


def memory(job: Job) -> Result:
    """Build a store of seeded trades."""

    def load(trades: int) -> Loaded:
        store: Any = job.variant.build(make_trades(job.seed, trades))

        def check() -> Verification:
            expected = oracle.expected_mean(make_trades(job.seed, trades), 0, trades)
            seen = oracle.ask_mean(store, 0, trades)
            right = oracle.close(seen, expected, trades)
            return Verification(right, trades, f"mean price {seen}, {expected} expected")

        return Loaded(store, trades, check)

    return measure_load(job, load, int(job.parameters["trades"]))


MEMORY = memory_workload("trade", memory, trades=TRADES)
