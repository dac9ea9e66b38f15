"""A variant of the test component that refuses to work in a process which has loaded what a worker does not need."""

import sys

from tickbench.registry import variant

UNWANTED = {"matplotlib", "rich", "click", "jinja2", "scipy", "sqlalchemy", "pyperf"}


@variant("sums", runtime="python", example_of="a look around", capabilities=["exact"])
def spy(config):
    loaded = sorted(UNWANTED & sys.modules.keys())
    assert not loaded, loaded
    return lambda a, b: a + b
