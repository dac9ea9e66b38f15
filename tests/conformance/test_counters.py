"""Counters: where they lie, that nothing is lost, that the compiler leaves the increments in, and what the oracle rejects."""

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from tickbench.components.component import Job
from tickbench.components.counters import contract
from tickbench.components.counters.contract import CountersConfig, counters_apart
from tickbench.components.counters.oracle import misplaced, verify
from tickbench.components.counters.workloads import WORKLOADS, cores
from tickbench.components.shared.crowd import jain_index
from tickbench.errors import InputError
from tickbench.kernels import jit
from tickbench.kernels.atomics import load_plain, load_relaxed, store_plain, store_relaxed
from tickbench.kernels.clock import calibrate
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import LINE_BYTES
from tickbench.kernels.system import yield_core
from tickbench.registry import discover

pytestmark = pytest.mark.cores

_variants, _unavailable = discover("counters")
BY_NAME = {one.name: one for one in _variants}
every_counter = pytest.mark.parametrize("variant", [one for one in _variants if not one.null], ids=lambda one: one.name)
X86 = jit.machine() in {"x86_64", "AMD64"}


def _lines(made):
    return [address // LINE_BYTES for address in made.addresses()]


def test_eight_unpadded_counters_share_one_line_and_a_ninth_takes_the_next():
    assert len(set(_lines(BY_NAME["shared_line"].build(CountersConfig(8, 2))))) == 1
    assert len(set(_lines(BY_NAME["shared_line"].build(CountersConfig(9, 2))))) == 2


@pytest.mark.parametrize(("name", "apart"), [("padded_line_64", 1), ("padded_line_128", 2), ("per_core", 2)])
def test_padded_counters_have_lines_of_their_own(name, apart):
    lines = _lines(BY_NAME[name].build(CountersConfig(threads=5, cores=5)))
    assert [line - lines[0] for line in lines] == [apart * i for i in range(5)]


def test_one_word_is_one_counter_for_all():
    made = BY_NAME["one_word"].build(CountersConfig(threads=8, cores=2))
    assert len(made.addresses()) == 1
    assert made.plain_add is None


@every_counter
@settings(max_examples=30, deadline=None)
@given(adds=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 50)), max_size=20))
def test_the_total_is_the_sum_of_all_adds_after_each_of_them(variant, adds):
    made, expected = variant.build(CountersConfig(4, cores())), 0
    for thread, n in adds:
        made.locked_add(made.block.address, thread, n)
        expected += n
        if made.plain_add is not None:
            made.plain_add(made.block.address, thread, n)
            expected += n
        assert made.total(made.block.address) == expected


def _assembly(function):
    """Compiled anew: what comes from the cache cannot be inspected."""
    fresh = njit(contract.ADD_MANY, nogil=True, error_model="numpy")(function)
    return fresh.inspect_asm(fresh.signatures[0])


def _joined(state, thread, n):
    """What must not be measured: with plain accesses the compiler adds n once, after the loop."""
    at = contract.FIRST_COUNTER + thread * load_plain(state, contract.STRIDE_WORDS)
    for _ in range(n):
        store_plain(state, at, load_plain(state, at) + 1)
    return n


@pytest.mark.skipif(not X86, reason="reads x86-64 assembly")
def test_each_increment_is_one_instruction_on_memory_locked_or_not():
    one_to_memory = r"(?:incq\s+|addq\s+\$1, )\d*\(%r"
    locked, plain = _assembly(contract.locked_add.py_func), _assembly(contract.plain_add.py_func)
    assert re.search(rf"\block\s+{one_to_memory}", locked)
    assert re.search(one_to_memory, plain)
    assert not re.search(r"\block\b", plain)
    assert not re.search(one_to_memory, _assembly(_joined)), "the check would not see joined increments"


# Broken ones: what the oracle must not accept. Each differs from a right variant in one thing.


def _broken(name, change):
    variant = BY_NAME[name]
    return replace(variant, build=lambda config: change(variant.build(config)))


@kernel(contract.TOTAL)
def _total_that_goes_back(state):
    seen = load_relaxed(state, contract.FIRST_COUNTER)
    return seen - seen % 7


@kernel(contract.ADD_MANY)
def _load_then_store(state, thread, n):
    """Not one step: what others add in between is lost. It gives the core away there, so that this needs no luck."""
    for i in range(n):
        seen = load_relaxed(state, contract.FIRST_COUNTER)
        if i % 1_024 == 0:
            yield_core()
        store_relaxed(state, contract.FIRST_COUNTER, seen + 1)
    return n


@kernel(contract.ADD_MANY)
def _add_that_forgets_the_last(state, thread, n):
    return contract.locked_add(state, thread, n - 1)


def _moved_by_a_word(made):
    made.block.array[contract.STRIDE_WORDS] += 1
    return made


BROKEN = {
    "plain adds of several threads to one counter": _broken("one_word", lambda m: replace(m, locked_add=_load_then_store)),
    "an increment forgotten": _broken("padded_line_64", lambda m: replace(m, locked_add=_add_that_forgets_the_last)),
    "a total that leaves a part out": _broken("one_word", lambda m: replace(m, total=_total_that_goes_back)),
    "counters off their lines": _broken("padded_line_128", _moved_by_a_word),
    "padding promised, not kept": _broken("shared_line", lambda m: replace(m, isolation_bytes=64)),
    "a capability without its kernel": _broken("padded_line_64", lambda m: replace(m, plain_add=None)),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_variant_is_rejected(name):
    found = verify(BROKEN[name], None)
    assert not found.passed, name


def test_the_first_misplaced_counter_is_named():
    made = replace(counters_apart(8, 3), isolation_bytes=64)
    assert "counter 1 lies at" in misplaced(made)
    assert misplaced(counters_apart(64, 3)) is None


# Workloads, on a few ms.


def _job(variant, **changes):
    given = {"seconds": 0.01, "parameters": {"counters": 8}, **changes}
    return Job(variant=variant, clock=calibrate(), **given)


@every_counter
def test_a_timed_run_counts_every_increment(variant):
    names = ["locked_add", "plain_add"] if "own_counter" in variant.capabilities else ["locked_add"]
    for name in names:
        result = WORKLOADS[name].run(_job(variant, writers=3))
        assert result.verification.passed, result.verification.detail
        assert result.operations == result.histograms["service"].count * result.operations_per_value
        assert result.verification.checks >= result.operations > 0
        assert 0 < result.counters["jain_index"] <= 1


@every_counter
def test_sums_that_are_read_while_threads_add_never_go_back(variant):
    result = WORKLOADS["summed_read"].run(_job(variant, writers=2, readers=1))
    assert result.verification.passed, result.verification.detail


def test_a_run_that_loses_increments_has_no_number():
    result = WORKLOADS["locked_add"].run(_job(BROKEN["an increment forgotten"], writers=1))
    assert not result.verification.passed
    assert "increments were made, the total is" in result.verification.detail


@pytest.mark.parametrize(("name", "changes"), [("locked_add", {"writers": 0}), ("summed_read", {"readers": 0})])
def test_threads_that_make_no_sense_are_refused(name, changes):
    with pytest.raises(InputError, match="needs"):
        WORKLOADS[name].run(_job(BY_NAME["shared_line"], **changes))


def test_jain_index():
    assert jain_index([5, 5, 5]) == 1.0
    assert jain_index([9, 0, 0]) == pytest.approx(1 / 3)
    assert jain_index([1, 2, 3]) == pytest.approx(36 / 42)
    assert jain_index([0, 0]) == 1.0
