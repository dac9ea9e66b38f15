"""Locks: what each variant keeps, what the oracle rejects, and what the workloads report."""

import time
from dataclasses import replace

import pytest
from numba import njit

from tickbench.components.component import Job
from tickbench.components.mutex import drivers
from tickbench.components.mutex.contract import FIRST, LOCK, LOCK_AT, exclusive
from tickbench.components.mutex.oracle import verify
from tickbench.components.mutex.workloads import WORKLOADS
from tickbench.errors import InputError
from tickbench.kernels import locks
from tickbench.kernels.atomics import cas_acquire, exchange_acquire, exchange_release, load_relaxed, store_relaxed
from tickbench.kernels.clock import calibrate
from tickbench.kernels.jit import kernel
from tickbench.kernels.system import WAKE_ALL, futex_wait, futex_wake, yield_core
from tickbench.registry import discover

pytestmark = pytest.mark.cores

_variants, _unavailable = discover("mutex")
BY_NAME = {one.name: one for one in _variants}
every_lock = pytest.mark.parametrize("variant", [one for one in _variants if not one.null], ids=lambda one: one.name)


# Broken ones: what the oracle must not accept. Each differs from a right lock in one step.


@kernel(LOCK)
def _nothing(words, index):
    return 0


@kernel(LOCK)
def _look_then_take(words, index):
    """Not one step: two threads can both see it free. It gives the core away in between, so that this does not take luck."""
    while load_relaxed(words, index) != 0:
        yield_core()
    yield_core()
    store_relaxed(words, index, 1)
    return 0


@kernel(LOCK)
def _give_back(words, index):
    """Wakes nobody."""
    return exchange_release(words, index, 0)


@kernel(LOCK)
def _lock_and_forget_the_others(words, index):
    """After a sleep it takes the lock as held instead of contended: the other sleepers are forgotten."""
    if cas_acquire(words, index, 0, 1) == 0:
        return 0
    while exchange_acquire(words, index, 2) != 0:
        futex_wait(words, index, 2)
        if cas_acquire(words, index, 0, 1) == 0:
            return 0
    return 0


def _broken(name, **changes):
    variant = BY_NAME[name]
    return replace(variant, build=lambda config: replace(variant.build(config), **changes))


def _both(lock, unlock):
    return {"lock": lock, "unlock": unlock, "lock_shared": lock, "unlock_shared": unlock}


OPEN = {
    "no lock": _broken("adaptive", **_both(_nothing, _nothing)),
    "look, then take": _broken("adaptive", **_both(_look_then_take, _give_back)),
    "writers do not lock": _broken("reader_writer", unlock=_nothing, lock=_nothing),
    "readers do not lock": _broken("reader_writer", lock_shared=_nothing, unlock_shared=_nothing),
}
SLEEPY = {
    "no sleeper is woken": _both(locks.adaptive_lock, _give_back),
    "other sleepers are forgotten": _both(_lock_and_forget_the_others, locks.adaptive_unlock),
}


@pytest.mark.parametrize("name", OPEN)
def test_a_lock_that_excludes_nobody_is_rejected(name):
    # Two threads must really be inside at once; where other work keeps a core, that may take several tries.
    found = next(found for found in (verify(OPEN[name], None) for _ in range(200)) if not found.passed)
    assert "inside" in found.detail or "entered" in found.detail


@pytest.mark.parametrize("name", SLEEPY)
def test_a_lock_that_loses_a_wake_up_is_rejected(name):
    made = replace(BY_NAME["adaptive"].build(None), **SLEEPY[name])
    variant = replace(BY_NAME["adaptive"], build=lambda config: made)
    try:
        found = verify(variant, None, limit_s=1.5)
        assert not found.passed
        assert "a wake-up was lost" in found.detail
    finally:
        _wake_until_all_are_through(made)


def _wake_until_all_are_through(made):
    """Let no thread sleep on after its test."""
    deadline, before = time.monotonic() + 10, -1
    while time.monotonic() < deadline:
        for _ in range(200):
            futex_wake(made.block.address, LOCK_AT, WAKE_ALL)
            time.sleep(0.0001)
        if before == (before := int(made.block.array[FIRST])):
            return


def test_the_null_variant_is_excused():
    assert verify(BY_NAME["null"], None).checks == 0


# The section itself.


@every_lock
def test_sections_one_after_the_other_are_counted(variant):
    made = variant.build(None)
    assert drivers.enter_many(made.lock, made.unlock, made.block.address, 100, 3, 2) == 0
    assert made.block.array[FIRST] == 100


def test_a_half_made_change_is_seen():
    made = BY_NAME["pthread"].build(None)
    made.block.array[FIRST] += 1
    assert drivers.enter_exclusively(made.block.address, 1) == 1
    assert drivers.look(exclusive(made.block, _nothing, _nothing).block.address, 1) == 0  # both fields were written after that
    made.block.array[FIRST] += 1
    assert drivers.look(made.block.address, 1) == 1


def test_no_compiler_shortens_the_work():
    """The chain has one multiplication a step; LLVM may unroll it, not fold it."""
    fresh = njit("int64(int64, int64)")(drivers.work.py_func)
    values = [fresh(12345, steps) for steps in range(6)]
    expected = [12345]
    for _ in range(5):
        value = expected[-1]
        value = ((value ^ (value >> 29)) * 6364136223846793005 + 1) & (2**64 - 1)
        expected.append(value - 2**64 if value >= 2**63 else value)
    assert values == expected
    assembly = fresh.inspect_asm(fresh.signatures[0])
    assert assembly.count("imul") <= 2 * 8  # an unrolled loop and its rest: no table of powers


# Workloads, on a few ms.


def _job(variant, **changes):
    given = {"seconds": 0.01, "parameters": {"section": "short", "outside": 1.0}, **changes}
    return Job(variant=variant, clock=calibrate(), **given)


def _run_long_enough(variant, name, writers):
    """More threads than cores may need more than some ms until one of them has finished a batch."""
    runs = (WORKLOADS[name].run(_job(variant, writers=writers, seconds=seconds)) for seconds in (0.01, 0.1, 1.0, 3.0))
    return next(result for result in runs if result.operations)


@every_lock
@pytest.mark.parametrize(
    ("name", "writers"), [("uncontended", 1), ("contended", 2), ("contended", 6), ("acquire", 3), ("read_mostly", 3)]
)
def test_a_timed_run_leaves_the_right_state(variant, name, writers):
    result = _run_long_enough(variant, name, writers)
    assert result.verification.passed, result.verification.detail
    assert result.operations == result.histograms["service"].count * result.operations_per_value > 0
    assert (result.timing == "operation") == (name == "acquire")


def test_a_run_without_a_lock_has_no_number():
    result = WORKLOADS["contended"].run(_job(OPEN["no lock"], writers=4, seconds=0.1))
    assert not result.verification.passed


def test_fairness_is_told():
    counters = WORKLOADS["acquire"].run(_job(BY_NAME["ticket"], writers=2)).counters
    assert 0.5 <= counters["jain_index"] <= 1
    assert counters["longest_wait_ns"] >= counters["wait_p999_ns"] > 0
    assert 0 <= counters["handed_over_percent"] <= 100


def test_an_unknown_section_is_refused():
    with pytest.raises(InputError, match="one of short, long"):
        WORKLOADS["contended"].run(_job(BY_NAME["adaptive"], parameters={"section": "medium", "outside": 1.0}))


def test_the_locks_under_test_are_those_of_the_kernels():
    made = BY_NAME["adaptive"].build(None)
    assert (made.lock, made.unlock) == (locks.adaptive_lock, locks.adaptive_unlock)
