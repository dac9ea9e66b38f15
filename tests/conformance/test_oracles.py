"""Every variant of every component passes its oracle on the smallest input, and every component keeps the rules."""

import os
import subprocess
import sys
from functools import cache

import pytest

from patience import STUCK_S
from tickbench.components.component import component_names, find_component
from tickbench.feeds import open_feed
from tickbench.measure.catalogue import all_scenarios
from tickbench.registry import discover

COMPONENTS = [find_component(name) for name in component_names()]
by_name = pytest.mark.parametrize("component", COMPONENTS, ids=lambda one: one.name)
FEED = "synthetic:seed=3,events=300"


def oracle_of(component, variant, feed=FEED):
    """What the component's oracle says of a variant."""
    needs_feed = any(workload.needs_feed for workload in component.workloads.values())
    return component.verify(variant, open_feed(feed) if needs_feed else None)


@cache
def right_answers(name):
    """The digest of the component's reference, or of whatever variant there is."""
    component, variants = find_component(name), [one for one in discover(name)[0] if not one.null]
    return oracle_of(component, next((one for one in variants if one.reference), variants[0])).digest


@pytest.mark.parametrize(
    ("component", "variant"),
    [
        pytest.param(component, variant, id=f"{component.name}-{variant.name}")
        for component in COMPONENTS
        for variant in discover(component.name)[0]
    ],
)
def test_a_variant_passes_its_oracle_with_the_same_answers_as_all(component, variant):
    found = oracle_of(component, variant)
    assert found.passed, found.detail
    assert variant.null or (found.checks > 0 and len(found.digest) == 16)
    assert found.digest == ("" if variant.null else right_answers(component.name))


def test_another_feed_has_other_answers():
    component = find_component("order_book")
    variant = next(one for one in discover("order_book")[0] if one.reference)
    other = oracle_of(component, variant, "synthetic:seed=4,events=300")
    assert other.passed
    assert other.digest != right_answers("order_book")


def test_other_rules_of_an_oracle_have_other_answers(monkeypatch):
    from tickbench.components.risk import oracle

    before, variant = right_answers("risk"), next(one for one in discover("risk")[0] if one.reference)
    monkeypatch.setattr(oracle, "_SEED", 6)
    found = find_component("risk").verify(variant, None)
    assert found.passed
    assert found.digest != before


DIGESTS = """
import sys
from tickbench.components.component import find_component
from tickbench.registry import discover
for name in sys.argv[1:]:
    component = find_component(name)
    print(component.verify(next(one for one in discover(name)[0] if one.reference), None).digest)
"""


def test_another_process_finds_the_same_digests():
    names = ["codec", "compiler", "instrument", "positions", "recorder", "risk", "trades"]
    told = subprocess.run(
        [sys.executable, "-c", DIGESTS, *names],
        env={**os.environ, "PYTHONHASHSEED": "77"},
        capture_output=True,
        text=True,
        check=True,
        timeout=STUCK_S,
    )
    assert told.stdout.split() == [right_answers(name) for name in names]


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
