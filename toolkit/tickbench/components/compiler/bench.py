"""Memory for the operations of one loop, and the kernels that call it through a pointer.

To call a driver from Python costs some µs, as much as a batch. So a measurement is one call of the driver, and its batches are
timed in the kernel: one batch is one call of the loop. At a harness's pace it is one call a turn.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tickbench.components.compiler import contract
from tickbench.kernels.atomics import store_plain
from tickbench.kernels.clock import Clock, now_ticks, ticks_to_ns
from tickbench.kernels.hdr import Histogram
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import Block
from tickbench.kernels.recorder import record

_UNWRITTEN = -2  # no loop writes it as an answer


@kernel(f"int64(pointer[{contract.LOOP}], int64, int64, int64, int64, int64)")
def _call(loop, state, inputs, outputs, n, times):
    total = 0
    for _ in range(times):
        total += loop(state, inputs, outputs, n)
    return total


@kernel(f"int64(pointer[{contract.LOOP}], int64, int64, int64, int64, int64, float64, int64, int64, int64, int64)")
def _call_until(loop, state, inputs, outputs, n, source, ns_per_tick, limit_ticks, words, index, returned):
    """Call the loop until the time is up; ns of each call go into the histogram, the sum of what they returned to `returned`.

    One reading of the clock ends a call and starts the next. Returns the number of calls.
    """
    first = start = now_ticks(source)
    calls = total = 0
    while start - first < limit_ticks:
        total += loop(state, inputs, outputs, n)
        end = now_ticks(source)
        record(words, index, ticks_to_ns(end - start, ns_per_tick))
        start = end
        calls += 1
    store_plain(returned, 0, total)
    return calls


@dataclass(frozen=True)
class Timed:
    """What was timed: how many calls took how long together, and a histogram of ns a call."""

    calls: int
    elapsed_ns: int
    histogram: Histogram


class Bench:
    """State, inputs and outputs of n operations of one loop; `returned` is the sum of what the last `calls` calls returned."""

    def __init__(self, loop: str, function: Any, inputs: NDArray[Any]) -> None:
        state_words, _, output_words = contract.WORDS[loop]
        self.loop, self.inputs = loop, np.ascontiguousarray(inputs)
        self.state, self._outputs = Block(state_words), Block(max(1, output_words * len(inputs)))
        self._outputs.array[:] = _UNWRITTEN
        self._output_words, self._function = output_words, function
        self.calls = self.returned = 0
        if loop == "rsi":
            self.state.array[0] = contract.PERIOD

    @property
    def outputs(self) -> NDArray[np.int64]:
        """What the last call wrote, int64 [n, words of one output]."""
        n = len(self.inputs)
        return self._outputs.array[: n * self._output_words].reshape(n, self._output_words)

    def call(self, times: int = 1) -> None:
        """Run the loop over all inputs, once or several times."""
        self.calls, self.returned = times, int(_call(self._function, *self._arguments(), times))

    def time(self, clock: Clock, seconds: float) -> Timed:
        """Run the loop over all inputs until `seconds` have gone by; each call is one value of the histogram."""
        service, returned = Histogram(), np.zeros(1, dtype=np.int64)
        facts = clock.source, clock.ns_per_tick, clock.ticks(round(seconds * 1e9))
        start_ns = time.perf_counter_ns()
        self.calls = int(
            _call_until(self._function, *self._arguments(), *facts, service.address, service.index, returned.ctypes.data)
        )
        elapsed_ns = time.perf_counter_ns() - start_ns
        self.returned = int(returned[0])
        return Timed(self.calls, elapsed_ns, service)

    def _arguments(self) -> tuple[int, int, int, int]:
        return self.state.address, self.inputs.ctypes.data, self._outputs.address, len(self.inputs)
