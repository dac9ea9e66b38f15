"""Load: closed loop, or an open loop whose intended start times are a plan made before the run and never changed.

A plan is an int64 array of offsets in ns from the start of the run, never decreasing. Random plans come from a counter-based
generator (Philox) and are a function of the seed alone.
"""

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from tickbench.errors import InputError

_NS_PER_S = 1_000_000_000
# A generator that is this late, or leaves this share unsent, says nothing about the code (DESIGN 4.6).
_LAG_SHARE_OF_BUDGET = 0.1
_SENT_SHARE = 0.999


class Closed(msgspec.Struct, tag_field="kind", tag="closed", frozen=True, forbid_unknown_fields=True):
    """The next operation starts when the last is done: for throughput, not for latency."""


class Recorded(msgspec.Struct, tag_field="kind", tag="recorded", frozen=True, forbid_unknown_fields=True):
    """The receive times of the feed, `speed` times as fast."""

    speed: float = 1.0


class Constant(msgspec.Struct, tag_field="kind", tag="constant", frozen=True, forbid_unknown_fields=True):
    """One operation every 1/rate_hz seconds."""

    rate_hz: float


class Poisson(msgspec.Struct, tag_field="kind", tag="poisson", frozen=True, forbid_unknown_fields=True):
    """Independent arrivals: exponential gaps with a mean of 1/rate_hz seconds."""

    rate_hz: float


class Burst(msgspec.Struct, tag_field="kind", tag="burst", frozen=True, forbid_unknown_fields=True):
    """Bursts of `burst_events` operations at `burst_rate_hz`, so spaced that the mean rate is `rate_hz`."""

    rate_hz: float
    burst_events: int
    burst_rate_hz: float


Load = Closed | Recorded | Constant | Poisson | Burst


def make_plan(
    load: Load, seconds: float, seed: int, receive_ns: NDArray[np.int64] | Sequence[int] = ()
) -> NDArray[np.int64] | None:
    """Intended start offsets within `seconds` (at least one), None for a closed loop.

    `receive_ns` is what a recorded plan replays. Raises InputError for a rate or speed that is not positive.
    """
    if isinstance(load, Closed):
        return None
    for name in load.__struct_fields__:
        value = getattr(load, name)
        if not (value > 0 and np.isfinite(value)):
            raise InputError(f"load.{name} must be positive and finite, got {value}")
    if isinstance(load, Recorded):
        times = np.asarray(receive_ns, dtype=np.int64)
        if len(times) == 0:
            raise InputError("a recorded load needs a feed with receive times")
        # Receive times may step backwards where a clock was set: an offset never does.
        recorded = np.asarray((np.maximum.accumulate(times) - times[0]) / load.speed, dtype=np.int64)
        return recorded[recorded <= seconds * _NS_PER_S]
    operations = max(1, int(load.rate_hz * seconds))
    k = np.arange(operations, dtype=np.float64)
    if isinstance(load, Constant):
        offsets_s = k / load.rate_hz
    elif isinstance(load, Poisson):
        gaps_s = np.random.Generator(np.random.Philox(seed)).exponential(1 / load.rate_hz, operations)
        offsets_s = np.cumsum(gaps_s) - gaps_s[0]
    else:
        within, burst = k % load.burst_events, k // load.burst_events
        offsets_s = burst * load.burst_events / load.rate_hz + within / load.burst_rate_hz
        offsets_s = np.maximum.accumulate(offsets_s)
    return np.asarray(np.rint(offsets_s * _NS_PER_S), dtype=np.int64)


def judge_generator(lag_p999_ns: float, budget_ns: float, sent: int, planned: int) -> str | None:
    """Why a measurement under an open loop is invalid, in words; None if the generator kept its plan."""
    if lag_p999_ns > _LAG_SHARE_OF_BUDGET * budget_ns:
        return (
            f"the generator was late: lag p99.9 is {lag_p999_ns / 1000:,.0f} µs, allowed are {_LAG_SHARE_OF_BUDGET:.0%} "
            f"of the budget of {budget_ns / 1000:,.0f} µs"
        )
    if sent < _SENT_SHARE * planned:
        return f"the generator sent {sent} of {planned} planned operations, {_SENT_SHARE:.1%} are needed"
    return None
