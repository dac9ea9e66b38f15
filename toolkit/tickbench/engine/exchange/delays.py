"""How long the exchange takes to process an order: a fixed time, or draws from a distribution that its seed determines."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

import numpy as np

from tickbench.errors import UsageError

_FORMS = "MICROSECONDS, constant:US, lognormal:MEDIAN_US,SIGMA or uniform:LOW_US,HIGH_US"
_NUMBER = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,6})?\Z")
_NS_PER_US = 1_000
_MOST_US = 60_000_000  # a minute
_DRAWS = 4_096


def parse_delay(text: str, seed: int) -> Iterator[int]:
    """Endless delays in ns; UsageError for a text that names none. The same text and seed give the same delays."""
    kind, colon, rest = text.partition(":")
    if not colon:
        kind, rest = "constant", text
    parts = rest.split(",")
    wanted = {"constant": 1, "lognormal": 2, "uniform": 2}.get(kind)
    if wanted != len(parts) or not all(_NUMBER.match(part) for part in parts):
        raise UsageError(f"delay {text!r}: one of {_FORMS} is expected")
    numbers = [float(part) for part in parts]
    if kind == "uniform" and numbers[0] > numbers[1]:
        raise UsageError(f"delay {text!r}: the lower bound is above the upper one")
    if max(numbers) > _MOST_US or (kind == "lognormal" and not (numbers[0] > 0 and numbers[1] <= 5)):
        raise UsageError(f"delay {text!r}: at most {_MOST_US} us; a lognormal needs a median above 0 and a sigma of at most 5")
    return _draws(kind, numbers, seed)


def _draws(kind: str, numbers: list[float], seed: int) -> Iterator[int]:
    if kind == "constant":
        delay_ns = round(numbers[0] * _NS_PER_US)
        while True:
            yield delay_ns
    random = np.random.Generator(np.random.Philox(seed))
    while True:
        if kind == "uniform":
            drawn = random.uniform(numbers[0], numbers[1], _DRAWS)
        else:
            drawn = random.lognormal(math.log(numbers[0]), numbers[1], _DRAWS)
        yield from np.rint(np.minimum(drawn, _MOST_US) * _NS_PER_US).astype(np.int64).tolist()
