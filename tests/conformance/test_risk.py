"""Risk checks: the decision table, limits at their boundary, random orders; and an oracle that rejects broken checks."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tickbench.components.risk import oracle, workloads
from tickbench.components.risk import orders as script
from tickbench.components.risk.checks import Layout
from tickbench.components.risk.contract import ACCEPTED, REASONS, NativeRisk, RiskConfig, SymbolLimits
from tickbench.kernels.memory import ISOLATION_WORDS, LINE_WORDS
from tickbench.registry import discover

CHECKS = [one for one in discover("risk")[0] if not one.null]
every_check = pytest.mark.parametrize("variant", CHECKS, ids=lambda one: one.name)
NATIVE = {one.name: one for one in CHECKS if one.runtime == "native"}


@every_check
def test_the_table_the_switch_and_the_rate(variant):
    reached: list[int] = []
    assert oracle.table_difference(variant, reached)[1] == ""
    assert oracle.switch_difference(variant, reached)[1] == ""
    assert set(reached) == set(range(len(REASONS)))


def test_the_table_agrees_with_the_model():
    for number, (reference, position, symbol, lots, price, expected) in enumerate(oracle.TABLE):
        model = oracle.Model(oracle.TABLE_CONFIG)
        model.market = dict.fromkeys(range(3), (reference, position))
        assert model.check(symbol, lots, price, 0) == expected, number


LIMITS = SymbolLimits(max_order_lots=20, collar_ticks=10, max_notional_lot_ticks=1_500, position_limit_lots=30)
MARKET = st.tuples(st.just("market"), st.integers(0, 1), st.integers(0, 120), st.integers(-50, 50))
ORDER = st.tuples(st.just("order"), st.integers(-1, 2), st.integers(-25, 25), st.integers(0, 120))
SWITCH = st.tuples(st.just("switch"), st.booleans(), st.none(), st.none())


@every_check
@settings(max_examples=40, deadline=None)
@given(st.lists(st.one_of(ORDER, ORDER, ORDER, MARKET, SWITCH), max_size=50), st.integers(0, 120), st.integers(1, 3))
def test_any_sequence_gives_the_answers_of_the_model(variant, steps, gap_ns, burst):
    config = RiskConfig((LIMITS, LIMITS), order_interval_ns=100, burst_orders=burst)
    risk, model, now_ns = variant.build(config), oracle.Model(config), 0
    for kind, first, second, third in steps:
        if kind == "market":
            risk.update(first, second, third)
            model.market[first] = second, third
        elif kind == "switch":
            risk.kill(first)
            model.killed = first
        else:
            now_ns += gap_ns
            assert oracle.one_difference(risk, model, (first, second, third, now_ns), []) == ""


def test_both_layouts_hold_each_field_once_and_in_the_same_space():
    for variant in NATIVE.values():
        layout = _layout(variant)
        gateway = [layout.kill, layout.symbols, layout.interval_ns, layout.tolerance_ns]
        gateway += [layout.full_at_ns, layout.accepted, layout.refused, layout.messages]
        record = [layout.max_order_lots, layout.collar_ticks, layout.max_notional, layout.position_limit_lots]
        record += [layout.reference_ticks, layout.position_lots, layout.sequence, layout.turnover]
        assert len(set(gateway)) == len(set(record)) == 8
        assert max(gateway) < layout.first
        assert max(record) < layout.stride
    assert _layout(NATIVE["aligned"]).stride == _layout(NATIVE["scattered"]).stride


def test_aligned_shares_no_line_pair_between_writer_and_limits_and_scattered_shares_every_line():
    def lines(layout, names, width):
        return {getattr(layout, name) // width for name in names}

    limits = ("max_order_lots", "collar_ticks", "max_notional", "position_limit_lots")
    market = ("reference_ticks", "position_lots", "sequence", "turnover")
    aligned, scattered = _layout(NATIVE["aligned"]), _layout(NATIVE["scattered"])
    assert not lines(aligned, limits, ISOLATION_WORDS) & lines(aligned, market, ISOLATION_WORDS)
    assert lines(scattered, limits, LINE_WORDS) == lines(scattered, market, LINE_WORDS)
    assert aligned.first % ISOLATION_WORDS == aligned.stride % ISOLATION_WORDS == 0


def _layout(variant) -> Layout:
    import importlib

    return importlib.import_module(f"tickbench.reference_impls.risk.{variant.name}").LAYOUT


class _Off:
    """A check that answers wrongly in one respect."""

    def __init__(self, honest, fault):
        self._honest, self._fault = honest, fault
        self.update, self.kill, self.counts = honest.update, honest.kill, honest.counts

    def check(self, symbol, signed_lots, price_ticks, now_ns):
        answer = self._honest.check(symbol, signed_lots, price_ticks, now_ns)
        return ACCEPTED if answer == self._fault else answer


@pytest.mark.parametrize("fault", range(1, len(REASONS)), ids=REASONS[1:])
def test_the_oracle_rejects_a_check_without_one_of_its_rules(fault):
    honest = CHECKS[0]
    broken = replace(honest, build=lambda config: _Off(honest.build(config), fault))
    assert not oracle.verify(broken, None).passed


def test_orders_of_the_workloads_are_refused_for_several_reasons_and_mostly_accepted():
    counts = script.expected_answers(script.make_orders(1, 64), 64)
    assert counts.sum() == script.ORDERS
    assert counts[0] > 0.98 * script.ORDERS
    assert (counts > 0).sum() == 5


def test_a_wrong_count_of_answers_is_told():
    orders = script.make_orders(1, 64)
    right = script.expected_answers(orders, 64)
    assert workloads._check_answers(orders, 64, right, (int(right[0]), int(right[1:].sum()))).passed
    wrong = right + np.eye(len(REASONS), dtype=np.int64)[0] - np.eye(len(REASONS), dtype=np.int64)[3]
    found = workloads._check_answers(orders, 64, wrong, (int(wrong[0]), int(wrong[1:].sum())))
    assert not found.passed
    assert "fat finger" in found.detail


def test_native_checks_are_native():
    assert set(NATIVE) == {"scattered", "aligned"}
    assert all(isinstance(one.build(RiskConfig()), NativeRisk) for one in NATIVE.values())
