"""Variants of the test component that go wrong, each in its own way."""

import ctypes
import os
import sys
import time

from tickbench.errors import NotMeasurableError
from tickbench.registry import variant


def _after_verification(fault):
    """Right while the oracle asks, at fault in the timed run (which asks for 0 + 1 first)."""

    def add(a, b):
        if (a, b) == (2, 3):
            return 5
        return fault(a, b)

    return add


@variant("sums", runtime="python", example_of="a wrong answer", capabilities=["exact"])
def wrong(config):
    return lambda a, b: a - b


@variant("sums", runtime="python", example_of="an answer that goes wrong later", capabilities=["exact"])
def wrong_later(config):
    return _after_verification(lambda a, b: a + b + 1)


@variant("sums", runtime="python", example_of="an exception", capabilities=["exact"])
def raises(config):
    def fault(a, b):
        raise ValueError(f"cannot add {a} and {b}")

    return _after_verification(fault)


@variant("sums", runtime="python", example_of="a process that ends", capabilities=["exact"])
def leaves(config):
    def fault(a, b):
        print("last words on stdout", flush=True)
        print("last words on stderr", file=sys.stderr, flush=True)
        os._exit(7)

    return _after_verification(fault)


@variant("sums", runtime="python", example_of="a wild pointer", capabilities=["exact"])
def wild(config):
    return _after_verification(lambda a, b: ctypes.string_at(8))


@variant("sums", runtime="python", example_of="an endless wait", capabilities=["exact"])
def hangs(config):
    return _after_verification(lambda a, b: time.sleep(3600))


@variant("sums", runtime="python", example_of="a machine that lacks something", capabilities=["exact"])
def elsewhere(config):
    def fault(a, b):
        raise NotMeasurableError("needs a machine with an abacus")

    return _after_verification(fault)
