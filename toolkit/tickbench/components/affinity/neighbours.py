"""Noisy neighbours: processes that burn a core each until they are stopped, and never outlive the process that made them."""

import os
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from selectors import EVENT_READ, DefaultSelector

from tickbench.errors import NotMeasurableError

START_LIMIT_S = 20.0  # an interpreter starts in 20 ms; on a machine full of others it took 1 s

# PR_SET_PDEATHSIG (1 in linux/prctl.h) with SIGKILL (9): the kernel ends the burner when the thread that started it ends. The
# parent may have ended before that call, so it is looked at afterwards.
_BURN = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)
if os.getppid() != int(sys.argv[1]):
    sys.exit()
os.sched_setaffinity(0, {int(core) for core in sys.argv[2].split(",")})
os.write(1, b"r")
while True:
    pass
"""


@dataclass
class Neighbours:
    """Burners that run; after the context has ended, what they had of the cores."""

    processes: list[subprocess.Popen[bytes]]
    cpu_ns: list[int] = field(default_factory=list)

    @property
    def pids(self) -> list[int]:
        """Process ids, also of those that have been stopped."""
        return [one.pid for one in self.processes]

    def alive(self) -> int:
        """How many run now."""
        return sum(_runs(one.pid) for one in self.processes)


def _runs(pid: int) -> bool:
    try:
        ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # reaped
        return False
    return ended is None


@contextmanager
def noisy_neighbours(count: int, cores: Collection[int]) -> Iterator[Neighbours]:
    """Run `count` burners on these cores; all are burning when the body starts and gone when it has ended."""
    command = [sys.executable, "-I", "-S", "-c", _BURN, str(os.getpid()), ",".join(map(str, sorted(cores)))]
    started = Neighbours([])
    try:
        for _ in range(count):
            started.processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE))
        for process in started.processes:
            _wait_until_burning(process)
        yield started
    finally:
        for process in started.processes:
            started.cpu_ns.append(_end(process))


def _wait_until_burning(process: subprocess.Popen[bytes]) -> None:
    assert process.stdout is not None
    with DefaultSelector() as selector:
        selector.register(process.stdout, EVENT_READ)
        if not selector.select(START_LIMIT_S) or not os.read(process.stdout.fileno(), 1):
            raise NotMeasurableError(f"affinity: a noisy neighbour did not start within {START_LIMIT_S:g} s")


def _end(process: subprocess.Popen[bytes]) -> int:
    """Kill a burner and wait until it is gone; the ns of CPU time that it had."""
    # Not through Popen: it would reap one that has ended already, and its times with it.
    os.kill(process.pid, signal.SIGKILL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.stdout is not None:
        process.stdout.close()
    return round((usage.ru_utime + usage.ru_stime) * 1e9)
