"""Indicators agree with TA-Lib and with hand-worked values, at every edge, and the oracle rejects those that do not."""

import math
import re
from dataclasses import replace
from fractions import Fraction

import llvmlite.binding as llvm
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from tickbench.components.component import Job
from tickbench.components.indicators import contract, inputs, model, oracle
from tickbench.components.indicators.contract import Indicators
from tickbench.components.indicators.drivers import call_series
from tickbench.components.indicators.workloads import WORKLOADS
from tickbench.kernels import jit
from tickbench.kernels.clock import calibrate
from tickbench.registry import discover

VARIANTS = {one.name: one for one in discover("indicators")[0]}
CLOCK = calibrate()
SINGLE = [one for one in VARIANTS.values() if not one.null and {"rsi", "macd", "bollinger"} <= one.capabilities]
every_single = pytest.mark.parametrize("variant", SINGLE, ids=lambda one: one.name)


def built(name):
    return VARIANTS[name].build(None)


def test_the_model_is_the_definition_worked_in_fractions():
    prices = [Fraction(100 + (7 * i) % 13, 1) + Fraction(i % 5, 4) for i in range(60)]
    window = prices[11:31]
    mean = sum(window) / 20
    variance = sum((one - mean) ** 2 for one in window) / 20
    floats = np.array([float(one) for one in prices])
    upper, middle, lower = (row[30] for row in model.bollinger(floats))
    assert model.sma(floats)[0, 30] == pytest.approx(float(mean), rel=1e-15)
    assert float(middle) == pytest.approx(float(mean), rel=1e-15)
    assert float(upper - lower) == pytest.approx(4 * math.sqrt(variance), rel=1e-13)
    gain = loss = Fraction(0)
    for i in range(1, 60):
        change = prices[i] - prices[i - 1]
        up, down = max(change, Fraction(0)), max(-change, Fraction(0))
        gain, loss = (gain + up / 14, loss + down / 14) if i <= 14 else ((13 * gain + up) / 14, (13 * loss + down) / 14)
    assert float(model.rsi(floats)[0, 59]) == pytest.approx(float(100 * gain / (gain + loss)), rel=1e-14)
    average = sum(prices[:20]) / 20
    for price in prices[20:]:
        average += Fraction(2, 21) * (price - average)
    assert float(model.ema(floats)[0, 59]) == pytest.approx(float(average), rel=1e-15)


@pytest.mark.parametrize("case", ["walk", "constant", "rising", "falling", "alternating", "stopping"])
def test_the_model_agrees_with_the_ta_lib_package(case):
    talib = pytest.importorskip("talib", reason="needs ta-lib: pip install 'tickbench[peers]'")
    prices = oracle.cases()[case]
    theirs = {
        "sma": [talib.SMA(prices, 20)],
        "ema": [talib.EMA(prices, 20)],
        "rsi": [talib.RSI(prices, 14)],
        "macd": talib.MACD(prices, 12, 26, 9),
        "bollinger": talib.BBANDS(prices, 20, 2.0, 2.0, 0),
    }
    for operation, rows in theirs.items():
        found = oracle.difference(operation, np.array(rows), model.SERIES[operation](prices), prices, frozenset())
        assert not found, f"{operation}: {found}"


@every_single
@pytest.mark.parametrize("operation", sorted(contract.LOOKBACK))
def test_the_first_output_stands_where_ta_lib_has_it(variant, operation):
    for n in (contract.LOOKBACK[operation], contract.LOOKBACK[operation] + 1):
        rows = oracle.run_series(variant.build(None), operation, inputs.walk(3, n))
        assert np.isfinite(rows).sum() == (n - contract.LOOKBACK[operation]) * contract.ROWS[operation]


@every_single
def test_constant_prices_have_rsi_zero_and_bands_of_no_width(variant):
    indicators, prices = variant.build(None), np.full(100, 17.17)
    assert (oracle.run_series(indicators, "rsi", prices)[0, 14:] == 0).all()
    bands = oracle.run_series(indicators, "bollinger", prices)[:, 19:]
    np.testing.assert_allclose(bands, 17.17, rtol=1e-12)


@every_single
def test_only_gains_give_exactly_100_and_only_losses_0(variant):
    indicators, rising = variant.build(None), 50.0 + np.arange(100) * 0.25
    np.testing.assert_allclose(oracle.run_series(indicators, "rsi", rising)[0, 14:], 100, rtol=1e-13)
    np.testing.assert_allclose(oracle.run_series(indicators, "rsi", rising[::-1].copy())[0, 14:], 0, atol=1e-11)


@pytest.mark.parametrize("name", ["simd", "batch_simd"])
def test_a_window_forgets_a_nan_and_a_recurrence_never_does(name):
    prices = inputs.walk(5, 100)
    prices[40] = np.nan
    indicators = built(name)
    for operation, last in (("sma", 59), ("bollinger", 59), ("ema", 99), ("rsi", 99), ("macd", 99)):
        gone = np.flatnonzero(np.isnan(oracle.run_series(indicators, operation, prices)[0]))
        gone = gone[gone >= contract.LOOKBACK[operation]]
        assert gone.tolist() == list(range(40, last + 1)), operation


@given(
    prices=st.lists(st.integers(1, 10_000_000), min_size=1, max_size=120),
    operation=st.sampled_from(sorted(contract.LOOKBACK)),
    name=st.sampled_from(["scalar", "simd", "batch_simd"]),
)
@settings(max_examples=150, deadline=None)
def test_any_prices_on_ticks_agree_with_the_model(prices, operation, name):
    ticks = np.array(prices) * 0.01
    variant = VARIANTS[name]
    capabilities = variant.capabilities - {"stable"}
    found = oracle.difference(
        operation, oracle.run_series(built(name), operation, ticks), model.SERIES[operation](ticks), ticks, capabilities
    )
    assert not found


def test_windows_do_not_drift_over_ten_million_prices():
    """A rolling sum is off by 3e-13 of the price after them (TA-Lib: 2e-13), windows from scratch by 3e-16."""
    n = 10_000_000
    prices = inputs.aligned(n, 100 + np.random.default_rng(4).normal(0, 0.01, n).cumsum())
    out = inputs.aligned((3, n), 0.0)
    last = np.lib.stride_tricks.sliding_window_view(prices[-2_019:], 20).astype(model.Extended)
    mean = last.mean(axis=1)
    deviation = np.sqrt(((last - mean[:, None]) ** 2).mean(axis=1))
    call_series(built("simd").kernels["bollinger"], prices.ctypes.data, n, out.ctypes.data)
    width = (out[0, -2_000:] - out[2, -2_000:]) / 4
    assert np.abs(width / deviation - 1).max() < 1e-11  # the bands themselves are rounded to 1e-14
    call_series(built("simd").kernels["sma"], prices.ctypes.data, n, out.ctypes.data)
    assert np.abs(out[0, -2_000:] / mean - 1).max() < 1e-15
    call_series(built("scalar").kernels["sma"], prices.ctypes.data, n, out.ctypes.data)
    rolled = np.abs(out[0, -2_000:] / mean - 1).max()
    assert 1e-13 < rolled < 1e-9, "the bound above would not tell a rolling sum apart"


def corrupted(variant, operation, change):
    """The variant with one operation whose answers are changed on the way out."""

    def build(config):
        indicators = variant.build(config)
        right = indicators.functions[operation]
        return replace(indicators, functions={**indicators.functions, operation: lambda *given: change(right, *given)})

    return replace(variant, build=build)


def earlier_begin(right, prices):
    rows = np.array(right(prices))
    rows[:, 18:19] = 100.0
    return rows


def slightly_off(right, prices):
    return np.array(right(prices)) * (1 + 2e-9)


def sample_deviation(right, prices):
    upper, middle, lower = np.array(right(prices))
    return np.stack([middle + (upper - middle) * math.sqrt(20 / 19), middle, lower])


def fifty_for_flat(right, prices):
    rows = np.array(right(prices))
    rows[rows == 0] = 50.0
    return rows


def next_price(right, prices):
    return np.concatenate([np.array(right(prices))[:, 1:], np.zeros((1, min(len(prices), 1)))], axis=1)


@pytest.mark.parametrize(
    ("operation", "change"),
    [
        ("sma", earlier_begin),
        ("sma", slightly_off),
        ("ema", slightly_off),
        ("rsi", fifty_for_flat),
        ("rsi", next_price),
        ("macd", lambda right, prices: np.array(right(prices))[[0, 1, 1]]),
        ("bollinger", sample_deviation),
        ("sum", lambda right, prices: right(prices) + 1e-3),
        ("imbalance", lambda right, bids, asks: -right(bids, asks)),
        ("pipeline", lambda right, *given: (*right(*given)[:2], 0.0)),
    ],
)
def test_the_oracle_rejects_a_broken_variant(operation, change):
    found = oracle.verify(corrupted(VARIANTS["numpy"], operation, change), None)
    assert not found.passed
    assert operation in found.detail or "score" in found.detail or "expected" in found.detail


def test_the_oracle_rejects_a_rolling_sum_that_claims_to_recover():
    scalar = VARIANTS["scalar"]
    found = oracle.verify(replace(scalar, capabilities=scalar.capabilities | {"recovers"}), None)
    assert not found.passed
    assert "'nan'" in found.detail


@pytest.mark.parametrize("workload", sorted(WORKLOADS))
def test_every_workload_checks_what_it_timed(workload):
    asked = WORKLOADS[workload]
    parameters = dict(asked.parameters) | ({"prices": 200} if "prices" in asked.parameters else {})
    for name, variant in VARIANTS.items():
        if asked.requires <= variant.capabilities and name not in ("scalar", "numpy", "talib"):
            result = asked.run(Job(variant, CLOCK, parameters=parameters, seconds=0.001))
            assert result.verification.passed, (name, result.verification.detail)
            assert result.operations > 0
            assert result.histograms["service"].counts.sum() > 0


def test_a_timed_run_that_leaves_a_wrong_answer_is_told():
    simd = VARIANTS["simd"]

    def build(config):
        indicators = simd.build(config)
        return replace(indicators, kernels={**indicators.kernels, "rsi": indicators.kernels["ema"]})

    job = Job(replace(simd, build=build), CLOCK, parameters={"prices": 200}, seconds=0.001)
    found = WORKLOADS["rsi"].run(job).verification
    assert not found.passed
    assert "expected" in found.detail


def code_of(kernel):
    """Assembly of the kernel, compiled now: what comes from the cache cannot be inspected."""
    options = {"error_model": "numpy", "nogil": True, "fastmath": kernel.targetoptions.get("fastmath", False)}
    fresh = njit(contract.SERIES, **options)(kernel.py_func)
    return next(iter(fresh.inspect_asm().values()))


PACKED = re.compile(r"\bv?(?:add|sub|mul|div|sqrt|fn?madd\d*|fn?msub\d*)pd\b.*%([xyz]mm)")


@pytest.mark.skipif(jit.machine() not in {"x86_64", "AMD64"}, reason="reads x86-64 assembly")
@pytest.mark.parametrize("operation", ["sum", "sma", "ema", "rsi", "macd", "bollinger"])
def test_vectors_are_packed_in_simd_and_there_are_none_in_scalar(operation):
    assert not PACKED.findall(code_of(built("scalar").kernels[operation]))
    wide = PACKED.findall(code_of(built("simd").kernels[operation]))
    widest = "ymm" if llvm.get_host_cpu_features().get("avx") else "xmm"
    assert sum(one >= widest for one in wide) >= 1


def test_the_share_of_vector_outputs_counts_what_is_left_over():
    simd: Indicators = built("simd")
    assert simd.vector_outputs is not None
    assert simd.vector_outputs("rsi", 100) == (100 - 16) // 4 * 4
    assert simd.vector_outputs("sma", 31) == 0
    assert simd.vector_outputs("macd", 20) == 0
