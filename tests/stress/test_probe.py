"""Probe pages under readers that copy flat out and under SIGKILL, shortened; ci/probe-campaign is the whole of it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CAMPAIGN = Path(__file__).with_name("probe_campaign.py")


def _campaign(chaos, **options):
    arguments = [f"--{name}={value}" for name, value in options.items()]
    environment = os.environ | {"TICKBENCH_CHAOS": "1" if chaos else "0"}
    command = [sys.executable, str(CAMPAIGN), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# With random delays before atomic operations a writer is often caught between two stores of one record; copies of many
# buckets then take too long.
@pytest.mark.parametrize(("chaos", "geometries", "records", "kills"), [(False, 2, 1_000_000, 20), (True, 1, 20_000, 10)])
def test_no_record_is_lost_and_a_kill_leaves_one_in_doubt_at_most(chaos, geometries, records, kills):
    found = _campaign(chaos, geometries=geometries, runs=2, records=records, kills=kills)
    assert found["copies"] > 0
    assert {name: found[name] for name in ("broken", "differ", "lost", "failed", "wrong")} == dict.fromkeys(
        ("broken", "differ", "lost", "failed", "wrong"), 0
    )
    assert found["kills"] == kills
    assert found["records_before_kills"] > 0
    assert found["most_in_doubt"] <= 1
