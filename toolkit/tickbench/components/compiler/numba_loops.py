"""The three hot loops in Python, for numba; the C files of the component say the same.

They work on arrays, not on addresses, because that is what numba's bounds check watches.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import carray, types
from numba.extending import intrinsic

from tickbench.components.compiler import contract

_LEVELS, _BOOK_WORDS, _FRAME_WORDS, _HEADER = contract.LEVELS, contract.BOOK_WORDS, contract.FRAME_WORDS, contract.HEADER
_KEYS, _QUANTITIES = contract.KEYS, contract.QUANTITIES


@intrinsic
def _pointer(_context: Any, address: Any) -> Any:
    """The address as a pointer that `carray` takes."""

    def generate(_target: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], ir.IntType(8).as_pointer())

    return types.voidptr(types.int64), generate


def book_update(state, inputs, outputs, n):
    """Apply n updates to an empty book; returns how many changed the best level."""
    book = carray(_pointer(state), (_BOOK_WORDS,), np.int64)
    updates = carray(_pointer(inputs), (n, 3), np.int64)
    answers = carray(_pointer(outputs), (n, 2), np.int64)
    book[0] = book[1] = 0
    changed_best = 0
    for i in range(n):
        side, quantity_lots = updates[i, 0], updates[i, 2]
        keys, quantities, count = _KEYS + side * _LEVELS, _QUANTITIES + side * _LEVELS, book[side]
        key = updates[i, 1] if side else -updates[i, 1]
        at = 0
        while at < count and book[keys + at] < key:
            at += 1
        found = at < count and book[keys + at] == key
        position = at
        if quantity_lots == 0:
            if found:
                for k in range(at, count - 1):
                    book[keys + k] = book[keys + k + 1]
                    book[quantities + k] = book[quantities + k + 1]
                count -= 1
            else:
                position = -1
        elif found:
            book[quantities + at] = quantity_lots
        elif at == _LEVELS:
            position = -1
        else:
            if count < _LEVELS:
                count += 1
            for k in range(count - 1, at, -1):
                book[keys + k] = book[keys + k - 1]
                book[quantities + k] = book[quantities + k - 1]
            book[keys + at] = key
            book[quantities + at] = quantity_lots
        book[side] = count
        answers[i, 0] = position
        best = book[keys]
        answers[i, 1] = -1 if count == 0 else best if side else -best
        changed_best += position == 0
    return changed_best


def rsi(state, inputs, outputs, n):
    """Wilder's RSI of n prices; the first `period` values are NaN. Returns how many are not."""
    if n < 1:
        return 0
    period = carray(_pointer(state), (1,), np.int64)[0]
    prices = carray(_pointer(inputs), (n,), np.float64)
    values = carray(_pointer(outputs), (n,), np.float64)
    weight = 1.0 / period
    keep = 1.0  # the first averages are plain means of `period` changes
    price, gain, loss = prices[0], 0.0, 0.0
    for i in range(n):
        change = prices[i] - price
        price = prices[i]
        gain = gain * keep + (change if change > 0 else 0.0) * weight
        loss = loss * keep + (-change if change < 0 else 0.0) * weight
        if i < period:
            values[i] = np.nan
            continue
        keep = 1.0 - weight
        total = gain + loss
        values[i] = 100.0 * gain / total if total > 0 else 0.0
    return max(n - period, 0)


def order_encode(state, inputs, outputs, n):
    """Encode n orders into n frames; returns how many were valid."""
    orders = carray(_pointer(inputs), (n, 6), np.int64)
    frames = carray(_pointer(outputs), (n, _FRAME_WORDS), np.int64)
    valid = 0
    for i in range(n):
        side = orders[i, 2]
        if side < 0 or side > 1:
            for k in range(_FRAME_WORDS):
                frames[i, k] = 0
            continue
        frames[i, 0] = _HEADER
        frames[i, 1] = orders[i, 0]
        frames[i, 2] = orders[i, 3]
        frames[i, 3] = orders[i, 4]
        frames[i, 4] = orders[i, 5]
        frames[i, 5] = orders[i, 1]
        frames[i, 6] = side
        frames[i, 7] = 0
        valid += 1
    return valid
