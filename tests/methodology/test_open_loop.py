"""The open loop on a virtual clock (1 tick = 1 ns): what it must show, against closed forms.

No time passes in these tests: waiting moves the clock, and so does the operation, so every number is exact and repeatable.
"""

import numpy as np
import pytest

from tickbench.kernels.atomics import load_plain, store_plain
from tickbench.kernels.jit import kernel
from tickbench.kernels.open_loop import OPERATION, OpenLoop, run_open_loop
from tickbench.kernels.waiting import VIRTUAL_TICKS, WAIT_UNTIL, now_virtual, virtual_context, wait_until_virtual
from tickbench.measure.load_plan import Constant, Poisson, make_plan

MS = 1_000_000
BUCKET = 1 / 1000  # relative width of a bucket at 3 digits, and then some

# Words of the server's context: address of the clock's context, service time, stall every … ns, for … ns, next stall.
CLOCK, SERVICE, STALL_EVERY, STALL, NEXT_STALL = range(5)


@kernel(OPERATION)
def serve(server, _i):
    """A server that takes SERVICE ns, and stands still for STALL ns every STALL_EVERY ns."""
    clock = load_plain(server, CLOCK)
    now = load_plain(clock, VIRTUAL_TICKS)
    if load_plain(server, STALL) > 0 and now >= load_plain(server, NEXT_STALL):
        now += load_plain(server, STALL)
        store_plain(server, NEXT_STALL, load_plain(server, NEXT_STALL) + load_plain(server, STALL_EVERY))
    store_plain(clock, VIRTUAL_TICKS, now + load_plain(server, SERVICE))
    return 0


@kernel(WAIT_UNTIL)
def wait_with_stalls(clock, target):
    """A generator that cannot start anything in the last 5 ms of every 100 ms."""
    now = max(load_plain(clock, VIRTUAL_TICKS), target)
    if now % 100_000_000 >= 95_000_000:
        now += 100_000_000 - now % 100_000_000
    store_plain(clock, VIRTUAL_TICKS, now)
    return now


def _run(plan, service_ns, *, stall_every_ns=0, stall_ns=0, wait=wait_until_virtual):
    clock = virtual_context()
    server = np.array([clock.ctypes.data, service_ns, stall_every_ns, stall_ns, stall_every_ns], dtype=np.int64)
    loop = OpenLoop(1.0)
    loop.begin(0)
    started = run_open_loop(now_virtual, wait, serve, clock.ctypes.data, server.ctypes.data, loop.state, plan, loop.ns_per_tick)
    assert started == len(plan)
    return loop


def _percentile(histogram, p):
    return float(histogram.percentile(p))


@pytest.mark.parametrize("p", ["99", "99.9"])
def test_a_server_that_stalls_shows_the_closed_form(p):
    """Response at p is S * (1 - (1 - p) / f) where a share f = (S / T) / (1 - load) of the operations is delayed."""
    every_ns, stall_ns, interval_ns, service_ns = 2000 * MS, 100 * MS, 10_000, 1_000
    plan = make_plan(Constant(rate_hz=1e9 / interval_ns), 21.0, 1)
    loop = _run(plan, service_ns, stall_every_ns=every_ns, stall_ns=stall_ns)
    stalls = 10  # at 2, 4 … 20 s, all of them drained before the end
    delayed = stalls * stall_ns / (1 - service_ns / interval_ns) / (len(plan) * interval_ns)
    expected_ns = stall_ns * (1 - (1 - float(p) / 100) / delayed)
    assert _percentile(loop.response, p) == pytest.approx(expected_ns, rel=2 * BUCKET)


def test_a_closed_loop_hides_the_stall_that_the_open_loop_shows():
    """The same server, driven by 'next when done': its p99 is a hundred times too good (coordinated omission)."""
    stall = {"stall_every_ns": 2000 * MS, "stall_ns": 100 * MS}
    open_loop = _run(make_plan(Constant(rate_hz=100_000.0), 10.0, 1), 1_000, **stall)
    closed_loop = _run(np.zeros(1_000_000, dtype=np.int64), 1_000, **stall)  # always behind: starts when done
    assert _percentile(open_loop.response, "99") >= 100 * _percentile(closed_loop.service, "99")


def test_a_generator_that_stalls_reports_it_and_leaves_the_plan_alone():
    """JLBH's mistake: replacing the plan by the time at which the generator came back would show p99.9 = the service time."""
    plan = make_plan(Constant(rate_hz=100_000.0), 10.0, 1)
    before = plan.copy()
    loop = _run(plan, 1_000, wait=wait_with_stalls)
    assert (plan == before).all()
    assert _percentile(loop.response, "99.9") == pytest.approx(4.9 * MS, rel=0.02)
    assert _percentile(loop.service, "99.9") == pytest.approx(1_000, rel=BUCKET)
    assert _percentile(loop.generator_lag, "99.9") == pytest.approx(4.9 * MS, rel=0.02)
    assert loop.elapsed_ns == pytest.approx(10_000 * MS, rel=0.001)  # the run is not longer for it


def test_a_slow_server_makes_lag_but_no_generator_lag():
    loop = _run(make_plan(Constant(rate_hz=1_000_000.0), 0.1, 1), 2_000)
    assert _percentile(loop.lag, "99") > 90 * MS
    assert loop.generator_lag.max_ns == 0
    assert loop.largest_backlog > 40_000


def test_poisson_arrivals_wait_as_queueing_theory_says():
    """M/D/1: mean wait = load * service / (2 * (1 - load)) (Pollaczek and Khinchine)."""
    service_ns, load = 1_000, 0.5
    plan = make_plan(Poisson(rate_hz=load * 1e9 / service_ns), 1.0, 11)
    loop = _run(plan, service_ns)
    expected_ns = load * service_ns / (2 * (1 - load))
    assert loop.lag.mean_ns == pytest.approx(expected_ns, rel=0.03)
