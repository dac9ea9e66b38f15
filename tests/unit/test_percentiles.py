"""Percentile estimates against sorted samples, and their bounds against the binomial distribution."""

import math
from fractions import Fraction

import numpy as np
import pytest
from scipy.stats import binom

from tickbench.analysis.percentiles import SHOWN, exceedances, percentiles_from_counts, rank_bounds
from tickbench.errors import InputError
from tickbench.kernels.hdr import HdrGeometry, Histogram

FINE = HdrGeometry(1, 1 << 21, 5)  # exact below 2^18


def estimates(values, ps=SHOWN, geometry=FINE):
    histogram = Histogram(geometry)
    histogram.record(values)
    return percentiles_from_counts(histogram.counts, geometry, ps)


def test_values_are_those_of_the_sorted_samples():
    values = sorted(np.random.default_rng(3).integers(0, 200_000, 5_000).tolist())
    for estimate in estimates(values):
        rank = max(1, math.ceil(Fraction(estimate.percentile) * len(values) / 100))
        assert estimate.value_ns == values[rank - 1]
        assert estimate.exceedances == len(values) - rank


def test_bounds_of_the_median_of_ten_as_in_the_tables():
    # Conover, table of the binomial: P(2 <= B <= 8) = 0.9785 for n = 10, p = 1/2
    assert rank_bounds(50, 10) == (2, 9)
    (median,) = estimates(range(10, 110, 10), ["50"])
    assert (median.low_ns, median.value_ns, median.high_ns) == (20, 50, 90)


@pytest.mark.parametrize("n", [1, 2, 10, 100, 999, 10_000, 1_000_000])
@pytest.mark.parametrize("p", ["1", "50", "90", "99", "99.9", "99.99"])
def test_the_ranks_enclose_the_quantile_with_the_stated_confidence(n, p):
    share = float(p) / 100
    low, high = rank_bounds(p, n)
    assert 0 <= low < high <= n + 1
    covered = binom.cdf(high - 1, n, share) - binom.cdf(low - 1, n, share)
    assert covered >= 0.9499
    if low > 0 and high <= n:
        narrower = binom.cdf(high - 3, n, share) - binom.cdf(low + 1, n, share)
        assert narrower < 0.95, "two ranks less on each side would do as well"


def test_a_small_sample_has_no_upper_bound_and_only_informs():
    p50, p99 = estimates(range(1, 101), ["50", "99"])
    assert not p50.informative
    assert p50.exceedances == 50
    assert p99.informative
    assert p99.exceedances == 1
    assert p99.high_ns is None
    assert p99.low_ns is not None
    assert p99.low_ns <= p99.value_ns


def test_ten_samples_above_are_enough_to_gate():
    assert [e.informative for e in estimates(range(1, 1001), ["99", "99.1"])] == [False, True]


def test_bounds_reach_to_the_edges_of_coarse_buckets():
    geometry = HdrGeometry(1, 1_000_000, 1)
    (median,) = estimates([100_000] * 1_000, ["50"], geometry)
    assert median.low_ns < 100_000 < median.high_ns
    assert median.high_ns == median.value_ns


def test_exceedances_counts_whole_buckets_above():
    histogram = Histogram(FINE)
    histogram.record([1, 5, 5, 9])
    assert [exceedances(histogram.counts, FINE, limit) for limit in (0, 4, 5, 9)] == [4, 3, 1, 0]


def test_an_empty_histogram_has_no_percentiles():
    with pytest.raises(InputError, match="nothing was recorded"):
        estimates([])
