"""One side of a pair: how its process is started, and talking to it line by line within time limits."""

import contextlib
import os
import select
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tickbench.errors import InputError, InvalidMeasurementError, NotMeasurableError, TickbenchError, WrongResultError
from tickbench.measure.pairing import protocol
from tickbench.measure.spawn import ending, tail

START_TIMEOUT_S = 300.0  # until `ready` or a digest: the first process may compile
TURN_TIMEOUT_S = 60.0
_LONGEST_LINE = 1 << 24  # a histogram has some 100 KB
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Side:
    """A command that speaks the pair protocol, with what its environment has beyond the harness's own."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None


class SideProcess:
    """A running side. Raises WrongResultError, NotMeasurableError or InvalidMeasurementError naming the side."""

    def __init__(self, side: Side, hash_seed: int) -> None:
        self.side = side
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  closed with the process
        environment = {**os.environ, **_ONE_THREAD, "PYTHONHASHSEED": str(hash_seed % (1 << 32)), **side.environment}
        try:
            self._process = subprocess.Popen(
                list(side.command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                env=environment,
                cwd=side.folder,
                bufsize=0,
                start_new_session=True,
            )
        except OSError as error:
            self._stderr.close()
            raise InputError(f"{side.name}: cannot start {side.command[0]!r}: {error.strerror or error}") from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to, self._from = self._process.stdin.fileno(), self._process.stdout.fileno()
        self._poll = select.poll()
        self._poll.register(self._from, select.POLLIN | select.POLLHUP)
        self._held = b""

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def pin(self, cpus: Sequence[int]) -> None:
        """Move the process, with the threads it has, to these cores."""
        for thread in Path(f"/proc/{self.pid}/task").iterdir() if Path("/proc/self/task").is_dir() else ():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(thread.name), cpus)

    def tell(self, line: str) -> None:
        """Send one line."""
        try:
            os.write(self._to, line.encode() + b"\n")
        except BrokenPipeError:
            raise self._gone() from None

    def hear(self, expected: str, timeout_s: float = TURN_TIMEOUT_S) -> str:
        """The rest of the next line, which must begin with the word `expected`."""
        return self.hear_any((expected,), timeout_s)[1]

    def hear_any(self, expected: Sequence[str], timeout_s: float) -> tuple[str, str]:
        """The next line, which must begin with one of these words, as word and rest."""
        word, _, rest = self._line(timeout_s).partition(" ")
        if word in expected:
            return word, rest
        if word == protocol.WRONG:
            raise WrongResultError(f"{self.side.name}: {rest}")
        if word == protocol.FAILED:
            raise NotMeasurableError(f"{self.side.name}: {rest}")
        raise InputError(
            f"{self.side.name}: answered {f'{word} {rest}'[:80]!r} where the pair protocol expects {' or '.join(expected)!r} "
            "(only protocol lines may go to stdout; see METHODOLOGY)"
        )

    def ask(self, line: str, expected: str, timeout_s: float = TURN_TIMEOUT_S) -> str:
        """Send one line and return the rest of the answer."""
        self.tell(line)
        return self.hear(expected, timeout_s)

    def turn(self, rounds: int, priming: int) -> float:
        """One block; its duration in ns."""
        return self._duration(self.ask(f"turn {rounds} {priming}", protocol.TOOK))

    def whole_run(self, timeout_s: float) -> float:
        """One short run; ns of a million operations."""
        return self._duration(self.ask("turn", protocol.TOOK, timeout_s))

    def _duration(self, answer: str) -> float:
        try:
            took_ns = float(answer)
        except ValueError:
            took_ns = -1.0
        if not 0 < took_ns < 1e18:
            raise InputError(f"{self.side.name}: answered 'took {answer[:40]}': a positive number of ns is expected")
        return took_ns

    def _line(self, timeout_s: float) -> str:
        end_s = time.monotonic() + timeout_s
        while b"\n" not in self._held:
            if not self._poll.poll(max(0.0, end_s - time.monotonic()) * 1000):
                raise InvalidMeasurementError(f"{self.side.name}: gave no answer within {timeout_s:g} s")
            part = os.read(self._from, 65_536)
            if not part:
                raise self._gone()
            self._held += part
            if len(self._held) > _LONGEST_LINE:
                raise InputError(f"{self.side.name}: sent a line of more than {_LONGEST_LINE >> 20} MiB")
        line, _, self._held = self._held.partition(b"\n")
        return line.decode("utf-8", errors="replace").strip()

    def _gone(self) -> TickbenchError:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        status = self._process.returncode
        how = "closed its output" if status is None else ending(status)
        return InvalidMeasurementError(f"{self.side.name}: {how}\n{tail(self._stderr)}".rstrip())

    def end(self) -> None:
        """Kill the process and what it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(5.0)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        self._stderr.close()


@contextmanager
def started(side: Side, hash_seed: int) -> Iterator[SideProcess]:
    """A side's process, greeted, ended afterwards whatever happens."""
    process = SideProcess(side, hash_seed)
    try:
        process.tell(protocol.HELLO)
        yield process
    finally:
        process.end()


def greet(process: SideProcess) -> None:
    """Wait for the answer to the greeting; raises InputError for another version."""
    version = process.hear("hello", START_TIMEOUT_S)
    if version != str(protocol.VERSION):
        raise InputError(f"{process.side.name}: speaks version {version!r} of the pair protocol, not {protocol.VERSION}")


def digest_of_side(side: Side, seed: int) -> str:
    """What the side's answers to the input of a seed hash to; raises WrongResultError where they are wrong."""
    with started(side, seed) as process:
        greet(process)
        return process.ask(f"check {seed}", protocol.DIGEST, START_TIMEOUT_S)
