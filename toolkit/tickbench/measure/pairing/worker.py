"""tickbench's own side of the pair protocol: `python -m tickbench.measure.pairing.worker JOB`, JOB being JSON.

A paced workload hands its loop over to `LinePace`, which answers turns until `close`; any other workload is run whole, for a
short time, once a turn.
"""

import gc
import os
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import IO, TYPE_CHECKING

import msgspec

from tickbench.errors import NotMeasurableError, WrongResultError
from tickbench.measure.job import WorkerJob
from tickbench.measure.pairing import protocol

if TYPE_CHECKING:
    from tickbench.components.component import Job, Workload
    from tickbench.components.shared.pace import Batches
    from tickbench.kernels.hdr import Histogram


class PairJob(msgspec.Struct, frozen=True, kw_only=True):
    """What a side runs. `slowdown` multiplies the work of each turn and is not told to the harness: for `selftest`."""

    job: WorkerJob
    slowdown: float = 1.0


class Lines:
    """Lines from the harness, and answers to it."""

    def __init__(self, source: IO[bytes], sink: IO[bytes]) -> None:
        self._source, self._sink = source, sink

    def next(self) -> list[str]:
        """The words of the next line; none at the end of the file."""
        return self._source.readline().decode().split()

    def answer(self, word: str, text: str = "") -> None:
        """One line."""
        self._sink.write(f"{word} {protocol.one_line(text)}".strip().encode() + b"\n")
        self._sink.flush()


class LinePace:
    """A `Pace` that is driven through lines."""

    def __init__(self, lines: Lines, slowdown: float) -> None:
        self._lines, self._slowdown = lines, slowdown

    def serve(self, run: Callable[[int], object], operations_each: float) -> "Batches":
        """Answer turns until `close`."""
        from tickbench.components.shared.pace import Batches

        batches = Batches(max(1, round(operations_each)))

        def timed(rounds: int) -> int:
            start_ns = time.perf_counter_ns()
            run(rounds)
            return time.perf_counter_ns() - start_ns

        last, counted, elapsed_ns = self._turns(run, timed, operations_each, None)
        batches.count, batches.elapsed_ns, batches.last_rounds = counted, elapsed_ns, last
        return batches

    def serve_timed(self, run: "Callable[[int, Histogram], object]", operations_each: float) -> "Histogram":
        """Answer turns until `close`; the histogram leaves priming out."""
        from tickbench.kernels.hdr import Histogram

        kept, primed = Histogram(), Histogram()

        def timed(rounds: int) -> int:
            start_ns = time.perf_counter_ns()
            run(rounds, kept)
            return time.perf_counter_ns() - start_ns

        self._turns(lambda rounds: run(rounds, primed), timed, operations_each, kept)
        return kept

    def _turns(
        self,
        prime: Callable[[int], object],
        timed: Callable[[int], int],
        operations_each: float,
        histogram: "Histogram | None",
    ) -> tuple[int, int, int]:
        """Serve until `close`; the rounds of the last call, all timed rounds, and the ns of the latter."""
        lines, last, counted, elapsed_ns = self._lines, 0, 0, 0
        gc.collect()
        gc.freeze()
        gc.disable()  # a collection in one block of many would be the luck of that side
        lines.answer(protocol.READY, str(operations_each))
        while words := lines.next():
            if words[0] == "close":
                break
            if words[0] == "histograms":
                lines.answer(protocol.HISTOGRAMS, histogram.encode() if histogram is not None else protocol.NOTHING)
                continue
            rounds, priming = round(int(words[1]) * self._slowdown), int(words[2])
            if priming:
                prime(priming)
            took_ns = timed(rounds)
            lines.answer(protocol.TOOK, str(took_ns))
            last, counted, elapsed_ns = rounds, counted + rounds, elapsed_ns + took_ns
        gc.enable()
        return last, counted, elapsed_ns


def main() -> None:
    """Serve one side."""
    from tickbench.measure.worker import die_with_parent, import_numba_alone

    lines = Lines(sys.stdin.buffer, os.fdopen(os.dup(1), "wb"))
    os.dup2(2, 1)  # what a variant prints must not get between the lines
    pair_job = msgspec.json.decode(sys.argv[1], type=PairJob)
    die_with_parent(pair_job.job.parent_pid)
    import_numba_alone()
    try:
        while words := lines.next():
            _serve(words, pair_job, lines)
    except WrongResultError as error:
        lines.answer(protocol.WRONG, str(error))
    except Exception as error:
        if not isinstance(error, NotMeasurableError):
            traceback.print_exc()
        lines.answer(protocol.FAILED, str(error) or type(error).__name__)
    sys.stderr.flush()
    os._exit(0)  # what a variant left running must not hold up the other side


def _serve(words: list[str], pair_job: PairJob, lines: Lines) -> None:
    from tickbench.measure.worker import verify_job

    if words[0] == "hello":
        lines.answer("hello", str(protocol.VERSION))
    elif words[0] == "check":
        found = verify_job(pair_job.job)
        if not found.passed:
            raise WrongResultError(found.detail)
        lines.answer(protocol.DIGEST, found.digest or protocol.NOTHING)
    elif words[0] == "open":
        _open(int(words[1]), pair_job, lines)
    else:
        raise NotMeasurableError(f"there is no line {words[0]!r} in version {protocol.VERSION} of the pair protocol")


def _open(seed: int, pair_job: PairJob, lines: Lines) -> None:
    from tickbench.measure.worker import make_work

    workload, work = make_work(msgspec.structs.replace(pair_job.job, seed=seed))
    if not (workload.paced and work.writers + work.readers == 1):
        _serve_whole_runs(workload, work, pair_job.slowdown, lines)
        return
    result = workload.run(replace(work, pace=LinePace(lines, pair_job.slowdown)))
    if not result.verification.passed:
        raise WrongResultError(f"after the timed turns: {result.verification.detail}")
    lines.answer(protocol.CLOSED)


def _serve_whole_runs(workload: "Workload", work: "Job", slowdown: float, lines: Lines) -> None:
    """One whole run a turn; a workload that is not paced cannot be given more work, so a slowdown is added to its time."""
    lines.answer(protocol.RUNS)
    histogram: Histogram | None = None
    while words := lines.next():
        if words[0] == "close":
            lines.answer(protocol.CLOSED)
            return
        if words[0] == "histograms":
            lines.answer(protocol.HISTOGRAMS, histogram.encode() if histogram is not None else protocol.NOTHING)
            continue
        result = workload.run(work)
        if not result.verification.passed:
            raise WrongResultError(f"after a timed run: {result.verification.detail}")
        if not result.operations:
            raise NotMeasurableError(f"no operation was finished in {work.seconds} s: set seconds higher")
        if result.timing == "operation":
            primary = result.histograms.get("response") or result.histograms["service"]
            if histogram is not None:
                primary.merge(histogram)
            histogram = primary
        took_ns = slowdown * result.elapsed_ns * protocol.OPERATIONS_OF_A_RUN / result.operations
        lines.answer(protocol.TOOK, f"{took_ns:.3f}")


if __name__ == "__main__":
    main()
