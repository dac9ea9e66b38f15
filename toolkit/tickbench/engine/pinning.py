"""The core of an engine or of the exchange."""

import os

from tickbench.errors import UsageError


def pin(cpu: int | None) -> None:
    """Keep the calling thread on a core, None on any; raises UsageError with the allowed ones where it can't be had."""
    if cpu is None:
        return
    try:
        os.sched_setaffinity(0, {cpu})
    except (OSError, ValueError) as error:
        allowed = ", ".join(map(str, sorted(os.sched_getaffinity(0))))
        raise UsageError(f"cpu {cpu} cannot be had ({error}); allowed are {allowed}") from error
