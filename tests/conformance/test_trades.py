"""Trades: the oracle rejects what is broken, compaction in both its forms, the cache model against counts by hand."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from tickbench.components.component import Job
from tickbench.components.trades import contract, hardware_counters
from tickbench.components.trades.cache_model import DEFAULT_LEVELS, CacheLevel, machine_levels, simulate
from tickbench.components.trades.oracle import GUARD, expected_records, verify
from tickbench.components.trades.workloads import WORKLOADS
from tickbench.errors import InputError
from tickbench.kernels import compaction
from tickbench.kernels.atomics import load_plain
from tickbench.kernels.clock import calibrate
from tickbench.kernels.compaction import load_f64, positions_above_compress, positions_above_table, store_i32
from tickbench.kernels.jit import kernel
from tickbench.registry import discover

_PRICE_COLUMN = contract.COLUMN
CLOCK = calibrate()
VARIANTS = {one.name: one for one in discover("trades")[0]}


def altered(**kernels):
    """struct_of_arrays with other kernels in place of its own."""
    honest = VARIANTS["struct_of_arrays"]
    return replace(honest, build=lambda columns: replace(honest.build(columns), **kernels))


@kernel(contract.FILTER)
def _writes_one_too_many(state, first, n, threshold, out):
    prices = state + load_plain(state, _PRICE_COLUMN) + 8 * first
    count = 0
    for i in range(n):
        store_i32(out, count, first + i)
        count += load_f64(prices, i) > threshold
    store_i32(out, n, 0)
    return count


@kernel(contract.FILTER)
def _forgets_the_rest(state, first, n, threshold, out):
    prices = state + load_plain(state, _PRICE_COLUMN) + 8 * first
    count = 0
    for i in range(n - n % 8):
        store_i32(out, count, first + i)
        count += load_f64(prices, i) > threshold
    return count


@kernel(contract.FILTER)
def _takes_nan(state, first, n, threshold, out):
    prices = state + load_plain(state, _PRICE_COLUMN) + 8 * first
    count = 0
    for i in range(n):
        store_i32(out, count, first + i)
        count += not load_f64(prices, i) <= threshold
    return count


@kernel(contract.MEAN_PRICE)
def _mean_of_one_less(state, first, n):
    prices = state + load_plain(state, _PRICE_COLUMN) + 8 * first
    total = 0.0
    for i in range(n - 1):
        total += load_f64(prices, i)
    return total / n


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (altered(filter=_writes_one_too_many), "wrote behind"),
        (altered(filter=_forgets_the_rest), "positions expected|position .* expected"),
        (altered(filter=_takes_nan), "positions expected"),
        (altered(mean_price=_mean_of_one_less), "mean_price"),
    ],
    ids=["overrun", "no rest", "NaN", "mean"],
)
def test_the_oracle_rejects(broken, complaint):
    found = verify(broken, None)
    assert not found.passed
    assert re.search(complaint, found.detail), found.detail


PRICES = st.lists(st.floats(width=64), max_size=70)


@pytest.mark.parametrize("way", [positions_above_compress, positions_above_table], ids=["compress", "table"])
@settings(max_examples=60, deadline=None)
@given(prices=PRICES, threshold=st.floats(width=64), base=st.integers(0, 1 << 30))
def test_compaction_finds_what_numpy_finds_and_writes_no_further(way, prices, threshold, base):
    values, out = np.array(prices, dtype=np.float64), np.full(len(prices) + 32, GUARD, dtype=np.int32)
    count = way(values.ctypes.data, len(values), threshold, base, out.ctypes.data)
    assert out[:count].tolist() == (np.flatnonzero(values > threshold) + base).tolist()
    assert (out[len(values) :] == GUARD).all()


def test_the_compaction_of_this_machine_is_compiled_to_vectors():
    kernel_used = compaction.positions_above
    fresh = njit([kernel_used.signatures[0]], error_model="numpy", nogil=True)(kernel_used.py_func)
    assembly = fresh.inspect_asm(fresh.signatures[0])
    if compaction.has_compress():
        assert kernel_used is positions_above_compress
        # Into a register: with a memory operand in first place it is microcoded on Zen 4.
        assert re.search(r"vpcompressd\s+%zmm\d+, %zmm\d+", assembly)
        assert not re.search(r"vpcompressd\s+%zmm\d+, .*\(", assembly)
    elif "vmovmskpd" not in assembly:
        pytest.skip("a CPU without AVX: the table is used, with whatever vectors there are")
    assert "popcnt" in assembly


def test_each_lane_table_row_names_the_bits_of_its_number():
    table = compaction.lane_table()
    assert table[0b10100001, :3].tolist() == [0, 5, 7]
    assert table.shape == (256, 8)


SMALL = (CacheLevel(2 * 2 * 64, 2), CacheLevel(4 * 2 * 64, 2), CacheLevel(64 * 64, 64))  # 2, 4 and 1 sets


def test_the_model_counts_a_stream_as_by_hand():
    # 32 doubles in a row are 4 lines: each is missed once and then found 7 times; a second pass finds all 4 in level 1.
    cold = simulate([0], [8], 32, SMALL, warm_passes=0)
    assert (cold.accesses, cold.found) == (32, (28, 0, 0))
    assert simulate([0], [8], 32, SMALL).found == (32, 0, 0)
    # 40-byte records: 16 of them are 10 lines; fields at byte 0, so record k is in line 40 k // 64.
    records = simulate([0], [40], 16, SMALL, warm_passes=0)
    assert records.found[0] == 16 - len({40 * k // 64 for k in range(16)})


def test_the_model_forgets_the_least_recently_used_line_of_a_set():
    # Lines 0, 2, 4 share set 0 of level 1 (2 sets, 2 ways): 0 2 0 4 keeps 0, drops 2; then 0 hits, 2 misses.
    sequence = np.array([0, 2, 0, 4, 0, 2], dtype=np.int32)
    hits = simulate([0], [64], sequence, SMALL, warm_passes=0)
    # Level 2 has sets {0, 4}, {2}: it is asked for 0, 2, 4, 2 and holds the last 2.
    assert hits.found == (2, 1, 0)
    counters = hits.counters(6)
    assert counters["model_l1_hit_percent"] == pytest.approx(100 * 2 / 6)
    assert counters["model_l2_hit_percent"] == pytest.approx(25.0)
    assert counters["model_l1_misses_per_operation"] == pytest.approx(4 / 6)
    assert counters["model_memory_lines_per_operation"] == pytest.approx(3 / 6)


def test_the_model_says_what_the_layouts_ask_for():
    columns = contract.make_trades(1, 20_000)
    hit = {}
    for name in ("array_of_structs", "struct_of_arrays"):
        layout = VARIANTS[name].build(columns).layout
        hit[name] = simulate(layout.offset_bytes[:1], layout.stride_bytes[:1], len(columns), DEFAULT_LEVELS)
    assert hit["struct_of_arrays"].counters(20_000)["model_l1_hit_percent"] == pytest.approx(87.5, abs=0.1)
    assert hit["array_of_structs"].counters(20_000)["model_l1_hit_percent"] == pytest.approx(37.5, abs=0.1)


def test_cache_sizes_come_from_sys_or_are_the_defaults(tmp_path):
    assert machine_levels(tmp_path) == DEFAULT_LEVELS
    for index, (level, kind, size, ways) in enumerate(
        [(1, "Data", "48K", 12), (1, "Instruction", "32K", 8), (2, "Unified", "2048K", 16), (3, "Unified", "30720K", 12)]
    ):
        folder = tmp_path / f"index{index}"
        folder.mkdir()
        for name, value in (("level", level), ("type", kind), ("size", size), ("ways_of_associativity", ways)):
            (folder / name).write_text(f"{value}\n")
    assert machine_levels(tmp_path) == (CacheLevel(48 << 10, 12), CacheLevel(2 << 20, 16), CacheLevel(30 << 20, 12))


def test_missing_hardware_counters_are_told(monkeypatch):
    def refuse(_cache, _result):
        raise OSError(2, "No such file or directory")

    monkeypatch.setattr(hardware_counters, "_open", refuse)
    assert hardware_counters.count_cache_reads(lambda: None) == (
        {},
        "cache hits not measured: needs perf counters (No such file or directory)",
    )


def test_golden_trades():
    columns = contract.Columns(
        price=np.array([1.0, 2.0, 4.0]),
        quantity=np.array([3, 2, 1]),
        timestamp=np.array([10, 20, 30]),
        symbol=np.array([0, 1, 2]),
        id=np.array([7, 8, 9]),
    )
    assert columns.records()[1].tolist() == (2.0, 2, 20, 1, 8)
    assert contract.RECORD_DTYPE.itemsize == 40
    bits = [int(word) for word in columns.price.view(np.int64)]
    assert expected_records(columns, np.array([0, 0], dtype=np.int32)) == (2 * (bits[0] + 9 + 50 + 77) + (1 << 63)) % (
        1 << 64
    ) - (1 << 63)


@pytest.mark.parametrize("percent", [0, 1, 50, 99, 100])
def test_a_threshold_selects_its_share(percent):
    price = contract.make_trades(1, 1_000).price
    assert (price > contract.threshold_for(price, percent)).sum() == 10 * percent


def test_columns_of_different_lengths_and_unknown_orders_are_refused():
    with pytest.raises(InputError, match="must be equal"):
        contract.Columns(np.zeros(2), *(np.zeros(3, dtype=np.int64) for _ in range(4)))
    with pytest.raises(InputError, match="random or sorted"):
        contract.make_trades(1, 3, "falling")


@pytest.mark.parametrize("workload", sorted(WORKLOADS))
def test_a_workload_checks_its_answers_and_models_the_cache(workload):
    parameters = {**WORKLOADS[workload].parameters, "trades": 500}
    for name in ("struct_of_arrays_simd", "numpy_columns"):
        job = Job(VARIANTS[name], CLOCK, parameters=parameters, seconds=0.005, seed=(1 << 63) - 5)
        result = WORKLOADS[workload].run(job)
        assert result.verification.passed, result.verification.detail
        if name == "numpy_columns":
            assert not any(key.startswith("model_") for key in result.counters)
        elif not any(key == "l1_hit_percent" for key in result.counters):
            assert result.counters["model_l1_hit_percent"] > 99
            assert "needs perf counters" in result.verification.detail
