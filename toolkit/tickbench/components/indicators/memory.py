"""The memory of a signal cache: for each symbol a window of prices and what the pipeline made of it, all rows of it.

A compiled pipeline writes into memory of its caller: then the rows are arrays of ours. A function returns its rows.
"""

from typing import Any

import numpy as np

from tickbench.components.component import Job, Result, Verification
from tickbench.components.indicators import inputs, model, oracle
from tickbench.components.indicators.contract import PIPELINE_ROWS, Indicators
from tickbench.components.shared.memory import Loaded, measure_load, memory_workload

SYMBOLS, PRICES = 200, 1_000
_LEVELS = 100
_EACH = 8  # symbol is compared with the model


def memory(job: Job) -> Result:
    """Run the pipeline for every symbol and keep prices and rows."""
    prices, (bids, asks) = job.parameters["prices"], inputs.aligned((2, _LEVELS), inputs.books(job.seed, 1, _LEVELS)[0])
    indicators: Indicators = job.variant.build(None)

    def load(symbols: int) -> Loaded:
        cache = [_cached(indicators, inputs.walk(job.seed + k, prices), bids, asks) for k in range(symbols)]

        def check() -> Verification:
            for k, (_, answer) in enumerate(cache):
                walk = inputs.walk(job.seed + k, prices)
                if k % _EACH:  # still what the variant gives for this symbol; the model takes a hundred times as long
                    again = _cached(indicators, walk, bids, asks)[1]
                    if not _same(answer, again):
                        return Verification(False, k, f"symbol {k}: its rows are no longer those that were stored")
                    continue
                seen = answer if isinstance(answer, tuple) else oracle.split_pipeline(answer, prices)
                rows, of_book, score = seen
                expected = model.pipeline(walk, bids, asks)
                found = oracle.pipeline_difference((np.array(rows, dtype=float), of_book, score), expected, walk)
                if found:
                    return Verification(False, k, f"symbol {k}: {found}")
            return Verification(
                True, symbols, f"the rows of {symbols} symbols are there, every {_EACH}th agrees with the model"
            )

        return Loaded(cache, symbols, check)

    return measure_load(job, load, int(job.parameters["symbols"]))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, tuple):  # rows, imbalance, score
        return all(
            np.array_equal(np.array(a, float), np.array(b, float), equal_nan=True) for a, b in zip(one, other, strict=True)
        )
    return np.array_equal(one, other, equal_nan=True)


def _cached(indicators: Indicators, walk: Any, bids: Any, asks: Any) -> tuple[Any, Any]:
    """The prices of one symbol, and the rows as the variant gives them."""
    if "pipeline" in indicators.functions:
        window = indicators.as_prices(walk)
        return window, tuple(indicators.functions["pipeline"](window, *(indicators.as_prices(side) for side in (bids, asks))))
    out = np.full(len(PIPELINE_ROWS) * len(walk) + 2, -7.0)
    arguments = (walk.ctypes.data, len(walk), bids.ctypes.data, asks.ctypes.data, len(bids), out.ctypes.data)
    indicators.kernels["pipeline"](*arguments)
    return walk, out


MEMORY = memory_workload("symbol", memory, "pipeline", symbols=SYMBOLS, prices=PRICES)
