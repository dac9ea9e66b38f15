"""Position maps: exact accounting, bounds and rounding, capacity, and an oracle that rejects broken maps."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tickbench.components.positions import oracle, workloads
from tickbench.components.positions.accounting import MAX_LOTS, MAX_MONEY_LOT_TICKS, MAX_PRICE_TICKS, after_fill
from tickbench.components.positions.contract import FULL, OVER_LIMIT, REJECTED, MapConfig, Position
from tickbench.components.positions.model import Model, fill_position
from tickbench.components.positions.script import OPERATIONS, make_script, realised_a_pass, symbol_codes
from tickbench.registry import discover

MAPS = [one for one in discover("positions")[0] if not one.null]
every_map = pytest.mark.parametrize("variant", MAPS, ids=lambda one: one.name)
GOLDEN = [  # lots, price -> quantity, cost, realised; worked by hand
    (10, 100, (10, 1_000, 0)),
    (5, 101, (15, 1_505, 0)),
    (-4, 110, (11, 1_104, 39)),  # floor(1505 x 4 / 15) = 401 leave, 440 come in
    (-11, 90, (0, 0, -75)),  # 1104 leave, 990 come in: what the rounding kept is settled here
    (-3, 100, (-3, -300, -75)),
    (10, 90, (7, 630, -45)),  # across: 3 closed with a gain of 30, 7 opened at 90
    (-10, 91, (-3, -273, -38)),
    (1, 100, (-2, -182, -47)),
]


@every_map
def test_a_day_worked_by_hand(variant):
    positions = variant.build(MapConfig(4))
    for lots, price, (quantity, cost, realised) in GOLDEN:
        assert positions.fill(77, lots, price) == quantity
        assert positions.read(77) == Position(quantity, cost, realised)
    assert positions.read(78) == Position(0, 0, 0)


@every_map
def test_capacity_is_kept_and_a_full_map_says_so(variant):
    symbols = symbol_codes(3, 4)
    assert oracle.capacity_difference(variant.build(MapConfig(4)), symbols, most_cells=1_100) == ""


@every_map
@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(-40, 40), st.integers(0, 30)), max_size=60))
def test_any_sequence_of_fills_ends_as_the_model_says(variant, fills):
    positions, model = variant.build(MapConfig(3)), Model()
    for symbol, lots, price in fills:
        assert positions.fill(symbol, lots, price) == model.fill(symbol, lots, price)
        assert positions.read(symbol) == model.read(symbol)


@settings(max_examples=300, deadline=None)
@given(
    st.integers(1, MAX_LOTS),
    st.integers(1, MAX_MONEY_LOT_TICKS),
    st.sampled_from([1, -1]),
    st.integers(1, MAX_LOTS),
    st.integers(1, MAX_PRICE_TICKS),
)
def test_the_shared_arithmetic_is_exact_at_any_size(held, cost, side, lots, price):
    paid = side * cost
    got = after_fill(side * held, cost, paid, -side * lots, price)
    expected = fill_position(Position(side * held, side * cost, 0), -side * lots, price)
    assert (got[0], abs(got[1])) == (expected.quantity_lots, abs(expected.cost_lot_ticks))
    assert expected.cost_lot_ticks - expected.realised_lot_ticks == got[2]  # no tick is lost


def test_a_short_is_the_mirror_image_of_a_long():
    long, short = Model(), Model()
    rng = np.random.default_rng(1)
    for _ in range(500):
        lots, price = int(rng.integers(-20, 21)), int(rng.integers(1, 50))
        assert long.fill(1, lots, price) == -short.fill(1, -lots, price) or lots == 0
        if lots:
            (quantity, cost, _), (mirrored, mirrored_cost, _) = long.read(1), short.read(1)
            assert (quantity, cost) == (-mirrored, -mirrored_cost)


@every_map
def test_codes_at_the_bounds(variant):
    positions = variant.build(MapConfig(2))
    assert positions.fill(0, 1, 1) == REJECTED
    assert positions.fill(5, 0, 1) == REJECTED
    assert positions.fill(5, MAX_LOTS + 1, 1) == REJECTED
    assert positions.fill(5, MAX_LOTS, 1) == MAX_LOTS
    assert positions.fill(5, 1, 1) == OVER_LIMIT
    assert positions.read(5) == Position(MAX_LOTS, MAX_LOTS, 0)
    assert len({REJECTED, OVER_LIMIT, FULL}) == 3
    assert max(REJECTED, OVER_LIMIT, FULL) < -MAX_LOTS


def test_a_pass_ends_flat_and_its_money_is_known():
    script, model = make_script(1, symbol_codes(1, 64), zipf=1.0), Model()
    for symbol, lots, price in script.rows():
        if lots:
            model.fill(symbol, lots, price)
    assert len(script.rows()) == OPERATIONS
    assert {s: p.realised_lot_ticks for s, p in model.positions.items()} == realised_a_pass(script)
    assert all(p[:2] == (0, 0) for p in model.positions.values())


class _Broken:
    """A correct map with one fault."""

    def __init__(self, fault):
        self._model, self._fault, self._fills = Model(), fault, 0

    def fill(self, symbol, signed_lots, price_ticks):
        self._fills += 1
        if self._fault == "forgets one fill in 500" and self._fills % 500 == 0:
            return self._model.read(symbol).quantity_lots + signed_lots
        answer = self._model.fill(symbol, signed_lots, price_ticks)
        held = self._model.positions.get(symbol)
        if self._fault == "rounds up" and held and held.realised_lot_ticks % 3 == 1:
            self._model.positions[symbol] = held._replace(realised_lot_ticks=held.realised_lot_ticks - 1)
        if self._fault == "has no limit" and answer == OVER_LIMIT:
            return 0
        return answer

    def read(self, symbol):
        held = self._model.read(symbol)
        if self._fault == "mixes two fills" and held.quantity_lots % 7 == 6:
            return held._replace(cost_lot_ticks=held.cost_lot_ticks - 3)
        return held


@pytest.mark.parametrize("fault", ["forgets one fill in 500", "rounds up", "has no limit", "mixes two fills"])
def test_the_oracle_rejects_a_broken_map(fault):
    variant = replace(MAPS[0], build=lambda _config: _Broken(fault))
    assert not oracle.verify(variant, None).passed


def test_the_order_that_answers_tell_finds_lost_fills_and_torn_reads():
    start, scripts = Position(10, 1_000, 0), [np.array([[-4, 90, 6, 0], [0, 6, 600, -40]]), np.array([[-3, 80, 3, 0]])]
    end = fill_position(fill_position(start, -4, 90), -3, 80)
    assert oracle.order_difference(start, scripts, end) == ""
    assert "was lost" in oracle.order_difference(start, [scripts[0], np.array([[-3, 80, 7, 0]])], end)
    torn = np.array([[-4, 90, 6, 0], [0, 6, 700, -40]])
    assert "no fill left that" in oracle.order_difference(start, [torn, scripts[1]], end)
    back = np.array([[-4, 90, 6, 0], [0, 10, 1_000, 0]])
    assert "went back" in oracle.order_difference(start, [back, scripts[1]], end)


def test_the_sum_of_answers_is_the_models_for_any_number_of_passes():
    script, model, total = make_script(2, symbol_codes(2, 8)), Model(), 0
    for _ in range(3):
        for symbol, lots, price in script.rows():
            total += model.fill(symbol, lots, price) if lots else sum(model.read(symbol))
    assert workloads.expected_sum(script, 3) == total % (1 << 64)
