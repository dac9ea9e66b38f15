"""The workloads for channels that are called from Python: two Python threads, which the GIL lets run in turn."""

import struct
import threading
import time
from collections.abc import Callable

from tickbench.components.channel.contract import MESSAGE_BYTES, STOP_SEQUENCE, PythonChannel
from tickbench.components.component import Job, Result, Verification
from tickbench.components.shared.threads import run_together
from tickbench.components.shared.timeline import slices_of
from tickbench.errors import NotMeasurableError, WrongResultError
from tickbench.kernels.hdr import Histogram

NS_PER_S = 1_000_000_000
BATCH_MESSAGES = 1_024
_BATCHES_AHEAD = 4  # how far a producer may run ahead: an unbounded queue would grow for ever
_PATIENCE_S = 10.0  # nothing takes that long unless a message was lost
_MESSAGE = struct.Struct("<qq40sq")  # sequence, producer, payload, checksum
_PAYLOAD = bytes(range(40))


def message(producer: int, sequence: int) -> bytes:
    """A message whose checksum is the sum of its numbers."""
    return _MESSAGE.pack(sequence, producer, _PAYLOAD, sequence + producer)


def read(packed: bytes | None) -> tuple[int, int]:
    """(sequence, producer) of a message; raises WrongResultError for one that is lost or not whole."""
    if packed is None:
        raise WrongResultError(f"channel: no message came for {_PATIENCE_S:g} s: one was lost")
    if len(packed) != MESSAGE_BYTES:
        raise WrongResultError(f"channel: a message has {len(packed)} bytes, not {MESSAGE_BYTES}")
    sequence, producer, payload, checksum = _MESSAGE.unpack(packed)
    if payload != _PAYLOAD or checksum != sequence + producer:
        raise WrongResultError(f"channel: message {sequence} of producer {producer} has a wrong checksum")
    return sequence, producer


def throughput(job: Job, channel: PythonChannel) -> Result:
    """One producer, one consumer, batches of BATCH_MESSAGES."""
    if (job.writers, job.readers) != (1, 1):
        raise NotMeasurableError(f"channel/{job.variant.name}: the Python driver has one producer and one consumer")
    ahead, stop = threading.Semaphore(_BATCHES_AHEAD), threading.Event()
    durations_ns: list[int] = []

    def produce() -> int:
        sequence = 0
        while not stop.is_set() and ahead.acquire(timeout=_PATIENCE_S):
            for i in range(sequence, sequence + BATCH_MESSAGES):
                channel.send(message(0, i))
            sequence += BATCH_MESSAGES
        channel.send(message(0, STOP_SEQUENCE))
        return sequence

    def consume() -> int:
        expected, first = 0, time.perf_counter_ns()
        start = first
        while True:
            for i in range(expected, expected + BATCH_MESSAGES):
                sequence, _ = read(channel.receive(_PATIENCE_S))
                if sequence == STOP_SEQUENCE:
                    return expected
                if sequence != i:
                    raise WrongResultError(f"channel: message {i} expected, {sequence} came")
            expected += BATCH_MESSAGES
            ahead.release()
            end = time.perf_counter_ns()
            durations_ns.append(end - start)
            start = end
            if end - first >= job.seconds * NS_PER_S:
                stop.set()

    sent, received = run_together([produce, consume], stop.set)
    service = Histogram()
    service.record(durations_ns)
    checked = Verification(sent == received, received, f"{sent} messages sent, {received} arrived in order")
    return Result(
        timing="batch",
        operations=len(durations_ns) * BATCH_MESSAGES,
        elapsed_ns=sum(durations_ns),
        histograms={"service": service},
        verification=checked,
        operations_per_value=BATCH_MESSAGES,
        intervals=slices_of(durations_ns, sum(durations_ns)),
    )


def rounds(job: Job, there: PythonChannel, back: PythonChannel, burst: int) -> Result:
    """Rounds of `burst` messages there and one back; every round is timed."""
    durations_ns: list[int] = []

    def request() -> int:
        sequence, clock_ns = 0, time.perf_counter_ns
        first = start = clock_ns()
        while start - first < job.seconds * NS_PER_S:
            for i in range(sequence, sequence + burst):
                there.send(message(0, i))
            answered, _ = read(back.receive(_PATIENCE_S))
            end = clock_ns()
            durations_ns.append(end - start)
            start = end
            sequence += burst
            if answered != sequence - 1:
                raise WrongResultError(f"channel: the answer to message {sequence - 1} says {answered}")
        there.send(message(0, STOP_SEQUENCE))
        return sequence

    received = _answerer(there, back, burst)
    sent, arrived = run_together([request, received], lambda: there.send(message(0, STOP_SEQUENCE)))
    service = Histogram()
    service.record(durations_ns)
    checked = Verification(sent == arrived, arrived, f"{sent} messages sent, {arrived} arrived in order")
    return Result(
        timing="operation",
        operations=len(durations_ns),
        elapsed_ns=sum(durations_ns),
        histograms={"service": service},
        verification=checked,
        counters={"messages_a_round": float(burst)},
        intervals=slices_of(durations_ns, sum(durations_ns)),
    )


def _answerer(there: PythonChannel, back: PythonChannel, burst: int) -> Callable[[], int]:
    def answer() -> int:
        expected = 0
        while True:
            for _ in range(burst):
                sequence, producer = read(there.receive(_PATIENCE_S))
                if sequence == STOP_SEQUENCE:
                    return expected
                if sequence != expected:
                    raise WrongResultError(f"channel: message {expected} expected, {sequence} came")
                expected += 1
            back.send(message(producer, sequence))

    return answer
