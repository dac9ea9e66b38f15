"""Workloads at the pace of a harness: any turns, the same work for both sides, and a wrong variant is still found out."""

from dataclasses import replace

import pytest

from tickbench.components.component import Job, component_names, find_component
from tickbench.components.shared.pace import Batches, pieces
from tickbench.errors import NotMeasurableError, TickbenchError
from tickbench.feeds import open_feed
from tickbench.kernels.clock import calibrate
from tickbench.kernels.hdr import Histogram
from tickbench.registry import discover, find

TURNS = (3, 70, 1, 2)  # together beyond the feed's end, and beyond a pass of what has a script
PRIMING = 4  # rounds before each turn that are not counted
SMALL = {"trades": 1_000, "reads": 64, "prices": 200, "elements": 300, "orders": 20, "levels": 10}
CLOCK = calibrate()


class Turns:
    """A `Pace` that asks for TURNS, each after some priming."""

    def __init__(self):
        self.operations_each = 0.0

    def serve(self, run, operations_each):
        self.operations_each = operations_each
        for rounds in TURNS:
            run(PRIMING)
            run(rounds)
        return Batches(max(1, round(operations_each)), sum(TURNS), 1_000, Histogram(), TURNS[-1])

    def serve_timed(self, run, operations_each):
        self.operations_each, kept, primed = operations_each, Histogram(), Histogram()
        for rounds in TURNS:
            run(PRIMING, primed)
            run(rounds, kept)
        return kept


def cases(choose):
    """Each paced workload with the variants that `choose` takes of those that can run it."""
    return [
        pytest.param(workload, variant, id=f"{component.name}-{workload.name}-{variant.name}")
        for component in map(find_component, component_names())
        for workload in component.workloads.values()
        if workload.paced
        for variant in choose([one for one in discover(component.name)[0] if workload.requires <= one.capabilities])
    ]


def a_few(able):
    """The reference, the first of each runtime, and null."""
    runtimes = {one.runtime: one for one in reversed(able) if not one.null}
    return [one for one in able if one.null or one.reference or one in runtimes.values()]


def the_null(able):
    """The one that does nothing."""
    return [one for one in able if one.null]


def idle(workload, null):
    """The null, passed off as right; an encoder's frames are compared with the codec's own in Python, so those are kept."""
    if null.component != "codec" or workload.name not in ("encode", "encode_many", "encode_depth", "encode_timed"):
        return replace(null, null=False)
    packed = find("codec", "packed").build(None)
    codec = replace(null.build(None), python=packed.python, order_bytes=packed.order_bytes)
    return replace(null, null=False, build=lambda _config: codec)


def run_in_turns(workload, variant):
    pace = Turns()
    job = Job(
        variant,
        CLOCK,
        feed=open_feed("synthetic:seed=3,events=60") if workload.needs_feed else None,
        parameters={name: SMALL.get(name, value) for name, value in workload.parameters.items()},
        seconds=0.01,
        pace=pace,
    )
    return workload.run(job), pace


@pytest.mark.parametrize(("workload", "variant"), cases(a_few))
def test_any_turns_leave_a_state_that_is_checked(workload, variant):
    try:
        result, pace = run_in_turns(workload, variant)
    except NotMeasurableError as error:
        pytest.skip(str(error))
    assert result.verification.passed, result.verification.detail
    assert variant.null or result.verification.checks > 0
    operations = sum(TURNS) * pace.operations_each
    exact = operations == round(operations)  # not so where a round is an event of the feed: they differ in length
    assert result.operations == pytest.approx(operations, rel=0 if exact else 0.5)
    assert result.elapsed_ns > 0


@pytest.mark.parametrize(("workload", "variant"), cases(the_null))
def test_a_variant_that_does_nothing_is_rejected_after_its_turns(workload, variant):
    try:
        result, _ = run_in_turns(workload, idle(workload, variant))
    except TickbenchError:
        return
    assert not result.verification.passed


def test_pieces_go_round():
    assert list(pieces(0, 3, 10)) == [(0, 3)]
    assert list(pieces(10, 3, 10)) == [(0, 3)]
    assert list(pieces(8, 25, 10)) == [(8, 10), (0, 10), (0, 10), (0, 3)]
    assert list(pieces(3, 0, 10)) == []
