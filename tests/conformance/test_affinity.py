"""Placements, noisy neighbours that end when they should, and what the oracle rejects."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from patience import STUCK_S
from tickbench.components.affinity import workloads
from tickbench.components.affinity.contract import Placement
from tickbench.components.affinity.neighbours import noisy_neighbours
from tickbench.components.affinity.spin import spin, spin_placed
from tickbench.components.affinity.workloads import WORKLOADS, judge, verify
from tickbench.components.component import Job
from tickbench.errors import InputError, NotMeasurableError
from tickbench.kernels.clock import calibrate
from tickbench.kernels.hdr import Histogram
from tickbench.registry import discover

pytestmark = pytest.mark.cores

_variants, _unavailable = discover("affinity")
BY_NAME = {one.name: one for one in _variants}
CORES = sorted(os.sched_getaffinity(0))
TOOLKIT = Path(workloads.__file__).parents[3]
two_cores = pytest.mark.skipif(len(CORES) < 2, reason="needs two cores")
OUTSIDE = 5  # word of the report of `spin`


def _placed(name, cores):
    placement = BY_NAME[name].build(cores)
    return set(placement.own), set(placement.neighbours)


def test_where_each_variant_puts_the_thread_and_its_neighbours():
    assert _placed("unpinned", [2, 3, 5]) == ({2, 3, 5}, {2, 3, 5})
    assert _placed("pinned", [2, 3, 5]) == ({5}, {2, 3, 5})
    assert _placed("pinned_quiet", [2, 3, 5]) == ({5}, {2, 3})


@pytest.mark.parametrize("name", ["pinned", "pinned_quiet"])
def test_one_core_leaves_no_choice(name):
    with pytest.raises(NotMeasurableError, match="needs 2 cores"):
        BY_NAME[name].build([0])


def _gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def _wait_for(condition):
    deadline = time.monotonic() + STUCK_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_neighbours_burn_on_their_cores_and_are_gone_afterwards():
    with noisy_neighbours(2, CORES[:1]) as neighbours:
        assert neighbours.alive() == 2
        assert [os.sched_getaffinity(pid) for pid in neighbours.pids] == [{CORES[0]}] * 2
        time.sleep(0.1)
    assert neighbours.alive() == 0
    assert all(_gone(pid) for pid in neighbours.pids)
    assert sum(neighbours.cpu_ns) > 0


def test_neighbours_are_gone_after_a_failure_too():
    seen = []

    def fail():
        with noisy_neighbours(1, CORES) as neighbours:
            seen.extend(neighbours.pids)
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        fail()
    assert all(_gone(pid) for pid in seen)


PARENT = """
import sys
from tickbench.components.affinity.neighbours import noisy_neighbours
with noisy_neighbours(2, [int(sys.argv[1])]) as neighbours:
    print(*neighbours.pids, flush=True)
    sys.stdin.read()
"""


def test_neighbours_die_with_a_parent_that_is_killed():
    environment = {**os.environ, "PYTHONPATH": str(TOOLKIT)}
    command = [sys.executable, "-c", PARENT, str(CORES[0])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True) as parent:
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(pids) == 2
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        _wait_for(lambda: all(_gone(pid) or _is_zombie(pid) for pid in pids))


def _is_zombie(pid):
    """Dead, and not yet reaped by whoever inherits orphans here."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


# The oracle.


@pytest.mark.parametrize("variant", _variants, ids=lambda one: one.name)
def test_the_thread_runs_where_the_variant_says(variant):
    if len(CORES) < 2 and variant.name != "unpinned":
        pytest.skip("needs two cores")
    found = verify(variant, None)
    assert found.passed, found.detail


def _spun_beside(placement, count=1, end_early=False):
    with noisy_neighbours(count, placement.neighbours) as neighbours:
        spun = spin_placed(calibrate(), placement, 0.01)
        if end_early:
            os.kill(neighbours.pids[0], signal.SIGKILL)
            _wait_for(lambda: neighbours.alive() < count)
        alive = neighbours.alive()
    return spun, neighbours, alive


@two_cores
def test_a_thread_on_other_cores_than_promised_is_rejected():
    everywhere, one = frozenset(CORES), frozenset(CORES[-1:])
    spun, neighbours, alive = _spun_beside(Placement(everywhere, everywhere))
    found = judge(Placement(one, everywhere), spun, neighbours, alive)
    assert not found.passed
    assert "were asked for" in found.detail


def test_being_seen_outside_is_rejected():
    placement = Placement(frozenset(CORES), frozenset(CORES))
    spun, neighbours, alive = _spun_beside(placement)
    found = judge(placement, replace(spun, outside=3), neighbours, alive)
    assert not found.passed
    assert "outside" in found.detail


def test_a_neighbour_that_ended_early_is_noticed():
    placement = Placement(frozenset(CORES), frozenset(CORES))
    spun, neighbours, alive = _spun_beside(placement, end_early=True)
    found = judge(placement, spun, neighbours, alive)
    assert not found.passed
    assert "ended before the spin did" in found.detail


@two_cores
def test_neighbours_on_the_wrong_cores_are_rejected(monkeypatch):
    @contextmanager
    def anywhere(count, _cores):
        with noisy_neighbours(count, CORES) as neighbours:
            yield neighbours

    monkeypatch.setattr(workloads, "noisy_neighbours", anywhere)
    found = verify(BY_NAME["pinned_quiet"], None)
    assert not found.passed
    assert "neighbours belong on" in found.detail


# The spin loop.


def _spin_once(allowed, gap_ticks):
    clock, histogram, report = calibrate(), Histogram(), np.zeros(8, dtype=np.int64)
    words = np.array(allowed, dtype=np.int64)
    spin(
        clock.source,
        clock.ticks(1_000_000),
        gap_ticks,
        clock.ticks(5_000),
        clock.ns_per_tick,
        histogram.address,
        histogram.index,
        words.ctypes.data,
        len(words),
        report.ctypes.data,
    )
    return histogram, report


def test_every_reading_is_a_gap_where_the_threshold_is_below_any():
    histogram, report = _spin_once([1] * 1024, gap_ticks=-1)
    assert histogram.count == report[0] > 0
    assert report[1] > 0
    assert report[OUTSIDE] == 0


@pytest.mark.parametrize("allowed", [[0] * 1024, [0]])
def test_a_core_that_is_not_allowed_is_seen(allowed):
    histogram, report = _spin_once(allowed, gap_ticks=-1)
    assert report[OUTSIDE] == histogram.count > 0


def _job(neighbours, name="unpinned"):
    return Job(variant=BY_NAME[name], clock=calibrate(), seconds=0.05, parameters={"neighbours": neighbours})


def test_the_workload_tells_losses_as_rates():
    result = WORKLOADS["spin"].run(_job(1))
    assert result.verification.passed, result.verification.detail
    counters = result.counters
    assert 0 <= counters["long_lost_ns_per_s"] <= counters["lost_ns_per_s"] <= 1e9
    assert counters["migrations_per_s"] >= 0
    assert counters["neighbours_cpu_ns"] > 0
    assert all(type(one) is float for one in counters.values())


@two_cores
def test_a_pinned_thread_is_never_moved():
    result = WORKLOADS["spin"].run(_job(2, "pinned"))
    assert result.counters["migrations_per_s"] == 0


@pytest.mark.parametrize("neighbours", [-1, 65])
def test_a_senseless_number_of_neighbours_is_refused(neighbours):
    with pytest.raises(InputError, match="0 to 64"):
        WORKLOADS["spin"].run(_job(neighbours))
