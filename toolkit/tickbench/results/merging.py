"""Histograms added up, whatever their geometries."""

from collections.abc import Sequence

import numpy as np

from tickbench.errors import InputError
from tickbench.kernels.hdr import COUNT_LIMIT, HdrGeometry, Histogram


def merge_all(histograms: Sequence[Histogram]) -> Histogram:
    """One histogram with the records of all (at least one); raises InputError when they are more than it can count.

    Of different geometries the result has the finest unit, the most digits and the highest limit; a record then goes to the
    bucket of the lowest value of its old one, as HdrHistogram's `add` does in Java.
    """
    geometries = {one.geometry for one in histograms}
    total = sum(one.count for one in histograms)
    if total >= COUNT_LIMIT:
        raise InputError(f"{total} values in one histogram are too many: fewer than {COUNT_LIMIT} are expected")
    if len(geometries) == 1:
        merged = Histogram(geometries.pop())
        for one in histograms:
            merged.merge(one)
        return merged
    geometry = HdrGeometry(
        min(one.lowest for one in geometries), max(one.highest for one in geometries), max(one.digits for one in geometries)
    )
    counts = np.zeros(geometry.counts_len, dtype=np.int64)
    for one in histograms:
        used = np.flatnonzero(one.counts)
        places = np.searchsorted(geometry.lowest_values, one.geometry.lowest_values[used], side="right") - 1
        np.add.at(counts, places, one.counts[used])
    return Histogram.of_counts(geometry, counts)
