"""Whether a probe counts what happened: durations are given by a virtual clock, so the answer is known exactly."""

from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np

from tickbench.components.component import MarketFeed, Verification
from tickbench.components.instrument import contract
from tickbench.components.instrument.contract import NativeProbe, ProbeConfig, PythonProbe, Reading
from tickbench.components.instrument.drivers import drive_wrap
from tickbench.components.shared.digest import digest_of
from tickbench.registry import Variant

NOTHING_TO_CHECK = Verification(True, 0, "the null variant has no answer to check")
_THRESHOLD_NS = 5_000
_NS_PER_US = 1_000
_SUM_ERROR = 1e-9  # of sums that a library keeps in binary64 seconds


def durations_ns(seed: int = 1) -> list[int]:
    """Durations around the microsecond and the threshold, none at all, and some hundred as of a fast engine."""
    edges = [0, 1, 999, 1_000, 1_001, 1_999, _THRESHOLD_NS - 1, _THRESHOLD_NS, _THRESHOLD_NS + 1, 5_999, 6_000, 3_000_000_000]
    draw = np.random.default_rng(seed).lognormal(7, 1, 300).astype(np.int64).tolist()
    return [*edges, *draw]


def expected_reading(times_ns: Sequence[int], *, nanoseconds: bool) -> Reading:
    """What a probe must have counted; one that keeps whole microseconds loses the rest of each."""
    if not nanoseconds:
        times_ns = [time // _NS_PER_US * _NS_PER_US for time in times_ns]
    return Reading(len(times_ns), sum(times_ns), sum(time > _THRESHOLD_NS for time in times_ns))


def verify(variant: Variant, _feed: MarketFeed | None) -> Verification:
    """Wrap calls of known durations, also one that raises; compare the counts, the sum and what the calls returned."""
    if variant.null:
        return NOTHING_TO_CHECK
    times_ns = durations_ns()
    ends = np.cumsum([0, *(time + 10 for time in times_ns)]).tolist()  # each call starts 10 ns after the one before
    readings = list(chain.from_iterable((end, end + time) for end, time in zip(ends, times_ns, strict=False)))
    next_reading = iter(readings)
    probe = variant.build(ProbeConfig(_THRESHOLD_NS, clock_ns=lambda: next(next_reading), readings_ns=tuple(readings)))
    for passed, detail in _checks(variant, probe, times_ns):
        if not passed:
            return Verification(False, len(times_ns), detail)
    answers = list(map(contract.python_work, range(len(times_ns))))
    digest = digest_of([_THRESHOLD_NS, times_ns, answers])
    return Verification(True, len(times_ns), f"{len(times_ns)} calls are counted, with their times", digest)


def _checks(variant: Variant, probe: NativeProbe | PythonProbe, times_ns: list[int]) -> Iterator[tuple[bool, str]]:
    n = len(times_ns)
    if isinstance(probe, NativeProbe):
        total = drive_wrap(probe.wrap, probe.state, n, 1)
        yield total == sum(map(contract.python_work, range(n))), f"the wrapped calls returned {total} together"
    else:
        last = n - 1 if "failures" in variant.capabilities else n
        wrapped = probe.wrap(contract.python_work)
        answers = [wrapped(i) for i in range(last)]
        yield answers == list(map(contract.python_work, range(last))), "a wrapped call returned something else"
        if last < n:
            yield _raises_through(probe), "the exception of a wrapped call did not come through"
    expected = expected_reading(times_ns, nanoseconds="nanoseconds" in variant.capabilities)
    found = probe.read()
    yield found.count == n and found.violations == expected.violations, f"counted {found}, expected {expected}"
    yield abs(found.sum_ns - expected.sum_ns) <= _SUM_ERROR * expected.sum_ns, f"the sum is {found}, expected {expected}"


def _raises_through(probe: PythonProbe) -> bool:
    def fail(_argument: int) -> int:
        raise ZeroDivisionError

    try:
        probe.wrap(fail)(0)
    except ZeroDivisionError:
        return True
    return False
