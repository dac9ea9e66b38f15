"""Every workload's values over time: its slices hold each value of its primary histogram once, in order."""

import itertools

import pytest

from tickbench.components.component import Job, component_names, find_component
from tickbench.components.shared.timeline import MOST_SLICES, SLICE_DIGITS
from tickbench.errors import NotMeasurableError
from tickbench.feeds import open_feed
from tickbench.kernels.clock import calibrate
from tickbench.kernels.hdr import Histogram
from tickbench.measure.worker import _measured
from tickbench.registry import discover

SMALL = {"trades": 1_000, "reads": 64, "prices": 200, "elements": 300, "orders": 20, "levels": 10}
CLOCK = calibrate()
PYTHON_THREADS = "channel"  # whose channels of Python are timed one by one, with a writer and a reader


def cases():
    """Each workload of one thread with a variant of each runtime."""
    for component in map(find_component, component_names()):
        for workload in component.workloads.values():
            if not (workload.paced or component.name == PYTHON_THREADS) or workload.name == "memory":
                continue
            able = [one for one in discover(component.name)[0] if workload.requires <= one.capabilities and not one.null]
            for variant in {one.runtime: one for one in reversed(able)}.values():
                yield pytest.param(workload, variant, id=f"{component.name}-{workload.name}-{variant.name}")


@pytest.mark.parametrize(("workload", "variant"), list(cases()))
def test_slices_hold_every_value_once_in_order(workload, variant):
    job = Job(
        variant,
        CLOCK,
        feed=open_feed("synthetic:seed=3,events=60") if workload.needs_feed else None,
        parameters={name: SMALL.get(name, value) for name, value in workload.parameters.items()},
        readers=int(variant.component == PYTHON_THREADS),
        seconds=0.01,
    )
    try:
        result = workload.run(job)
    except NotMeasurableError as error:
        pytest.skip(str(error))
    intervals = _measured(result, {}, 0.0).intervals
    histograms = [Histogram.decode(one.histogram) for one in intervals]
    assert 1 <= len(intervals) <= MOST_SLICES
    primary = result.histograms.get("response") or result.histograms["service"]
    assert sum(one.count for one in histograms) == primary.count
    assert (sum(one.counts for one in histograms) == primary.coarser(SLICE_DIGITS).counts).all()
    assert (intervals[0].start_ns, intervals[-1].end_ns) == (0, result.elapsed_ns)
    assert all(earlier.end_ns == later.start_ns for earlier, later in itertools.pairwise(intervals))
    assert all(one.start_ns <= one.end_ns for one in intervals)
