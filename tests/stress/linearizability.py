"""A linearizability checker for small histories of an order book.

Search as in Wing and Gong, "Testing and verifying concurrent objects" (1993), with Lowe's memory of visited configurations
("Testing for linearizability", 2017): try every operation that nobody finished before, apply it to a sequential model, go on.
"""

from typing import NamedTuple

from tickbench.components.order_book.contract import BID, NO_PRICE_TICKS, Best


class Operation(NamedTuple):
    """An operation between two ticks of a shared clock: an update (side, price, quantity), or a best that was read."""

    started: int
    ended: int
    update: tuple[int, int, int] | None
    best: Best | None


def linearization(history: list[Operation], final_levels: dict | None = None) -> list[Operation] | None:
    """An order of the operations that a sequential book could have shown, None if there is none.

    `final_levels`, if given, is what the book held at the end: (side, price) -> quantity.
    """
    visited: set[tuple[frozenset[int], frozenset]] = set()
    order: list[int] = []

    def search(left: frozenset[int], levels: dict) -> bool:
        if not left:
            return final_levels is None or levels == final_levels
        configuration = (left, frozenset(levels.items()))
        if configuration in visited:
            return False
        visited.add(configuration)
        first_end = min(history[k].ended for k in left)
        for k in sorted(left):
            if history[k].started > first_end:
                continue  # another operation ended before this one began
            after = _apply(levels, history[k])
            if after is not None:
                order.append(k)
                if search(left - {k}, after):
                    return True
                order.pop()
        return False

    found = search(frozenset(range(len(history))), {})
    return [history[k] for k in order] if found else None


def _apply(levels: dict, operation: Operation) -> dict | None:
    """The model after the operation, None if the model contradicts what the operation saw."""
    if operation.update is None:
        return levels if _best(levels) == operation.best else None
    side, price, quantity = operation.update
    after = {key: lots for key, lots in levels.items() if key != (side, price)}
    if quantity:
        after[side, price] = quantity
    return after


def _best(levels: dict) -> Best:
    bids = [price for side, price in levels if side == BID]
    asks = [price for side, price in levels if side != BID]
    bid, ask = max(bids, default=NO_PRICE_TICKS), min(asks, default=NO_PRICE_TICKS)
    return Best(bid, levels.get((0, bid), 0), ask, levels.get((1, ask), 0))
