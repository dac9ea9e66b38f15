"""The book that does nothing: what a driver, its loop and the call through a function pointer cost alone.

Every call answers as an empty book would; an update returns a number but changes nothing, so the state is one
word that nobody reads and an event ring that stays empty. It claims all capabilities, so that it runs in
every scenario; no oracle accepts it.

    word 0   unused
    then     the event ring, empty for ever

A concurrent reader sees the empty book.
"""

from tickbench.components.order_book import contract
from tickbench.components.order_book.events import event_ring_words, initialise_events
from tickbench.kernels.atomics import store_plain
from tickbench.kernels.jit import kernel
from tickbench.kernels.memory import ISOLATION_WORDS, WORD_BYTES, Block
from tickbench.registry import variant

_NO_PRICE_TICKS = contract.NO_PRICE_TICKS
_EVENTS = ISOLATION_WORDS


@kernel(contract.UPDATE)
def _update(book, thread, side, price_ticks, quantity_lots):
    return 1


@kernel(contract.BEST)
def _best(book, thread, out):
    store_plain(out, 0, _NO_PRICE_TICKS)
    store_plain(out, 1, 0)
    store_plain(out, 2, _NO_PRICE_TICKS)
    store_plain(out, 3, 0)
    return 0


@kernel(contract.TOP)
def _top(book, thread, side, n, out):
    return 0


@kernel(contract.LEVEL_COUNT)
def _level_count(book, thread, side):
    return 0


@kernel(contract.SEQUENCE)
def _sequence(book, thread):
    return 0


@variant(
    "order_book",
    runtime="native",
    example_of="nothing: the cost of the driver",
    capabilities=("concurrent_readers", "concurrent_writers", "events"),
    null=True,
)
def null(config: contract.BookConfig) -> contract.NativeBook:
    """Make the book that does nothing."""
    block = Block(_EVENTS + event_ring_words(config.event_capacity))
    initialise_events(block.address + WORD_BYTES * _EVENTS, config.event_capacity)
    return contract.NativeBook(block, _update, _best, _top, _level_count, _sequence, events=_EVENTS)
