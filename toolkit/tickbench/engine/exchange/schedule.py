"""When which symbol sends its next frame: a plan made before the start and never changed. And the faults asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tickbench.engine.exchange.tape import DIFF, Tape
from tickbench.errors import UsageError
from tickbench.measure.load_plan import Burst, Constant, Load, Poisson, Recorded, make_plan

_NS_PER_S = 1_000_000_000
_FORMS = "recorded, scaled:FACTOR, constant:HZ, poisson:HZ or burst:HZ,EVENTS,BURST_HZ"
_NUMBER = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?(?:[eE][0-9])?\Z")
MOST_FRAMES = 200_000_000  # 2.6 GB of plan
FAULTS = ("gap", "duplicate", "reorder")


def parse_times(text: str) -> Load:
    """The load that a text names; UsageError with the forms for any other."""
    kind, _, rest = text.partition(":")
    parts = rest.split(",") if rest else []
    numbers = [float(part) for part in parts if _NUMBER.match(part)]
    wanted = {"recorded": 0, "scaled": 1, "constant": 1, "poisson": 1, "burst": 3}.get(kind)
    if wanted != len(parts) or len(numbers) != len(parts) or not all(number > 0 for number in numbers):
        raise UsageError(f"times {text!r}: one of {_FORMS} is expected, numbers above 0")
    if kind == "burst":
        return Burst(numbers[0], max(1, int(numbers[1])), numbers[2])
    if kind in ("recorded", "scaled"):
        return Recorded(numbers[0] if numbers else 1.0)
    return Constant(numbers[0]) if kind == "constant" else Poisson(numbers[0])


@dataclass(frozen=True)
class Schedule:
    """Entry k: at `due_ns[k]` after the start, symbol `symbols[k]` sends its next frame."""

    due_ns: NDArray[np.int64]
    symbols: NDArray[np.int16]


def make_schedule(load: Load, tapes: list[Tape], starts: list[int], seconds: float | None, seed: int) -> Schedule:
    """The plan for one symbol a tape, each beginning at its place in `starts`; without `seconds`, until each was played once.

    Recorded times are those of each symbol's own frames; a rate is that of all symbols together, who take turns.
    """
    if isinstance(load, Recorded):
        return _recorded(load, tapes, starts, seconds)
    rate_hz = load.rate_hz if isinstance(load, Constant | Poisson | Burst) else 0.0
    # half a frame more, as the number of frames is rounded down
    once_s = (sum(len(tape.frames) - 1 for tape in tapes) + 0.5) / rate_hz
    wanted_s = once_s if seconds is None else seconds
    if rate_hz * wanted_s > MOST_FRAMES:
        raise UsageError(f"{rate_hz * wanted_s:.0f} frames are asked for, at most {MOST_FRAMES} can be planned; shorten it")
    due_ns = make_plan(load, wanted_s, seed)
    assert due_ns is not None
    return Schedule(due_ns, np.resize(np.arange(len(tapes), dtype=np.int16), len(due_ns)))


def _recorded(load: Recorded, tapes: list[Tape], starts: list[int], seconds: float | None) -> Schedule:
    parts = []
    for tape, start in zip(tapes, starts, strict=True):
        times = np.maximum.accumulate(np.array([frame.receive_ns for frame in tape.frames], dtype=np.int64))
        lap_ns = int(times[-1] - times[0]) + max(1, int(times[-1] - times[0]) // len(times))
        limit_s = lap_ns * 2 / _NS_PER_S if seconds is None else seconds
        laps = 2 + int(limit_s * load.speed * _NS_PER_S // lap_ns)
        if laps * len(times) > MOST_FRAMES:
            raise UsageError(f"{laps * len(times)} frames are asked for, at most {MOST_FRAMES} can be planned; shorten it")
        whole = np.concatenate([times + lap * lap_ns for lap in range(laps)])[start:]
        plan = make_plan(load, limit_s, 0, whole if seconds is not None else whole[: max(1, len(times) - 1)])
        assert plan is not None
        parts.append(plan)
    due_ns = np.concatenate(parts)
    symbols = np.repeat(np.arange(len(tapes), dtype=np.int16), [len(part) for part in parts])
    order = np.argsort(due_ns, kind="stable")
    return Schedule(due_ns[order], symbols[order])


# -- faults


def parse_faults(text: str) -> dict[str, int]:
    """ "gap:50,duplicate:70" as a table; UsageError for anything else."""
    faults = {}
    for part in filter(None, text.split(",")):
        name, _, number = part.partition(":")
        if name not in FAULTS or not number.isdecimal() or not 2 <= int(number) < 10**9:
            raise UsageError(f"fault {part!r}: one of {', '.join(f'{known}:N' for known in FAULTS)} is expected, N at least 2")
        faults[name] = int(number)
    return faults


class FaultySender:
    """Which frames go out when a symbol's next one is due: that one, none, that one twice, or the one before after it.

    Every N-th diff of a symbol is left out (gap), sent twice (duplicate) or sent after the frame that follows it (reorder).
    """

    def __init__(self, faults: dict[str, int]) -> None:
        self._faults = faults
        self._diffs = 0
        self._held: int | None = None
        self.is_clean = not faults
        self.injected = dict.fromkeys(faults, 0)

    def held(self) -> tuple[int, ...]:
        """What is still held back when the plan is over."""
        held, self._held = self._held, None
        return () if held is None else (held,)

    def outgoing(self, number: int, kind: int) -> tuple[int, ...]:
        """The numbers of the frames to send now."""
        held, self._held = self._held, None
        after = () if held is None else (held,)
        if kind != DIFF:
            return (number, *after)
        self._diffs += 1
        for name, every in self._faults.items():
            if self._diffs % every == 0:
                self.injected[name] += 1
                if name == "gap":
                    return after
                if name == "duplicate":
                    return (number, number, *after)
                self._held = number
                return after
        return (number, *after)
