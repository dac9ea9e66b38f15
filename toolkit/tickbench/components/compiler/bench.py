"""Memory for the operations of one loop, and the kernel that calls it through a pointer."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tickbench.components.compiler import contract
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import Block

_UNWRITTEN = -2  # no loop writes it as an answer


@kernel(f"int64(pointer[{contract.LOOP}], int64, int64, int64, int64, int64)")
def _call_loop(loop, state, inputs, outputs, n, passes):
    """Call a loop `passes` times; the sum of what it returned."""
    total = 0
    for _ in range(passes):
        total += loop(state, inputs, outputs, n)
    return total


class Bench:
    """State, inputs and outputs of n operations of one loop; `returned` is the sum of what the last `passes` calls returned."""

    def __init__(self, loop: str, function: Any, inputs: NDArray[Any]) -> None:
        state_words, _, output_words = contract.WORDS[loop]
        self.loop, self.inputs, self.function = loop, np.ascontiguousarray(inputs), function
        self.state, self._outputs = Block(state_words), Block(max(1, output_words * len(inputs)))
        self._outputs.array[:] = _UNWRITTEN
        self._row_words = output_words
        self.passes = self.returned = 0
        if loop == "rsi":
            self.state.array[0] = contract.PERIOD

    @property
    def outputs(self) -> NDArray[np.int64]:
        """What the last call wrote, int64 [n, words of one output]."""
        n = len(self.inputs)
        return self._outputs.array[: n * self._row_words].reshape(n, self._row_words)

    def call(self, passes: int = 1) -> None:
        """Run the loop over all inputs `passes` times."""
        addresses = self.state.address, self.inputs.ctypes.data, self._outputs.address
        self.returned, self.passes = int(_call_loop(self.function, *addresses, len(self.inputs), passes)), passes
