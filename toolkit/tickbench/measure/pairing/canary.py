"""A side that is the same on both sides: three small loops whose ratio is 1, unless the measurement itself is at fault.

`python -m tickbench.measure.pairing.canary KIND`: `compute` (arithmetic in the interpreter), `memory` (copies 4 MiB, more
than the second-level cache holds), `allocation` (small objects made and dropped). It speaks the pair protocol with nothing
but the standard library, so a canary pair costs a fifth of a second.
"""

import gc
import sys
import time
from collections.abc import Callable

from tickbench.measure.pairing import protocol

KINDS = ("compute", "memory", "allocation")
_COPIED_BYTES = 4 << 20


def _compute(rounds: int) -> int:
    state = 1
    for _ in range(100 * rounds):
        state = (state * 25_214_903_917 + 11) & 0xFFFF_FFFF_FFFF
    return state


def _make_memory() -> Callable[[int], object]:
    source, target = bytearray(_COPIED_BYTES), bytearray(_COPIED_BYTES)

    def copy(rounds: int) -> None:
        for _ in range(rounds):
            target[:] = source

    return copy


def _allocation(rounds: int) -> None:
    for _ in range(rounds):
        [(number, str(number)) for number in range(100)]


def main() -> None:
    """Serve one canary."""
    kind = sys.argv[1]
    runs: dict[str, Callable[[int], object]] = {"compute": _compute, "memory": _make_memory(), "allocation": _allocation}
    run = runs[kind]
    gc.disable()
    for line in sys.stdin:
        words = line.split()
        if words[0] == "turn":
            run(int(words[2]))
            start_ns = time.perf_counter_ns()
            run(int(words[1]))
            answer = f"{protocol.TOOK} {time.perf_counter_ns() - start_ns}"
        else:
            answer = {
                "hello": protocol.HELLO,
                "check": f"{protocol.DIGEST} {kind}",
                "open": f"{protocol.READY} 1",
                "histograms": f"{protocol.HISTOGRAMS} {protocol.NO_HISTOGRAM}",
                "close": protocol.CLOSED,
            }.get(words[0], f"{protocol.FAILED} unknown line")
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
