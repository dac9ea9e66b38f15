"""A side that is the same on both sides: three small loops whose ratio is 1, unless the measurement itself is at fault.

`python -m tickbench.measure.pairing.canary KIND [SLOWDOWN]`: `compute` (SHA-256 of a block that stays in the first-level
cache), `memory` (copies 4 MiB, more than a core's own caches hold), `allocation` (small objects made and dropped).
It needs nothing but the standard library, so a canary pair costs a third of a second. The loops spend their time in C:
a loop of the interpreter's own differs by 3 % from process to process, by where its objects come to lie.

SLOWDOWN multiplies the rounds of each turn and is not told to the harness: that is how `selftest` injects a known change.
"""

import gc
import hashlib
import sys
import time
from collections.abc import Callable

from tickbench.measure.pairing import protocol

KINDS = ("compute", "memory", "allocation")
_HASHED_BYTES = 1 << 10
_COPIED_BYTES = 4 << 20


def _make_compute() -> Callable[[int], object]:
    block = bytes(_HASHED_BYTES)

    def digest(rounds: int) -> None:
        for _ in range(rounds):
            hashlib.sha256(block)

    return digest


def _make_memory() -> Callable[[int], object]:
    source, target = bytearray(_COPIED_BYTES), bytearray(_COPIED_BYTES)

    def copy(rounds: int) -> None:
        for _ in range(rounds):
            target[:] = source

    return copy


def _allocation(rounds: int) -> None:
    for _ in range(rounds):
        bytearray(256), bytearray(4096), bytearray(64)


def loop(kind: str) -> Callable[[int], object]:
    """The loop of this kind: call it with the rounds to make."""
    makers: dict[str, Callable[[], Callable[[int], object]]]
    makers = {"compute": _make_compute, "memory": _make_memory, "allocation": lambda: _allocation}
    return makers[kind]()


def main() -> None:
    """Serve one canary."""
    kind, slowdown = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 1.0
    run = loop(kind)
    gc.disable()
    for line in sys.stdin:
        words = line.split()
        if words[0] == "turn":
            run(int(words[2]))
            start_ns = time.perf_counter_ns()
            run(round(int(words[1]) * slowdown))
            answer = f"{protocol.TOOK} {time.perf_counter_ns() - start_ns}"
        else:
            answer = {
                "hello": protocol.HELLO,
                "check": f"{protocol.DIGEST} {kind}",
                "open": f"{protocol.READY} 1",
                "histograms": f"{protocol.HISTOGRAMS} {protocol.NOTHING}",
                "close": protocol.CLOSED,
            }.get(words[0], f"{protocol.FAILED} unknown line")
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
