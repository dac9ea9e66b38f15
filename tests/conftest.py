"""Which tests need the cores for themselves: all stress tests, but for those that run pytest in a process of their own."""

from pathlib import Path

import pytest


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(item.path).parent.name == "stress" and Path(item.path).stem != "test_chaos":
            item.add_marker(pytest.mark.cores)
