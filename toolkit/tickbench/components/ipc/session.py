"""A client in this process and a server in another, connected by a variant, each on a core of its own."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tickbench.components.component import Verification
from tickbench.components.ipc.contract import Endpoint, IpcConfig
from tickbench.components.shared import exchange
from tickbench.components.shared.messages import STOP_SEQUENCE
from tickbench.errors import NotMeasurableError, WrongResultError
from tickbench.kernels.clock import Clock
from tickbench.kernels.hdr import Histogram
from tickbench.registry import Variant

NS_PER_S = 1_000_000_000
_REAP_S = 5.0


class Session:
    """One client and its server, which answers each `burst` messages with one."""

    def __init__(self, variant: Variant, end: Endpoint, process: "subprocess.Popen[bytes] | None", burst: int) -> None:
        self.variant, self.end, self.process, self.burst = variant, end, process, burst
        self.report = np.zeros(exchange.REPORT_WORDS, dtype=np.int64)
        self.sent, self.wrong = 0, 0

    def request(self, clock: Clock, seconds: float, into: Histogram) -> int:
        """Rounds for some time, timed into a histogram; returns 0 or the negative answer that ended them."""
        code = exchange.request(
            *self.end.ends,
            self.burst,
            self.sent,
            clock.ticks(round(seconds * NS_PER_S)),
            clock.source,
            clock.ns_per_tick,
            into.address,
            into.index,
            self.report.ctypes.data,
        )
        self.sent = int(self.report[exchange.NEXT_SEQUENCE])
        self.wrong += int(self.report[exchange.WRONG])
        return int(code)

    def finish(self) -> Verification:
        """Tell the server to stop and compare what it saw with what was sent."""
        if self.process is None:
            return Verification(True, 0, "the null variant has no answer to check")
        claim, publish, _peek, _release, idle, there, _back, waiter, spin_looks = self.end.ends
        code = exchange.send(claim, publish, idle, there, 0, waiter, spin_looks, STOP_SEQUENCE)
        facts = _line(self.process) if code > 0 else {}
        if facts.get("code") != 0:
            return Verification(False, self.sent, f"the server ended with {facts or 'nothing'}: {self.end.explain(code)}")
        wrong, arrived = self.wrong + facts["wrong"], facts["next_sequence"]
        detail = f"{self.sent} messages sent, {arrived} arrived, {wrong} rounds or messages wrong"
        return Verification(wrong == 0 and arrived == self.sent, self.sent, detail)

    def check(self, code: int) -> None:
        """Raise WrongResultError for a negative answer."""
        if code < 0:
            raise WrongResultError(f"ipc/{self.variant.name}: {self.end.explain(code)}")


@contextmanager
def session(variant: Variant, burst: int, *, capacity: int = 64, start_index: int = 0) -> Iterator[Session]:
    """Connect; on the way out the server is ended, whatever happened, and the cores are given back."""
    allowed = os.sched_getaffinity(0)
    cores = sorted(allowed)
    end: Endpoint = variant.build(IpcConfig(capacity=capacity, start_index=start_index))
    process = None
    try:
        if not end.in_process:
            process = _start(variant, end, burst, capacity, cores[-1])
        os.sched_setaffinity(0, {cores[0]})
        yield Session(variant, end, process, burst)
    finally:
        os.sched_setaffinity(0, allowed)
        if process is not None:
            process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_REAP_S)
            assert process.stdout is not None
            process.stdout.close()
        end.close()


def _start(variant: Variant, end: Endpoint, burst: int, capacity: int, core: int) -> "subprocess.Popen[bytes]":
    built_in = ".reference_impls." in variant.build.__module__
    job = {
        "variant": variant.name,
        "impls": [] if built_in else [variant.source],
        "address": end.address,
        "capacity": capacity,
        "burst": burst,
        "core": core,
        "parent_pid": os.getpid(),
    }
    command = [sys.executable, "-m", "tickbench.components.ipc.server", json.dumps(job)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, pass_fds=end.handed_over)
    try:
        end.meet() if end.handed_over else None
        _line(process)
        end.meet() if not end.handed_over else None
    except BaseException:
        process.kill()
        raise
    return process


def _line(process: "subprocess.Popen[bytes]") -> dict[str, Any]:
    """The next line of the server."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise NotMeasurableError(f"ipc: the server process ended with status {process.wait(_REAP_S)} (its words are on stderr)")
    facts: dict[str, Any] = json.loads(line)
    return facts
