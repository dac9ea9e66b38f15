"""The peer in the other layout: one numpy array of records, its fields read with a stride of 40 bytes."""

import numpy as np

from tickbench.components.trades import contract
from tickbench.registry import variant


class NumpyStructs:
    """An array of structures; a filter returns int64, as numpy does."""

    def __init__(self, columns: contract.Columns) -> None:
        self._records = columns.records()
        self._words = self._records.view(np.int64).reshape(-1, contract.RECORD_WORDS)

    def mean_price(self, first: int, n: int) -> float:
        """A sum with a stride; numpy warns about the mean of nothing, so that is answered here."""
        return float(self._records["price"][first : first + n].mean()) if n else float("nan")

    def vwap(self, first: int, n: int) -> float:
        """One product array and two sums."""
        block = self._records[first : first + n]
        lots = int(block["quantity"].sum())
        return float((block["price"] * block["quantity"]).sum()) / lots if lots else float("nan")

    def filter(self, first: int, n: int, threshold: float) -> np.ndarray:
        """One mask and the positions of what it holds."""
        positions = np.flatnonzero(self._records["price"][first : first + n] > threshold)
        return positions + first if first else positions

    def window_sum(self, first: int, n: int, from_ns: int, until_ns: int) -> int:
        """Two masks, their product with the lots, and a sum."""
        block = self._records[first : first + n]
        inside = (block["timestamp"] >= from_ns) & (block["timestamp"] < until_ns)
        return int((block["quantity"] * inside).sum())

    def full_record(self, positions: np.ndarray) -> int:
        """One gather of whole records, then the sum of each field."""
        rows = self._words[positions]
        total = np.int64(0)
        with np.errstate(over="ignore"):  # the checksum wraps
            for field, factor in enumerate(contract.CHECKSUM_FACTORS):
                total = total + np.int64(factor) * rows[:, field].sum()
        return int(total)


@variant("trades", runtime="python", example_of="one numpy array of records")
def numpy_structs(columns: contract.Columns) -> NumpyStructs:
    """Copy the columns into records."""
    return NumpyStructs(columns)
