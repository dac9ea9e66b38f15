"""What the workloads share: timing a driver, comparing what it left, counting bytes."""

from collections.abc import Callable, Sequence
from typing import Any

from tickbench.components.codec.contract import NativeCodec, PythonCodec
from tickbench.components.component import Job, Result, Verification
from tickbench.components.shared.timing import batch_result, time_loop

Checked = Verification
NOTHING_TO_CHECK = Verification(True, 0, "the null variant has no answer to check")


def python_side(codec: NativeCodec | PythonCodec) -> PythonCodec:
    """The codec as Python calls it."""
    return codec.python if isinstance(codec, NativeCodec) else codec


def count_bytes(frames: Sequence[bytes]) -> float:
    """Mean length in bytes."""
    return sum(map(len, frames)) / len(frames)


def answers_equal(what: str, found: Sequence[Any], expected: Sequence[Any]) -> Verification:
    """Compare one by one; the first that differs is told."""
    if len(found) != len(expected):
        return Verification(False, 0, f"{len(found)} {what}s were left, {len(expected)} expected")
    for number, (seen, wanted) in enumerate(zip(found, expected, strict=True)):
        if seen != wanted:
            return Verification(False, number, f"{what} {number}: expected {wanted!r}, found {seen!r}")
    return Verification(True, len(found), f"{len(found)} {what}s are right")


def timed(
    job: Job,
    run: Callable[[int], Any],
    messages: int,
    a_pass: int | None,
    check: Callable[[], Verification],
    bytes_per_message: float,
) -> Result:
    """Time `run(passes)`, a loop over `messages` messages, and check what it left.

    `a_pass` is what the operations of one pass of a compiled driver return together, so that one that refuses shows; None
    for a Python loop.
    """
    batches = time_loop(job, run, messages)
    verification = NOTHING_TO_CHECK
    if not job.variant.null:
        verification = check()
        if a_pass is not None and verification.passed and (returned := run(1)) != a_pass:
            verification = Verification(False, messages, f"{messages} calls returned {returned} together, expected {a_pass}")
    return batch_result(batches, verification, bytes_per_message=bytes_per_message)
