"""Shared pools under real threads: no object has two owners, none is lost, none is refused.

Every pool that says it may be shared is tried. Acceptable: a get that finds nothing while others hold all. Forbidden: an object
that two threads own, an object that is gone or there twice afterwards, a return that is refused.

         thread 1: get a, get b, put a, put b …        ABA: thread 1 reads head = a and a's link to b, and is delayed;
         thread 2: get a, get b, put a         …        thread 2 takes a and b and returns a; head = a again, but its link
                                                        is not b any more: without a tag thread 1 makes head = b, which
                                                        thread 2 still owns
"""

import os

import pytest

from tickbench.components.allocation.contract import AllocatorConfig
from tickbench.components.allocation.drivers import call_one
from tickbench.components.allocation.oracle import count_violations
from tickbench.registry import discover

EFFORT = int(os.environ.get("TICKBENCH_STRESS", "1"))
STEPS = 60_000 * EFFORT
SHARED = [one for one in discover("allocation")[0] if not one.null and {"shared_pool", "bounded"} <= one.capabilities]


def objects_left(pool, most):
    """Every object that the pool still hands out."""
    seen = []
    while (address := call_one(pool.get, pool.state)) and len(seen) <= most:
        seen.append(address)
    return seen


@pytest.mark.parametrize("variant", SHARED, ids=lambda one: one.name)
@pytest.mark.parametrize(
    ("objects", "threads", "hold"),
    [(2, 2, 1), (2, 4, 1), (3, 2, 2), (3, 3, 1), (16, 4, 3)],
    ids=["two objects", "two objects and four threads", "two held", "three threads", "many"],
)
def test_no_object_has_two_owners(variant, objects, threads, hold):
    pool = variant.build(AllocatorConfig(objects=objects))
    assert count_violations(pool, threads, hold, STEPS) == 0
    left = objects_left(pool, objects)
    assert len(left) == len(set(left)) == objects
