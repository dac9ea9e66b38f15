"""Every variant of every component passes its oracle on the smallest input, and every component keeps the rules."""

import pytest

from tickbench.components.component import component_names, find_component
from tickbench.measure.catalogue import all_scenarios
from tickbench.registry import discover

COMPONENTS = [find_component(name) for name in component_names()]
by_name = pytest.mark.parametrize("component", COMPONENTS, ids=lambda one: one.name)
WITHOUT_FEED = [one for one in COMPONENTS if not any(workload.needs_feed for workload in one.workloads.values())]


@pytest.mark.parametrize(
    ("component", "variant"),
    [
        pytest.param(component, variant, id=f"{component.name}-{variant.name}")
        for component in WITHOUT_FEED
        for variant in discover(component.name)[0]
    ],
)
def test_a_variant_passes_its_oracle(component, variant):
    found = component.verify(variant, None)
    assert found.passed, found.detail
    assert variant.null or found.checks > 0


@by_name
def test_a_component_has_one_reference_and_its_variants_know_their_capabilities(component):
    variants, missing = discover(component.name)
    if missing and not any(one.reference for one in variants):
        pytest.skip(f"the reference is not available here: {'; '.join(sorted({one.reason for one in missing}))}")
    assert [one.name for one in variants if one.reference], "no variant is the reference"
    assert sum(one.reference for one in variants) == 1
    for variant in variants:
        assert variant.capabilities <= set(component.capabilities), variant.name


@by_name
def test_a_workload_requires_only_capabilities_that_there_are(component):
    for workload in component.workloads.values():
        assert workload.requires <= set(component.capabilities), workload.name


@by_name
def test_every_workload_is_asked_by_a_scenario(component):
    asked = {one.workload for one in all_scenarios() if one.component == component.name}
    assert asked == set(component.workloads)
