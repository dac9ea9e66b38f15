"""Counts the memory that a compiled loop asks for: numba's own count of allocations, and blocks of Python objects."""

from __future__ import annotations

import sys

from numba.core.runtime import _nrt_python, rtsys


class Allocations:
    """`begin` and `end` around each call of the loop; `end` returns the total so far.

    Numba counts every allocation (arrays, strings, boxed results). Of Python's blocks only the difference can be seen.
    """

    def __init__(self) -> None:
        _nrt_python.memsys_enable_stats()
        self._total = self._compiled = self._blocks = 0

    def begin(self) -> None:
        """The loop is about to be called."""
        self._compiled, self._blocks = rtsys.get_allocation_stats().alloc, sys.getallocatedblocks()

    def end(self) -> int:
        """The loop came back."""
        blocks = sys.getallocatedblocks() - self._blocks
        self._total += rtsys.get_allocation_stats().alloc - self._compiled + max(0, blocks - _OWN_BLOCKS)
        return self._total


_OWN_BLOCKS = 16  # the two readings themselves, and what the interpreter does when a signal comes in between
