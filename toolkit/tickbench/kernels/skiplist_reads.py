"""Reads of a skip list (`skiplist`) that stood at one moment: its first node, its first n nodes.

Both look twice. A link's tag and a value's stamp change with every change, so what is the same at both looks did
not change between them, and what was read between two equal looks at the links to it was in the list.
"""

from tickbench.kernels.atomics import load_acquire, load_plain, store_plain
from tickbench.kernels.epochs import NODE, pin, unpin
from tickbench.kernels.jit import kernel
from tickbench.kernels.skiplist import KEY, KEY_SHIFT, MARK, NEXT, STAMP_BITS, VALUE, key_of, remove_after

CHANGED = -1


@kernel("UniTuple(int64, 3)(int64, int64)")
def first(pool, head):
    """Link to the first node, its key and its value word; an empty list has no node in the link, and value 0.

    Needs no pin: a node's memory is always a node's, and the second look at the link tells whether it was this one. A
    node whose amount is 0 is being removed: call `help_first` and try again.
    """
    while True:
        link = load_acquire(pool + head, NEXT)  # pairs with the compare-exchange that wrote the link
        node = link & NODE
        if node == 0:
            return link, 0, 0
        # These two keep the second look behind them, and pair with the releases in skiplist.insert: who sees
        # what the node's next owner wrote sees then that the link has changed.
        value = load_acquire(pool + node, VALUE)
        word = load_acquire(pool + node, KEY)
        if load_acquire(pool + head, NEXT) == link:
            return link, word >> KEY_SHIFT, value


@kernel("int64(int64, int64, int64, int64)")
def still_first(pool, head, link, value):
    """Whether nothing that `first` returned has changed since; needs no pin."""
    node = link & NODE
    same_value = node == 0 or load_acquire(pool + node, VALUE) == value  # acquire: the look at the link comes after
    return same_value and load_acquire(pool + head, NEXT) == link


@kernel("int64(int64, int64, int64)")
def help_first(pool, thread, head):
    """Unlink the first node if its amount is 0; the caller is not pinned."""
    pin(pool, thread)
    link = load_acquire(pool + head, NEXT)  # pairs with the compare-exchange that wrote the link
    node = link & NODE
    if node != 0 and load_acquire(pool + node, VALUE) >> STAMP_BITS == 0:  # pairs with who changed the value
        remove_after(pool, head, link)
    unpin(pool, thread)
    return node


@kernel("UniTuple(int64, 2)(int64, int64, int64, int64)")
def _collect(pool, head, n, out):
    """Write link and value of up to n nodes; their number, and the link behind them if that ended the list."""
    node = head
    for k in range(n):
        link = load_acquire(pool + node, NEXT)  # pairs with the compare-exchange that wrote the link
        if link & MARK:
            return CHANGED, 0
        if link & NODE == 0:
            return k, link
        value = load_acquire(pool + (link & NODE), VALUE)  # pairs with who changed the value
        if value >> STAMP_BITS == 0:
            remove_after(pool, node, link)
            return CHANGED, 0
        store_plain(out, 2 * k, link)
        store_plain(out, 2 * k + 1, value)
        node = link & NODE
    return n, 0


@kernel("int64(int64, int64, int64, int64, int64, int64)")
def _unchanged(pool, head, n, out, count, end):
    """The second look at everything that `_collect` read."""
    node = head
    for k in range(count):
        link = load_plain(out, 2 * k)
        same = load_acquire(pool + node, NEXT) == link  # acquire, also below: the looks stay in order
        node = link & NODE
        if not same or load_acquire(pool + node, VALUE) != load_plain(out, 2 * k + 1):
            return 0
    return count == n or load_acquire(pool + node, NEXT) == end


@kernel("int64(int64, int64, int64, int64, int64)")
def snapshot(pool, thread, head, n, out):
    """Write key and amount of the first n nodes to address `out`, as they stood at one moment; the caller is not pinned.

    Returns how many there are, or CHANGED if writers came in between: try again.
    """
    pin(pool, thread)
    count, end = _collect(pool, head, n, out)
    if count >= 0 and not _unchanged(pool, head, n, out, count, end):
        count = CHANGED
    for k in range(count):
        store_plain(out, 2 * k, key_of(pool, load_plain(out, 2 * k) & NODE))
        store_plain(out, 2 * k + 1, load_plain(out, 2 * k + 1) >> STAMP_BITS)
    unpin(pool, thread)
    return count
