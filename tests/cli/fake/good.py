"""Variants of the test component that work; given to tickbench with --impls."""

from pathlib import Path

from tickbench import components
from tickbench.registry import variant

_FOLDER = str(Path(__file__).parent / "components")
if _FOLDER not in components.__path__:
    components.__path__.append(_FOLDER)


@variant("sums", runtime="python", example_of="the obvious", reference=True, capabilities=["exact"])
def plain(config):
    return lambda a, b: a + b


@variant("sums", runtime="python", example_of="twice the work", capabilities=["exact"])
def twice(config):
    return lambda a, b: sum([a, b]) + sum([a, b]) - a - b


@variant("sums", runtime="python", example_of="nothing", null=True, capabilities=["exact"])
def null(config):
    return _Null()


class _Null:
    def __call__(self, a, b):
        return 5 if (a, b) == (2, 3) else 42


@variant("sums", runtime="python", example_of="floats")
def rounded(config):
    return lambda a, b: round(float(a) + float(b))
