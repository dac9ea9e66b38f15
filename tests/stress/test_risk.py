"""Risk checks while a writer publishes: answers that do not hang on its moves never change, and the kill switch is obeyed.

Acceptable: an order judged by a reference or a position that is one update old. Forbidden: an answer that no published
reference and position explains, and an order that passes after the switch was turned.
"""

import threading

import pytest

from tickbench.components.component import Job
from tickbench.components.risk import orders, workloads
from tickbench.components.risk.contract import ACCEPTED, KILLED, RiskConfig
from tickbench.kernels.clock import calibrate
from tickbench.registry import discover

CHECKS = [one for one in discover("risk")[0] if not one.null and "concurrent_writer" in one.capabilities]
every_check = pytest.mark.parametrize("variant", CHECKS, ids=lambda one: one.name)


@pytest.fixture(scope="module")
def clock():
    return calibrate()


@every_check
@pytest.mark.parametrize("symbols", [1, 64])
def test_answers_beside_a_writer_are_those_without(variant, clock, symbols):
    result = workloads.check_with_writer(Job(variant, clock, parameters={"symbols": symbols}, seconds=0.1))
    assert result.verification.passed, result.verification.detail
    assert result.verification.checks >= orders.ORDERS
    assert result.counters["updates_per_s"] > 0


@every_check
def test_no_order_passes_after_the_switch(variant):
    risk, turned = variant.build(RiskConfig(order_interval_ns=0)), threading.Event()
    risk.update(0, 10_000, 0)
    late, started = [], threading.Event()

    def trade():
        now_ns = 0
        while True:
            was_turned = turned.is_set()
            answer = risk.check(0, 1, 10_000, now_ns)
            started.set()
            if answer == KILLED:
                return
            now_ns += 1
            if was_turned and answer == ACCEPTED:
                late.append(now_ns)
                return

    trader = threading.Thread(target=trade)
    trader.start()
    started.wait()
    risk.kill(True)
    turned.set()
    trader.join(10)
    assert not trader.is_alive()
    assert not late
