"""A bump arena for what lives as long as a request: an allocation moves one offset, a release sets it back.

    line 0   heap calls (always 0) | offset of the next free byte | limit | capacity | chunk bytes | generation
    then     the arena's bytes: [ used | free of the chunks taken | reserved, untouched |

The address range is reserved whole and taken chunk by chunk: pages that were never reached cost no memory, and chunks lie one
behind the other, so no tail of one is wasted and an object may be longer than a chunk. The chunks stay taken after a release
(warm memory for the next request). Nothing is ever handed out beyond the capacity: the arena answers 0 instead.

The plan's sketch puts a String into each trade, which allocates from the heap in spite of the arena; its borrow checker
keeps a trade from outliving the reset, which compiled code here can't: a handle carries the generation in which it was made,
and resolves to nothing after a release.
"""

from tickbench.components.allocation import contract
from tickbench.kernels.atomics import load_plain, store_plain
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import LINE_BYTES, LINE_WORDS, WORD_BYTES, Block
from tickbench.registry import variant

_FREE, _LIMIT, _CAPACITY, _CHUNK, _GENERATION = range(1, 6)
_BASE = LINE_BYTES
# A handle: offset in the low 40 bits, generation above, which comes round after 2^23 requests.
_OFFSET_BITS = 40
_GENERATIONS = (1 << 23) - 1
_OFFSETS = (1 << _OFFSET_BITS) - 1


@kernel("int64(int64, int64, int64)")
def _grow(state, start, size):
    """Take as many chunks as `size` bytes at `start` need; 1 if there are that many, else 0."""
    if size < 1 or size > load_plain(state, _CAPACITY) - start:
        return 0
    chunk = load_plain(state, _CHUNK)
    limit = _BASE + (start + size - _BASE + chunk - 1) // chunk * chunk
    store_plain(state, _LIMIT, min(limit, load_plain(state, _CAPACITY)))
    return 1


@kernel(contract.ALLOCATE)
def _allocate(state, size, align):
    start = (load_plain(state, _FREE) + align - 1) & -align
    if (size < 1 or size > load_plain(state, _LIMIT) - start) and _grow(state, start, size) == 0:
        return 0
    store_plain(state, _FREE, start + size)
    return state + start


@kernel(contract.RELEASE)
def _release(state, addresses, n):
    store_plain(state, _FREE, _BASE)
    store_plain(state, _GENERATION, load_plain(state, _GENERATION) + 1)
    return 0


@kernel(contract.HANDLE)
def _handle(state, address):
    return (load_plain(state, _GENERATION) & _GENERATIONS) << _OFFSET_BITS | address - state


@kernel(contract.RESOLVE)
def _resolve(state, handle):
    offset = handle & _OFFSETS
    stale = handle >> _OFFSET_BITS != load_plain(state, _GENERATION) & _GENERATIONS
    return 0 if stale or offset < _BASE or offset >= load_plain(state, _FREE) else state + offset


@variant(
    "allocation",
    runtime="native",
    example_of="a bump arena, reset in one step",
    capabilities=("request", "bounded", "handles"),
)
def arena(config: contract.AllocatorConfig) -> contract.NativeAllocator:
    """Reserve the arena and take its first chunk."""
    block = Block(LINE_WORDS + -(-config.arena_bytes // WORD_BYTES))
    words = block.array
    words[_FREE] = _BASE
    words[_CAPACITY] = _BASE + config.arena_bytes
    words[_CHUNK] = config.chunk_bytes
    words[_LIMIT] = _BASE + min(config.chunk_bytes, config.arena_bytes)
    return contract.NativeAllocator(block, _allocate, _release, handle=_handle, resolve=_resolve)
