"""The loops around a compiled store's kernels: `passes` calls through a function pointer, answers summed up."""

from tickbench.components.trades.contract import FILTER, FULL_RECORD, MEAN_PRICE, WINDOW_SUM
from tickbench.kernels.jit import kernel


@kernel(f"float64(pointer[{MEAN_PRICE}], int64, int64, int64, int64)")
def drive_mean(mean, state, first, n, passes):
    """Ask for a mean (or a VWAP) `passes` times; returns the sum of the answers."""
    total = 0.0
    for _ in range(passes):
        total += mean(state, first, n)
    return total


@kernel(f"int64(pointer[{FILTER}], int64, int64, int64, float64, int64, int64)")
def drive_filter(select, state, first, n, threshold, out, passes):
    """Filter `passes` times into the same output; returns how many positions there were in all."""
    total = 0
    for _ in range(passes):
        total += select(state, first, n, threshold, out)
    return total


@kernel(f"int64(pointer[{WINDOW_SUM}], int64, int64, int64, int64, int64, int64)")
def drive_window_sum(window_sum, state, first, n, from_ns, until_ns, passes):
    """Ask for the lots in a time window `passes` times; returns their sum."""
    total = 0
    for _ in range(passes):
        total += window_sum(state, first, n, from_ns, until_ns)
    return total


@kernel(f"int64(pointer[{FULL_RECORD}], int64, int64, int64, int64)")
def drive_full_record(full_record, state, positions, n, passes):
    """Read the same n whole records `passes` times; returns the sum of the checksums, wrapped."""
    total = 0
    for _ in range(passes):
        total += full_record(state, positions, n)
    return total
