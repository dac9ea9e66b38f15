"""No history; which tests need the cores for themselves: all stress tests, but for those that run pytest themselves."""

import os
from pathlib import Path

import pytest

os.environ["TICKBENCH_HISTORY"] = "off"  # no test adds to the history of whoever runs it; those about it set their own


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(item.path).parent.name == "stress" and Path(item.path).stem != "test_chaos":
            item.add_marker(pytest.mark.cores)
