"""The allocator that hands out the same memory each time and keeps nothing: what the drivers' loops cost alone."""

from tickbench.components.allocation import contract
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import LINE_BYTES, LINE_WORDS, Block
from tickbench.registry import variant

_MEMORY = LINE_BYTES


@kernel(contract.ALLOCATE)
def _allocate(state, size, align):
    return state + _MEMORY


@kernel(contract.RELEASE)
def _release(state, addresses, n):
    return 0


@kernel(contract.GET)
def _get(state):
    return state + _MEMORY


@kernel(contract.PUT)
def _put(state, operand):
    return 0


@kernel(contract.CYCLE)
def _cycle(state, live, window, first, steps):
    return 0


@variant(
    "allocation",
    runtime="native",
    example_of="nothing: the cost of the driver",
    capabilities=("request", "pool", "shared_pool", "small_vector"),
    null=True,
)
def null(config: contract.AllocatorConfig) -> contract.NativeAllocator:
    """Two lines of memory that everybody gets."""
    return contract.NativeAllocator(Block(4 * LINE_WORDS), _allocate, _release, _get, _put, _cycle, _put, _put, _get, _cycle)
