"""The peer: columns as numpy arrays, each question one or two array expressions with their temporaries."""

import numpy as np

from tickbench.components.trades import contract
from tickbench.registry import variant


class NumpyColumns:
    """A structure of arrays; a filter returns int64, as numpy does."""

    def __init__(self, columns: contract.Columns) -> None:
        self._price, self._quantity, self._timestamp = columns.price, columns.quantity, columns.timestamp
        self._words = [getattr(columns, name).view(np.int64) for name in contract.FIELDS]

    def mean_price(self, first: int, n: int) -> float:
        """Pairwise summation, as numpy does it; numpy warns about the mean of nothing, so that is answered here."""
        return float(self._price[first : first + n].mean()) if n else float("nan")

    def vwap(self, first: int, n: int) -> float:
        """One product array and two sums."""
        quantity = self._quantity[first : first + n]
        lots = int(quantity.sum())
        return float((self._price[first : first + n] * quantity).sum()) / lots if lots else float("nan")

    def filter(self, first: int, n: int, threshold: float) -> np.ndarray:
        """One mask and the positions of what it holds."""
        positions = np.flatnonzero(self._price[first : first + n] > threshold)
        return positions + first if first else positions

    def window_sum(self, first: int, n: int, from_ns: int, until_ns: int) -> int:
        """Two masks, their product with the lots, and a sum: faster here than picking the lots out."""
        timestamp = self._timestamp[first : first + n]
        inside = (timestamp >= from_ns) & (timestamp < until_ns)
        return int((self._quantity[first : first + n] * inside).sum())

    def full_record(self, positions: np.ndarray) -> int:
        """One gather a field."""
        total = np.int64(0)
        with np.errstate(over="ignore"):  # the checksum wraps
            for words, factor in zip(self._words, contract.CHECKSUM_FACTORS, strict=True):
                total = total + np.int64(factor) * words[positions].sum()
        return int(total)


@variant("trades", runtime="python", example_of="numpy arrays, one a field")
def numpy_columns(columns: contract.Columns) -> NumpyColumns:
    """Keep the columns as they are."""
    return NumpyColumns(columns)
