"""Worker processes seen from the parent: start one, wait for its answer within a limit, name how it ended if it gave none."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from typing import IO

import msgspec

from tickbench.measure.job import WorkerAnswer, WorkerJob

STDERR_LINES = 40
_STDERR_BYTES = 16_384
_REAP_S = 5.0  # a killed process that does not go within this is stuck in the kernel: it is left behind

_live: set[int] = set()
_live_lock = threading.Lock()


def run_worker(job: WorkerJob, timeout_s: float) -> WorkerAnswer:
    """Run one job in a fresh process and return its answer; a crash or a time-out is an answer, too.

    The process leads a group of its own: the terminal's Ctrl-C does not reach it, and nothing that it started outlives it.
    """
    with tempfile.TemporaryFile() as stderr:
        process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-m", "tickbench.measure.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
        )
        with _live_lock:
            _live.add(process.pid)
        try:
            output, _ = process.communicate(msgspec.json.encode(job), timeout=timeout_s)
        except subprocess.TimeoutExpired:
            _kill(process.pid)
            return WorkerAnswer(failure="timed_out", detail=f"gave no answer within {timeout_s:g} s", stderr=tail(stderr))
        finally:
            _kill(process.pid)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_REAP_S)
            _close_pipes(process)
            with _live_lock:
                _live.discard(process.pid)
        return _understood(output, process.returncode, tail(stderr))


def kill_all() -> None:
    """End every worker that still runs (the run was interrupted)."""
    with _live_lock:
        for pid in _live:
            _kill(pid)


def _kill(group: int) -> None:
    """End a worker and what it started; its group may be gone already."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)


def _close_pipes(process: "subprocess.Popen[bytes]") -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


def _understood(output: bytes, status: int, stderr: str) -> WorkerAnswer:
    try:
        answer = msgspec.json.decode(output, type=WorkerAnswer)
    except msgspec.MsgspecError:
        return WorkerAnswer(failure="crashed", detail=ending(status), stderr=stderr)
    return msgspec.structs.replace(answer, stderr=stderr) if answer.failure else answer


def ending(status: int) -> str:
    """How a process ended, in words."""
    if status >= 0:
        return f"exited with status {status} without an answer"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    killer = " (out of memory? see dmesg)" if name == "SIGKILL" else ""
    return f"killed by {name}{killer}"


def tail(file: IO[bytes]) -> str:
    """The last lines of what a worker wrote to stderr, without faulthandler's list of every library that is loaded."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - _STDERR_BYTES))
    lines = file.read().decode("utf-8", errors="replace").splitlines()
    told = [line for line in lines if line.strip() and not line.startswith("Extension modules: ")]
    return "\n".join(told[-STDERR_LINES:])
