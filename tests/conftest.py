"""No history; no limits of wall-clock time; which tests need the cores for themselves: all stress tests, but for those that
run pytest themselves."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ["TICKBENCH_HISTORY"] = "off"  # no test adds to the history of whoever runs it; those about it set their own

# A busy machine is no fault of what is tested. Single tests set more on top of this.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(item.path).parent.name == "stress" and Path(item.path).stem != "test_chaos":
            item.add_marker(pytest.mark.cores)
