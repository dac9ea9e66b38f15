"""Single messages, each timed on its own: percentiles that a budget can be judged by, one clock reading in every value.

`encode_timed` is one order into its frame, `decode_depth_timed` one whole depth frame of the exchange into ticks and lots.
Compiled variants are timed by their Python side too: what a call costs an engine in Python, dispatch included.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

from tickbench.components.codec import samples
from tickbench.components.codec.results import NOTHING_TO_CHECK, answers_equal, count_bytes, python_side
from tickbench.components.component import Job, Result, Verification, Workload
from tickbench.components.shared.timing import NS_PER_S, WARM_SHARE
from tickbench.errors import NotMeasurableError
from tickbench.kernels.hdr import Histogram

_MESSAGES, _LEVELS = 128, 20


def _timed(
    job: Job, call: Callable[[Any], Any], given: Sequence[Any], check: Callable[[], Verification], size: float
) -> Result:
    _pass_until(call, given, job.seconds * WARM_SHARE)
    start_ns = time.perf_counter_ns()
    durations_ns = _pass_until(call, given, job.seconds)
    elapsed_ns = time.perf_counter_ns() - start_ns
    service = Histogram()
    service.record(durations_ns)
    return Result(
        timing="operation",
        operations=len(durations_ns),
        elapsed_ns=elapsed_ns,
        histograms={"service": service},
        verification=NOTHING_TO_CHECK if job.variant.null else check(),
        counters={"bytes_per_message": size},
    )


def _pass_until(call: Callable[[Any], Any], given: Sequence[Any], seconds: float) -> list[int]:
    """Whole passes over the messages until the time is up; the ns of each call."""
    durations_ns: list[int] = []
    clock_ns, keep = time.perf_counter_ns, durations_ns.append
    limit_ns = clock_ns() + round(seconds * NS_PER_S)
    while clock_ns() < limit_ns or not durations_ns:
        for one in given:
            start_ns = clock_ns()
            call(one)
            keep(clock_ns() - start_ns)
    return durations_ns


def _encode_timed(job: Job) -> Result:
    codec, orders = python_side(job.variant.build(None)), samples.orders(job.seed, _MESSAGES)
    messages = [codec.make(order) for order in orders]
    frames = [codec.encode(message) for message in messages]

    def check() -> Verification:
        return answers_equal("order", [codec.order_of(codec.decode(codec.encode(one))) for one in messages], orders)

    return _timed(job, codec.encode, messages, check, count_bytes(frames))


def _decode_depth_timed(job: Job) -> Result:
    codec, depths = python_side(job.variant.build(None)), samples.depths(job.seed, _MESSAGES, job.parameters["levels"])
    make, encode, decode, depth_of = codec.make_depth, codec.encode_depth, codec.decode_depth, codec.depth_of
    if make is None or encode is None or decode is None or depth_of is None:
        raise NotMeasurableError(f"codec/{job.variant.name} carries no depth frames: leave it out of this scenario")
    frames = [encode(make(depth)) for depth in depths]

    def check() -> Verification:
        return answers_equal("depth frame", [depth_of(decode(frame)) for frame in frames], depths)

    return _timed(job, decode, frames, check, count_bytes(frames))


def _workload(name: str, operation: str, run: Callable[[Job], Result], requires: set[str], **parameters: Any) -> Workload:
    shown = ("bytes_per_message",)
    return Workload(name, operation, run, frozenset(requires), parameters, needs_feed=False, shown_counters=shown)


TIMED = (
    _workload("encode_timed", "order", _encode_timed, {"call"}),
    _workload("decode_depth_timed", "depth frame", _decode_depth_timed, {"depth"}, levels=_LEVELS),
)
