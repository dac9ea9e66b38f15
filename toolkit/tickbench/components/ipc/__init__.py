"""The transport between two processes: 64-byte messages to a server process and back.

round_trip   one message there, one back; every round trip is timed
throughput   one way: batches of THROUGHPUT_BURST messages, the server answers the last of each
memory       no server: what a segment holds
"""

from tickbench.components.component import Component, Job, MarketFeed, Result, Verification, Workload
from tickbench.components.ipc.contract import CAPABILITIES
from tickbench.components.ipc.memory import MEMORY
from tickbench.components.ipc.session import session
from tickbench.components.shared import exchange
from tickbench.components.shared.messages import digest_of_messages
from tickbench.components.shared.timing import WARM_SHARE
from tickbench.errors import NotMeasurableError, TickbenchError
from tickbench.kernels.clock import MONOTONIC, Clock
from tickbench.kernels.hdr import Histogram
from tickbench.registry import Variant

THROUGHPUT_BURST = 4_096
CAPACITY = 64  # messages in a ring of ours: its slots stay in both cores' first-level caches
LEAST_WARM_S = 0.05  # a core that was halted takes tens of ms to be fast again
_CLOCK = Clock(MONOTONIC, 1.0, 0.0, 0.0, None)
_VERIFY_S = 0.02


def _run(job: Job, burst: int) -> Result:
    service, clock = Histogram(), job.clock
    with session(job.variant, burst, capacity=int(job.parameters.get("capacity", CAPACITY))) as connected:
        connected.check(connected.request(clock, max(LEAST_WARM_S, WARM_SHARE * job.seconds), Histogram()))
        connected.check(connected.request(clock, job.seconds, service))
        rounds, ticks = (int(connected.report[word]) for word in (exchange.ROUNDS, exchange.ELAPSED_TICKS))
        verification = connected.finish()
    if not rounds:
        raise NotMeasurableError(f"ipc: {job.seconds} s were over before an answer came: set seconds higher")
    one_each = burst == 1
    return Result(
        timing="operation" if one_each else "batch",
        operations=rounds * burst,
        elapsed_ns=round(ticks * clock.ns_per_tick),
        histograms={"service": service},
        verification=verification,
        operations_per_value=burst,
    )


def verify(variant: Variant, _feed: MarketFeed | None) -> Verification:
    """Messages through a small ring whose indices wrap, to a real process and back; then that process is killed."""
    if variant.null:
        return Verification(True, 0, "the null variant has no answer to check")
    try:
        with session(variant, 7, capacity=8, start_index=2**63 - 5) as connected:
            connected.check(connected.request(_CLOCK, _VERIFY_S, Histogram()))
            found = connected.finish()
        if not found.passed:
            return found
        return _verify_death(variant, found.checks)
    except TickbenchError as error:
        return Verification(False, 0, str(error))


def _verify_death(variant: Variant, checks: int) -> Verification:
    """A server that is killed must be missed, and named, within the time that is given."""
    with session(variant, 1) as connected:
        connected.check(connected.request(_CLOCK, _VERIFY_S, Histogram()))
        assert connected.process is not None
        connected.process.kill()
        code = connected.request(_CLOCK, 10.0, Histogram())
        told = connected.end.explain(code)
    if code >= 0:
        return Verification(False, checks, "the server was killed, and the client did not notice")
    detail = f"{checks} messages came back right; of a killed server it says: {told}"
    return Verification(True, checks + connected.sent, detail, digest_of_messages())


COMPONENT = Component(
    name="ipc",
    summary="carries messages between processes",
    workloads={
        MEMORY.name: MEMORY,
        "round_trip": Workload(
            "round_trip",
            "round trip",
            lambda job: _run(job, 1),
            parameters={"capacity": CAPACITY},
            needs_feed=False,
            all_cores=True,
        ),
        "throughput": Workload(
            "throughput",
            "message",
            lambda job: _run(job, THROUGHPUT_BURST),
            parameters={"capacity": CAPACITY},
            needs_feed=False,
            all_cores=True,
        ),
    },
    verify=verify,
    capabilities=CAPABILITIES,
)
