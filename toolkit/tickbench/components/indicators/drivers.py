"""Drivers: compiled loops that call an operation through a function pointer, with inputs that move on."""

from tickbench.components.indicators.contract import IMBALANCE, PIPELINE, SERIES, TICK
from tickbench.kernels.clock import now_ticks, ticks_to_ns
from tickbench.kernels.jit import kernel
from tickbench.kernels.recorder import record
from tickbench.kernels.simd import load1

SLIDES = 64  # windows of a series: each repeat begins one price later, as a live window does


@kernel(f"int64(pointer[{SERIES}], int64, int64, int64)")
def call_series(operation, prices, n, out):
    """One call."""
    return operation(prices, n, out)


@kernel(f"int64(pointer[{SERIES}], int64, int64, int64, int64, int64, int64, int64)")
def drive_series(operation, prices, n, out, groups, lanes, out_words, repeats):
    """`repeats` passes over all groups of symbols; group g is at (n + SLIDES) * lanes * g, its results at out_words * g."""
    group_words = (n + SLIDES) * lanes
    for repeat in range(repeats):
        first = (repeat % SLIDES) * lanes
        for group in range(groups):
            operation(prices + 8 * (group * group_words + first), n, out + 8 * group * out_words)
    return repeats


@kernel(f"int64(pointer[{IMBALANCE}], int64, int64, int64, int64, int64)")
def drive_imbalance(operation, quantities, books, levels, out, repeats):
    """`repeats` passes over all books (bids and asks one after the other); the answer of book b goes to out[b]."""
    for _ in range(repeats):
        for book in range(books):
            bids = quantities + 8 * 2 * levels * book
            operation(bids, bids + 8 * levels, levels, out + 8 * book)
    return repeats


@kernel(f"int64(pointer[{PIPELINE}], int64, int64, int64, int64, int64, int64, int64)")
def drive_pipeline(operation, prices, n, quantities, books, levels, out, repeats):
    """Call i sees the window that begins at price i modulo SLIDES, and book i modulo `books`."""
    for i in range(repeats):
        bids = quantities + 8 * 2 * levels * (i % books)
        operation(prices + 8 * (i % SLIDES), n, bids, bids + 8 * levels, levels, out)
    return repeats


@kernel(f"int64(pointer[{PIPELINE}], int64, int64, int64, int64, int64, int64, int64, int64, float64, int64, int64)")
def time_pipeline(operation, prices, n, quantities, books, levels, out, repeats, source, ns_per_tick, words, index):
    """As `drive_pipeline`; the duration of each call goes into the histogram, one clock reading included."""
    start = now_ticks(source)
    for i in range(repeats):
        bids = quantities + 8 * 2 * levels * (i % books)
        operation(prices + 8 * (i % SLIDES), n, bids, bids + 8 * levels, levels, out)
        end = now_ticks(source)
        record(words, index, ticks_to_ns(end - start, ns_per_tick))
        start = end
    return repeats


@kernel(f"int64(pointer[{TICK}], int64, int64, int64, int64, int64, int64, int64, int64, int64)")
def drive_ticks(operation, state, prices, n, quantities, books, levels, out, out_step, passes):
    """All n prices, one after the other, `passes` times; tick i sees book i modulo `books`, and writes out_step values on."""
    for _ in range(passes):
        for i in range(n):
            bids = quantities + 8 * 2 * levels * (i % books)
            operation(state, load1(prices, i), bids, bids + 8 * levels, levels, out + 8 * out_step * i)
    return passes


@kernel(f"int64(pointer[{TICK}], int64, int64, int64, int64, int64, int64, int64, int64, float64, int64, int64)")
def time_ticks(operation, state, prices, n, quantities, books, levels, out, source, ns_per_tick, words, index):
    """As `drive_ticks`, into one place; the duration of each tick goes into the histogram, one clock reading included."""
    start = now_ticks(source)
    for i in range(n):
        bids = quantities + 8 * 2 * levels * (i % books)
        operation(state, load1(prices, i), bids, bids + 8 * levels, levels, out)
        end = now_ticks(source)
        record(words, index, ticks_to_ns(end - start, ns_per_tick))
        start = end
    return n
