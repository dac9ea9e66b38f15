"""Memory workloads: the account of a component agrees with what its process grew by, and one that holds twice is seen."""

import json
import subprocess
import sys

import numpy as np
import pytest

from patience import STUCK_S
from tickbench.components.shared.memory import account, resident_bytes
from tickbench.errors import NotMeasurableError
from tickbench.kernels.memory import Block

MIB = 1 << 20
# Pages of the page tables, of arrays that the loading still holds, of the C heap: none of it grows with the load.
SLACK_BYTES, SLACK_SHARE = 2 * MIB, 0.1

MEASURE = """
import json, sys
from tickbench.components.component import Job, find_component
from tickbench.kernels.clock import MONOTONIC, Clock
from tickbench.registry import find, load_module

component, variant, parameters, impls = json.loads(sys.argv[1])
for name in impls:
    load_module(name)
clock = Clock(MONOTONIC, 1.0, 0.0, 0.0, None)
job = Job(find(component, variant, impls), clock, parameters=parameters, seed=3)
result = find_component(component).workloads["memory"].run(job)
print(json.dumps({**result.counters, "passed": result.verification.passed, "operations": result.operations}))
"""

DOUBLED = """
from tickbench.components.trades import contract
from tickbench.reference_impls.trades.struct_of_arrays import struct_of_arrays
from tickbench.registry import variant

_leaked = []


@variant("trades", runtime="native", example_of="a store that forgets to free its first copy")
def doubled(columns):
    _leaked.append(contract.store_columns(columns)[0])
    return struct_of_arrays(columns)
"""


def measure(component, variant, parameters, impls=()):
    arguments = json.dumps([component, variant, parameters, list(map(str, impls))])
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, arguments], capture_output=True, text=True, timeout=STUCK_S, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("component", "variant", "parameters"),
    [
        ("trades", "struct_of_arrays", {"trades": 1_000_000}),
        ("positions", "lockfree_map", {"positions": 100_000}),
        ("order_book", "mutex_hash", {"levels": 5_000}),
        ("order_book", "lockfree_ladder", {"levels": 5_000}),
        ("channel", "spsc_ring", {"messages": 1 << 17}),
        ("ipc", "shared_memory_ring", {"messages": 1 << 17}),
        ("indicators", "simd", {"symbols": 200, "prices": 1_000}),
    ],
)
def test_the_account_agrees_with_the_growth(component, variant, parameters):
    found = measure(component, variant, parameters)
    assert found["passed"]
    assert abs(found["resident_growth_bytes"] - found["own_bytes"]) < SLACK_BYTES + SLACK_SHARE * found["own_bytes"], found
    assert found["reserved_bytes"] == 0 or found["own_bytes"] > 0


def test_a_store_that_holds_its_trades_twice_is_seen(tmp_path):
    path = tmp_path / "doubled.py"
    path.write_text(DOUBLED)
    found = measure("trades", "doubled", {"trades": 500_000}, [path])
    assert found["resident_growth_bytes"] > 1.8 * found["own_bytes"], found


def test_the_account_counts_each_object_once_and_no_code():
    array, block = np.zeros(1_000), Block(1_024)
    block.array[:512] = 1
    own_bytes, reserved_bytes = account([array, array[10:], array, len, np, block])
    assert reserved_bytes == 8_192
    assert 8_000 + 4_096 <= own_bytes <= 8_000 + 8_192 + 500


def test_a_system_that_does_not_tell_is_named(tmp_path):
    assert resident_bytes() > MIB
    with pytest.raises(NotMeasurableError, match="smaps_rollup"):
        resident_bytes(tmp_path / "smaps_rollup")
