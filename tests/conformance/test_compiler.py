"""The compiler component: its models against golden values, and what its oracle rejects."""

import ctypes
import math
import shutil
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tickbench.components.compiler import c_build, contract, oracle
from tickbench.components.compiler.bench import Bench
from tickbench.components.component import Job, find_component
from tickbench.errors import NotMeasurableError
from tickbench.kernels.clock import calibrate
from tickbench.kernels.jit import NativeFunction
from tickbench.registry import find

try:
    c_build.find_compiler()
    REASON = ""
except NotMeasurableError as error:
    REASON = str(error)
needs_compiler = pytest.mark.skipif(bool(REASON), reason=REASON)


@pytest.fixture(scope="module")
def numba_loops():
    loops = find("compiler", "numba_o3").build(None)
    return {name: loops.find(name) for name in contract.LOOPS}


def run(loop, function, inputs):
    bench = Bench(loop, function, inputs)
    bench.call()
    return bench, oracle.check(bench)


UPDATES = np.array(
    [
        # side, price, quantity, then position and best price of the side
        [0, 100, 5, 0, 100],
        [0, 99, 1, 1, 100],
        [0, 101, 2, 0, 101],
        [1, 103, 7, 0, 103],
        [1, 102, 7, 0, 102],
        [0, 100, 9, 1, 101],
        [0, 98, 0, -1, 101],
        [0, 101, 0, 0, 100],
        [1, 102, 0, 0, 103],
        [1, 103, 0, 0, -1],
    ]
)


def test_the_book_model_answers_as_worked_out_by_hand():
    answers, changed_best, sides = oracle.model_book(UPDATES[:, :3])
    assert answers.tolist() == UPDATES[:, 3:].tolist()
    assert changed_best == 7
    assert sides == [{99: 1, 100: 9}, {}]


def test_a_full_side_drops_its_worst_level_and_refuses_a_worse_one():
    n = contract.LEVELS
    rows = [[1, 200 + k, 1] for k in range(n)] + [[1, 300, 1], [1, 199, 1]]
    answers, _, sides = oracle.model_book(np.array(rows))
    assert answers[-2:].tolist() == [[-1, 200], [0, 199]]
    assert sorted(sides[1]) == list(range(199, 199 + n))


def test_the_rsi_model_agrees_with_talib():
    talib = pytest.importorskip("talib", reason="needs ta-lib: pip install 'tickbench[peers]'")
    prices = contract.prices(3, 2_000)
    ours, valid = oracle.model_rsi(prices)
    np.testing.assert_allclose(ours[:, 0], talib.RSI(prices, contract.PERIOD), rtol=0, atol=1e-9)
    assert valid == 2_000 - contract.PERIOD


@pytest.mark.parametrize(("prices", "expected"), [(range(40), 100.0), (range(40, 0, -1), 0.0), ([7] * 40, 0.0)])
def test_the_rsi_of_a_straight_line(prices, expected):
    values, _ = oracle.model_rsi(np.array(list(prices), dtype=np.float64))
    assert math.isnan(values[contract.PERIOD - 1, 0])
    assert values[contract.PERIOD :, 0].tolist() == [expected] * (40 - contract.PERIOD)


def test_a_frame_has_its_golden_bytes():
    symbol = int.from_bytes(b"BTCUSDT ", "little")
    price_bits = int(np.float64(1.5).view(np.int64))
    frames, valid = oracle.model_orders(np.array([[0x0102, symbol, 1, 250, price_bits, 3], [1, 1, 2, 1, 1, 1]]))
    assert valid == 1
    assert frames[0].tobytes().hex(" ", 8) == " ".join(
        [
            "3800010001000100",  # body, template, schema, version
            "0201000000000000",  # id
            "fa00000000000000",  # quantity
            "000000000000f83f",  # price
            "0300000000000000",  # time
            "4254435553445420",  # symbol
            "0100000000000000",  # side, padding
            "0000000000000000",
        ]
    )
    assert not frames[1].any()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1), st.one_of(st.integers(95, 105), st.integers(1, 80)), st.integers(0, 3)), max_size=120)
)
def test_any_updates_give_the_book_of_the_model(numba_loops, rows):
    _, found = run("book_update", numba_loops["book_update"], np.array(rows, dtype=np.int64).reshape(-1, 3))
    assert found.passed, found.detail


@pytest.mark.parametrize("n", [0, 1, contract.PERIOD, contract.PERIOD + 1, 500])
@pytest.mark.parametrize("loop", contract.LOOPS)
def test_no_loop_writes_beyond_its_outputs(numba_loops, loop, n):
    bench = Bench(loop, numba_loops[loop], contract.make_inputs(loop, 1, n + 1)[:n])
    beyond = n * contract.WORDS[loop][2]
    bench.call()
    assert (bench._outputs.array[beyond:] == -2).all()


@pytest.mark.parametrize("loop", contract.LOOPS)
def test_loops_that_do_nothing_are_rejected(numba_loops, loop):
    null = find("compiler", "null")
    nothing = null.build(None).find(loop)
    broken = contract.Loops(lambda name: nothing if name == loop else numba_loops[name])
    found = oracle.verify(replace(null, null=False, build=lambda _config: broken), None)
    assert not found.passed
    assert loop in found.detail


MUTATIONS = {
    "a deleted level stays": ("book_update", "book->count[side] = count - 1;", "book->count[side] = count;"),
    "a quantity is not replaced": (
        "book_update",
        "    quantities_lots[at] = quantity_lots;",
        "    if (!found) quantities_lots[at] = 1;",
    ),
    "asks sort as bids": ("book_update", "side ? update->price_ticks : -", "side ? -update->price_ticks : -"),
    "a wrong average": ("rsi", "down * rsi->weight", "down * rsi->weight * 1.0000001"),
    "flat prices": ("rsi", ": 0;\n}", ": 50;\n}"),
    "a field is missing": ("order_encode", "frame[6] = order->side;", "frame[6] = 0;"),
    "an invalid side": ("order_encode", "order->side > 1", "order->side > 2"),
    "old bytes stay": ("order_encode", "memset(frame, 0, FRAME_WORDS * sizeof *frame);", ""),
}


@needs_compiler
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_c_loop_with_a_fault_is_rejected(name, tmp_path, numba_loops):
    loop, before, after = MUTATIONS[name]
    shutil.copytree(c_build.SOURCES, tmp_path / "c")
    path = tmp_path / "c" / "operations.c"
    text = path.read_text()
    assert text.count(before) == 1
    path.write_text(text.replace(before, after))
    library = ctypes.CDLL(str(c_build.build(("-O0",), sources=tmp_path / "c")))
    function = NativeFunction(library, loop, contract.LOOP)
    broken = contract.Loops(lambda name: function if name == loop else numba_loops[name])
    found = oracle.verify(replace(find("compiler", "null"), null=False, build=lambda _config: broken), None)
    assert not found.passed
    assert loop in found.detail


@pytest.mark.parametrize("loop", contract.LOOPS)
def test_the_timed_run_is_checked_and_counts_its_operations(loop, numba_loops):
    variant = replace(find("compiler", "numba_o3"), build=lambda _config: contract.Loops(numba_loops.get))
    workload = find_component("compiler").workloads[loop]
    result = workload.run(Job(variant, calibrate(), parameters={"elements": 300}, seconds=0.002, seed=5))
    assert result.verification.passed, result.verification.detail
    assert result.verification.checks == result.operations_per_value == 300
    assert result.operations == 300 * result.histograms["service"].count
