"""Every variant of the mutex under more threads than cores, as the oracle does it, for ten times as long."""

import os

import pytest

from tickbench.components.mutex.oracle import verify
from tickbench.registry import discover

EFFORT = int(os.environ.get("TICKBENCH_STRESS", "1"))
SECONDS = 0.3 * EFFORT  # in each role

_variants, _unavailable = discover("mutex")


@pytest.mark.parametrize("variant", [one for one in _variants if not one.null], ids=lambda one: one.name)
def test_nobody_is_inside_with_another_and_every_sleeper_is_woken(variant):
    found = verify(variant, None, seconds=SECONDS)
    assert found.passed, found.detail
