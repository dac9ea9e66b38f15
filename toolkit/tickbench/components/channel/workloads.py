"""Workloads of channels: a stream, a round trip, a burst. Threads are pinned, one a core, and are hot before anything counts.

throughput   writers send, readers check each message in place; ns a message, batch by batch, at the consumer
ping_pong    one message there, one back on a second channel; every round trip is timed
burst        `burst` messages there, one back after the last; every burst is timed
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tickbench.components.channel import drivers, python_driver
from tickbench.components.channel.contract import ChannelConfig, NativeChannel
from tickbench.components.component import Job, Result, Verification
from tickbench.components.shared import exchange
from tickbench.components.shared.messages import STOP_SEQUENCE
from tickbench.components.shared.threads import run_together
from tickbench.components.shared.timing import WARM_SHARE
from tickbench.errors import InputError, NotMeasurableError, WrongResultError
from tickbench.kernels.hdr import Histogram
from tickbench.kernels.memory import Block

NS_PER_S = 1_000_000_000
BATCH_MESSAGES = 8_192  # one value of the histogram; some 100 µs
LEAST_WARM_S = 0.05  # a core that was halted takes tens of ms to be fast again
CAPACITY = 64  # messages, 4 KiB: both cores keep all slots in their first-level cache; the scenarios sweep larger rings
RELEASE_EVERY = 1
BURST = 64


@dataclass
class Stream:
    """What a stream left behind: messages sent by each producer, ledgers [consumer, producer, 4], the consumers' reports."""

    sent: list[int]
    ledgers: NDArray[np.int64]
    reports: NDArray[np.int64]
    histograms: list[Histogram]

    def verify(self) -> Verification:
        """Whether every message of every producer came exactly once, whole, and in order at each consumer."""
        received = int(self.reports[:, drivers.MESSAGES].sum())
        wrong = int(self.reports[:, drivers.WRONG].sum())
        if wrong:
            return Verification(
                False, received, f"{wrong} messages of {received} came twice, out of order or with a wrong checksum"
            )
        for producer, n in enumerate(self.sent):
            own = self.ledgers[:, producer]
            if (found := int(own[:, drivers.COUNT].sum())) != n:
                return Verification(False, received, f"producer {producer} sent {n} messages, {found} arrived")
            sums = [int(own[:, word].sum()) % 2**64 for word in (drivers.SUM, drivers.SQUARES)]
            if sums != [n * (n - 1) // 2 % 2**64, n * (n - 1) * (2 * n - 1) // 6 % 2**64]:
                return Verification(False, received, f"producer {producer}: {n} messages arrived, but some twice and some not")
        return Verification(True, received, f"{received} messages arrived once, whole and in order")


def check_threads(job: Job) -> None:
    """Raise InputError or NotMeasurableError where the channel is not made for these threads."""
    if job.writers < 1 or job.readers < 1:
        raise InputError(f"channel throughput: needs writers and readers, got {job.writers} and {job.readers}")
    for name, needed in (("many_producers", job.writers > 1), ("many_consumers", job.readers > 1)):
        if needed and name not in job.variant.capabilities:
            raise NotMeasurableError(
                f"channel/{job.variant.name} has no {name}: it cannot run with {job.writers} writers and {job.readers} readers"
            )


def config_of(job: Job) -> ChannelConfig:
    """The channel that a scenario asks for."""
    asked = job.parameters
    return ChannelConfig(
        capacity=int(asked.get("capacity", CAPACITY)),
        producers=job.writers,
        consumers=job.readers,
        release_every=int(asked.get("release_every", RELEASE_EVERY)),
    )


def warm_s(job: Job) -> float:
    """Seconds before anything counts."""
    return max(LEAST_WARM_S, WARM_SHARE * job.seconds)


def stream(job: Job, channel: NativeChannel, batch: int, *, warm_seconds: float, pinned: bool = True) -> Stream:
    """Run job.writers producers and job.readers consumers on a channel for the job's time."""
    writers, readers, clock = job.writers, job.readers, job.clock
    threads = writers + readers
    control = Block(drivers.CONTROL_WORDS + readers * writers * drivers.LEDGER_WORDS)
    control.array[drivers.PRODUCERS] = writers
    reports = np.zeros((readers, 2 * drivers.REPORT_WORDS), dtype=np.int64)
    histograms = [Histogram() for _ in range(readers)]
    ledgers = control.address + 8 * drivers.CONTROL_WORDS
    warm_ticks, limit_ticks = (clock.ticks(round(one * NS_PER_S)) for one in (warm_seconds, job.seconds))

    def producer(p: int) -> Callable[[], int]:
        return lambda: drivers.produce(
            channel.claim_kernel,
            channel.publish_kernel,
            drivers.producer_idle,
            channel.address,
            p,
            control.address,
            exchange.SPIN_LOOKS,
            threads,
        )

    def consumer(c: int) -> Callable[[], int]:
        return lambda: drivers.consume(
            channel.peek_kernel,
            channel.release_kernel,
            drivers.consumer_idle,
            channel.address,
            c,
            control.address,
            exchange.SPIN_LOOKS,
            threads,
            ledgers + 8 * c * writers * drivers.LEDGER_WORDS,
            writers,
            batch,
            warm_ticks,
            limit_ticks,
            clock.source,
            clock.ns_per_tick,
            histograms[c].address,
            histograms[c].index,
            reports[c].ctypes.data,
        )

    def abort() -> None:
        control.array[drivers.ABORT] = 1

    tasks = [producer(p) for p in range(writers)] + [consumer(c) for c in range(readers)]
    codes = run_together(tasks, abort, pinned=pinned)
    if min(codes) < 0:
        raise WrongResultError(
            f"channel/{job.variant.name}: a thread ended with code {min(codes)}: its ring contradicts itself"
        )
    words = control.array[drivers.CONTROL_WORDS :].reshape(readers, writers, drivers.LEDGER_WORDS)
    return Stream(codes[:writers], words[:, :, :4].copy(), reports, histograms)


def throughput(job: Job) -> Result:
    """ns a message of a stream from job.writers to job.readers.

    With several consumers a value is the time in which one of them got BATCH_MESSAGES, over what all got if they share evenly.
    """
    check_threads(job)
    channel = job.variant.build(config_of(job))
    if not isinstance(channel, NativeChannel):
        return python_driver.throughput(job, channel)
    done = stream(job, channel, BATCH_MESSAGES, warm_seconds=warm_s(job))
    service = Histogram()
    for one in done.histograms:
        service.merge(one)
    if not service.count:
        raise NotMeasurableError(f"channel throughput: {job.seconds} s were over before a batch arrived: set seconds higher")
    timed = int(done.reports[:, drivers.TIMED_MESSAGES].sum())
    elapsed_ns = round(int(done.reports[:, drivers.TIMED_TICKS].max()) * job.clock.ns_per_tick)
    return Result(
        timing="batch",
        operations=timed,
        elapsed_ns=elapsed_ns,
        histograms={"service": service},
        verification=_excused(job) or done.verify(),
        counters={"messages": sum(done.sent), "slot_bytes": 64.0, "capacity_messages": config_of(job).capacity},
        operations_per_value=BATCH_MESSAGES * job.readers,
    )


def _excused(job: Job) -> Verification | None:
    return Verification(True, 0, "the null variant has no answer to check") if job.variant.null else None


def rounds(job: Job, burst: int) -> Result:
    """Rounds of `burst` messages there and one back, on two channels of the variant, between two threads."""
    config = ChannelConfig(capacity=int(job.parameters.get("capacity", CAPACITY)))
    if burst < 1:
        raise InputError(f"channel burst: needs at least 1 message, got {burst}")
    there, back = job.variant.build(config), job.variant.build(config)
    if not isinstance(there, NativeChannel):
        return python_driver.rounds(job, there, back, burst)
    control, service = Block(drivers.CONTROL_WORDS), Histogram()
    reports = np.zeros((2, 2 * exchange.REPORT_WORDS), dtype=np.int64)
    kernels = there.claim_kernel, there.publish_kernel, there.peek_kernel, there.release_kernel
    ends = (*kernels, drivers.producer_idle, there.address, back.address, control.address, exchange.SPIN_LOOKS)

    def requester() -> int:
        code = drivers.meet(control.address, 2)
        code = code or _requests(job, ends, burst, service, reports[0])
        if code >= 0:
            claim, publish, *_ = kernels
            code = exchange.send(
                claim,
                publish,
                drivers.producer_idle,
                there.address,
                0,
                control.address,
                exchange.SPIN_LOOKS,
                STOP_SEQUENCE,
            )
        return int(code)

    def answerer() -> int:
        code = drivers.meet(control.address, 2)
        return int(code or exchange.answer(*ends, burst, reports[1].ctypes.data))

    def abort() -> None:
        control.array[drivers.ABORT] = 1

    codes = run_together([requester, answerer], abort)
    return _rounds_result(job, codes, reports, service, burst)


def _requests(job: Job, ends: tuple[Any, ...], burst: int, service: Histogram, report: NDArray[np.int64]) -> int:
    """Warm up, then time; the wrong rounds of both are added up."""
    clock, discarded, wrong, code = job.clock, Histogram(), 0, 0
    for seconds, into in ((warm_s(job), discarded), (job.seconds, service)):
        limit_ticks = clock.ticks(round(seconds * NS_PER_S))
        first = int(report[exchange.NEXT_SEQUENCE])
        code = exchange.request(
            *ends, burst, first, limit_ticks, clock.source, clock.ns_per_tick, into.address, into.index, report.ctypes.data
        )
        wrong += int(report[exchange.WRONG])
        if code < 0:
            break
    report[exchange.WRONG] = wrong
    return int(code)


def _rounds_result(job: Job, codes: list[int], reports: NDArray[np.int64], service: Histogram, burst: int) -> Result:
    if min(codes) < 0:
        raise WrongResultError(
            f"channel/{job.variant.name}: a thread ended with code {min(codes)}: its ring contradicts itself"
        )
    asked, answered = reports
    sent = int(asked[exchange.NEXT_SEQUENCE])
    wrong = int(asked[exchange.WRONG] + answered[exchange.WRONG])
    arrived = int(answered[exchange.NEXT_SEQUENCE])
    passed = wrong == 0 and arrived == sent
    detail = f"{sent} messages sent, {arrived} arrived, {wrong} rounds or messages wrong"
    return Result(
        timing="operation",
        operations=int(asked[exchange.ROUNDS]),
        elapsed_ns=round(int(asked[exchange.ELAPSED_TICKS]) * job.clock.ns_per_tick),
        histograms={"service": service},
        verification=_excused(job) or Verification(passed, sent, detail),
        counters={"messages_a_round": burst},
    )


def ping_pong(job: Job) -> Result:
    """Round trips of one message."""
    return rounds(job, 1)


def burst(job: Job) -> Result:
    """Bursts: from before the first message is claimed to the answer that the last one was read."""
    return rounds(job, int(job.parameters.get("burst", BURST)))
