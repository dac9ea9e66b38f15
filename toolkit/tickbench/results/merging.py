"""Histograms added up, whatever their geometries."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tickbench.errors import InputError
from tickbench.kernels.hdr import COUNT_LIMIT, HdrGeometry, Histogram, decode_buckets


def merge_all(texts: Sequence[str]) -> Histogram:
    """One histogram with the records of all encoded ones (at least one); InputError when they are more than it can count.

    Of different geometries the result has the finest unit, the most digits and the highest limit; a record then goes to the
    bucket of the lowest value of its old one, as HdrHistogram's `add` does in Java.
    """
    parts = [decode_buckets(text) for text in texts]
    total = sum(int(one.counts.sum()) for one in parts)
    if total >= COUNT_LIMIT:
        raise InputError(f"{total} values in one histogram are too many: fewer than {COUNT_LIMIT} are expected")
    geometries = {one.geometry for one in parts}
    geometry = (
        geometries.pop()
        if len(geometries) == 1
        else HdrGeometry(
            min(one.lowest for one in geometries), max(one.highest for one in geometries), max(one.digits for one in geometries)
        )
    )
    merged = np.zeros(geometry.counts_len, dtype=np.int64)
    for one in parts:
        np.add.at(merged, one.index if one.geometry == geometry else _moved(one.geometry, geometry, one.index), one.counts)
    return Histogram.of_counts(geometry, merged)


def _moved(of: HdrGeometry, to: HdrGeometry, places: NDArray[np.int64]) -> NDArray[np.int64]:
    """The buckets of another geometry."""
    return np.searchsorted(to.lowest_values, of.lowest_values[places], side="right") - 1
