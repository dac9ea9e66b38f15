"""The open loop: operations start at the times of a plan made before the run, whatever happened to those before.

A driver calls `wait_for_turn`, does its operation, reads the clock and calls `finish`; `run_open_loop` is that driver for an
operation behind a function pointer. The plan is only read. An operation that is late starts at once, and its response time
counts from when it was meant to start, so a stall shows in every operation that it delayed (no coordinated omission; Tene,
"How NOT to Measure Latency"). Four histograms, in ns:

    response        done - intended      what a caller who keeps to the plan sees
    service         done - started       what a closed loop would call the latency
    lag             started - intended   waiting: for earlier operations, or because the generator was late
    generator_lag   the part of the lag that is the generator's own: started - the start that a perfect generator
                    would have reached with the same service times, max(intended, its previous operation done)

A slow component makes lag and no generator_lag; a generator that oversleeps makes both, also for the operations queued
behind the one it started late. One thread runs a loop and owns its state:

    words 0..6    start | give up | entries due | backlog | largest backlog | perfect generator's last done | last done
    words 8..15   the four histograms, two words each: address, index
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tickbench.kernels.clock import ticks_to_ns
from tickbench.kernels.hdr import Histogram
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import LINE_WORDS
from tickbench.kernels.recorder import record
from tickbench.kernels.waiting import NOW, WAIT_UNTIL

OPERATION = "int64(int64, int64)"  # (context, number of the plan entry) -> anything

START_TICKS, GIVE_UP_TICKS, DUE, BACKLOG, LARGEST_BACKLOG, PERFECT_DONE_TICKS, DONE_TICKS = range(7)
_RESPONSE, _SERVICE, _LAG, _GENERATOR_LAG = range(LINE_WORDS, 2 * LINE_WORDS, 2)
_STATE_WORDS = 2 * LINE_WORDS
NEVER_TICKS = (1 << 63) - 1


@dataclass(frozen=True)
class OpenLoop:
    """The state of one loop and its histograms, which several runs may share."""

    ns_per_tick: float
    response: Histogram = field(default_factory=Histogram)
    service: Histogram = field(default_factory=Histogram)
    lag: Histogram = field(default_factory=Histogram)
    generator_lag: Histogram = field(default_factory=Histogram)
    state: NDArray[np.int64] = field(default_factory=lambda: np.zeros(_STATE_WORDS, dtype=np.int64))

    def __post_init__(self) -> None:
        pairs = [(one.address, one.index) for one in self.histograms.values()]
        self.state[_RESPONSE:] = np.ravel(pairs)

    @property
    def histograms(self) -> dict[str, Histogram]:
        """The four histograms by name."""
        return {name: getattr(self, name) for name in ("response", "service", "lag", "generator_lag")}

    @property
    def elapsed_ns(self) -> int:
        """From the start of the last run's plan to the end of its last operation."""
        return round(float(self.state[DONE_TICKS] - self.state[START_TICKS]) * self.ns_per_tick)

    @property
    def largest_backlog(self) -> int:
        """Most operations that were due and not started while another one ran, over all runs."""
        return int(self.state[LARGEST_BACKLOG])

    @property
    def final_backlog(self) -> int:
        """Operations that were due when the last one of the last run was done, and not started."""
        return int(self.state[BACKLOG])

    def begin(self, start_ticks: int, give_up_ticks: int = NEVER_TICKS) -> None:
        """Prepare a run: plan entry 0 is due at `start_ticks`; the first operation done after `give_up_ticks` is the last."""
        self.state[START_TICKS], self.state[GIVE_UP_TICKS] = start_ticks, give_up_ticks
        self.state[DUE], self.state[PERFECT_DONE_TICKS], self.state[DONE_TICKS] = 0, start_ticks, start_ticks


@kernel(f"int64(pointer[{WAIT_UNTIL}], int64, int64[::1], int64[::1], int64)")
def wait_for_turn(wait_until, clock, state, plan_ticks, i):
    """Wait until plan entry `i` is due; returns the time, in ticks."""
    return wait_until(clock, state[START_TICKS] + plan_ticks[i])


@kernel("boolean(int64[::1], int64[::1], float64, int64, int64, int64)")
def finish(state, plan_ticks, ns_per_tick, i, started, done):
    """Record operation `i`, which ran from `started` to `done`; False if it is time to give up."""
    start = state[START_TICKS]
    intended = start + plan_ticks[i]
    perfect = max(intended, state[PERFECT_DONE_TICKS])
    state[PERFECT_DONE_TICKS] = perfect + done - started
    record(state[_RESPONSE], state[_RESPONSE + 1], ticks_to_ns(done - intended, ns_per_tick))
    record(state[_SERVICE], state[_SERVICE + 1], ticks_to_ns(done - started, ns_per_tick))
    record(state[_LAG], state[_LAG + 1], ticks_to_ns(started - intended, ns_per_tick))
    record(state[_GENERATOR_LAG], state[_GENERATOR_LAG + 1], ticks_to_ns(started - perfect, ns_per_tick))
    state[DONE_TICKS] = done
    due = max(state[DUE], i + 1)
    while due < len(plan_ticks) and start + plan_ticks[due] <= done:
        due += 1
    state[DUE] = due
    state[BACKLOG] = due - i - 1
    state[LARGEST_BACKLOG] = max(state[LARGEST_BACKLOG], due - i - 1)
    return done <= state[GIVE_UP_TICKS]


@kernel("int64(int64[::1], int64[::1], float64, int64[::1], int64[::1], int64)")
def finish_many(state, plan_ticks, ns_per_tick, started, done, n):
    """Record the first `n` operations of a run whose driver kept its stamps; for drivers that are not compiled."""
    for i in range(n):
        finish(state, plan_ticks, ns_per_tick, i, started[i], done[i])
    return n


@kernel(f"int64(pointer[{NOW}], pointer[{WAIT_UNTIL}], pointer[{OPERATION}], int64, int64, int64[::1], int64[::1], float64)")
def run_open_loop(now, wait_until, operation, clock, context, state, plan_ticks, ns_per_tick):
    """Run `operation(context, i)` for each entry of the plan; returns how many were started."""
    for i in range(len(plan_ticks)):
        started = wait_for_turn(wait_until, clock, state, plan_ticks, i)
        operation(context, i)
        if not finish(state, plan_ticks, ns_per_tick, i, started, now(clock)):
            return i + 1
    return len(plan_ticks)
