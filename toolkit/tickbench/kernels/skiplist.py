"""A lock-free skip list of keys with one value word each: find, insert, remove.

Harris' linked list (DISC 2001) on each level, towers as in Fraser (Practical lock-freedom, 2004, section
4.3.3). A link word holds the next node, a mark, and a tag that changes whenever the link does. A marked link
never leads elsewhere, and its node is as good as unlinked: whoever meets one unlinks it. Level 0 decides what
is in the list. A value word holds an amount and a stamp; amount 0 means that the node is being removed, and
never changes again.

    node, one cache line: flags or pool chain | key * 16 + height | amount * 2^26 + stamp | links of 5 levels

Whoever removes a node may come while its inserter is still building the tower. Each of the two sets its flag when
it is done; the second one unlinks the node from all levels and retires it.

All kernels want a pinned thread (`epochs.pin`). `path` is the address of PATH_WORDS words of the calling
thread, in which `find` leaves for each level the last node before the key and the link that it read there.
"""

from tickbench.kernels.atomics import (
    cas_acq_rel,
    fetch_or_acq_rel,
    load_acquire,
    load_plain,
    load_relaxed,
    store_plain,
    store_relaxed,
    store_release,
)
from tickbench.kernels.bits import trailing_zeros
from tickbench.kernels.epochs import NODE, TAG, TAG_ONE, retire
from tickbench.kernels.jit import kernel

NODE_WORDS = 8
PATH_WORDS = 16
FLAGS, KEY, VALUE, NEXT = 0, 1, 2, 3
MARK = 1
KEY_SHIFT = 4  # below the key stands the height: comparing the whole words orders nodes by key
STAMP_BITS = 26
STAMP = (1 << STAMP_BITS) - 1
_HEIGHT = (1 << KEY_SHIFT) - 1
_MAX_HEIGHT = NODE_WORDS - NEXT
_LINKS = PATH_WORDS // 2
_BUILT, _GONE = 1, 2
_LOST = -1


@kernel("int64(int64, int64)")
def _relink(link, node):
    """The word that replaces `link` when it is to lead to `node`: next tag, no mark."""
    return (link & TAG) + TAG_ONE | node


@kernel("int64(int64, int64)")
def make_head(pool, head):
    """Make a fresh node the head of an empty list, before any other thread uses it."""
    store_plain(pool + head, KEY, _MAX_HEIGHT)  # the key of a head is never compared
    return head


@kernel("int64(int64)")
def random_height(state):
    """A height of 1 to 5 from a xorshift state, not 0, at address `state` (Marsaglia, Xorshift RNGs, 2003).

    A quarter of the nodes reaches level 1, a quarter of those level 2, then an eighth: 65,536 nodes have 64 at
    the top, which is slower than a taller tower only by some steps in lines that are always cached.
    """
    x = load_plain(state, 0)
    x ^= x << 13
    x ^= (x >> 7) & ((1 << 57) - 1)
    x ^= x << 17
    store_plain(state, 0, x)
    zeros = trailing_zeros(x)
    return 1 + (zeros >= 2) + (zeros >= 4) + (zeros >= 7) + (zeros >= 10)


@kernel("int64(int64, int64, int64, int64)")
def _descend(pool, path, head, target):
    """One attempt of `find`; _LOST where a link changed under it, which means that another thread got on."""
    before, node = head, 0
    for level in range(_MAX_HEIGHT - 1, -1, -1):
        link = load_acquire(pool + before, NEXT + level)  # pairs with the compare-exchange that wrote the link
        if link & MARK:
            return _LOST
        while True:
            node = link & NODE
            if node == 0:
                break
            after = load_acquire(pool + node, NEXT + level)  # as above
            if after & MARK:
                shorter = _relink(link, after & NODE)
                # publishes what is behind the removed node to the load_acquire above
                if cas_acq_rel(pool + before, NEXT + level, link, shorter) != link:
                    return _LOST
                link = shorter
                continue
            if load_plain(pool + node, KEY) >= target:  # plain: fixed while a pinned thread can see the node
                break
            before, link = node, after
        store_plain(path, level, before)
        store_plain(path, _LINKS + level, link)
    return node


@kernel("int64(int64, int64, int64, int64)")
def find(pool, path, head, key):
    """The first node at or after `key`, 0 for none; fills in `path`, unlinks removed nodes on its way."""
    while True:
        node = _descend(pool, path, head, key << KEY_SHIFT)
        if node != _LOST:
            return node


@kernel("int64(int64, int64)")
def key_of(pool, node):
    """The key of a node."""
    return load_plain(pool + node, KEY) >> KEY_SHIFT  # plain: fixed while a pinned thread can see the node


@kernel("int64(int64, int64, int64, int64, int64, int64)")
def insert(pool, path, node, key, height, value):
    """Link an own node into level 0 where `find` has just found no `key`; 0 if anything changed there since.

    Once it is in, `build_tower` must follow.
    """
    for level in range(height):
        own = load_relaxed(pool + node, NEXT + level)  # relaxed: nobody else writes to a node in our hands
        # relaxed: published by the compare-exchange below
        store_relaxed(pool + node, NEXT + level, _relink(own, load_plain(path, _LINKS + level) & NODE))
    store_relaxed(pool + node, FLAGS, _BUILT if height == 1 else 0)  # relaxed: as above
    # These publish that the node's former place is gone to skiplist_reads.first, which may still look at it.
    store_release(pool + node, KEY, key << KEY_SHIFT | height)
    store_release(pool + node, VALUE, value)
    link = load_plain(path, _LINKS)
    # publishes the node to load_acquire of links
    return cas_acq_rel(pool + load_plain(path, 0), NEXT, link, _relink(link, node)) == link


@kernel("int64(int64, int64)")
def confirm_absent(pool, path):
    """Make all who read the gap where `find` ended before fail; 0 if the gap had changed since `find`."""
    link = load_plain(path, _LINKS)
    # publishes the new tag to load_acquire in find
    return cas_acq_rel(pool + load_plain(path, 0), NEXT, link, _relink(link, link & NODE)) == link


@kernel("int64(int64, int64, int64, int64, int64)")
def _link_level(pool, path, head, node, level):
    """Link a node into one level above 0; 0 if it was removed meanwhile."""
    while True:
        own = load_acquire(pool + node, NEXT + level)  # pairs with the marks set by `mark`
        link = load_plain(path, _LINKS + level)
        if own & MARK:
            return 0
        to_next = _relink(own, link & NODE)
        if (own ^ link) & NODE and cas_acq_rel(pool + node, NEXT + level, own, to_next) != own:
            return 0  # only a mark can have come in between
        before = load_plain(path, level)
        # publishes the node on this level to load_acquire in find
        if cas_acq_rel(pool + before, NEXT + level, link, _relink(link, node)) == link:
            return 1
        if find(pool, path, head, key_of(pool, node)) != node:
            return 0


@kernel("int64(int64, int64, int64, int64, int64)")
def build_tower(pool, thread, path, head, node):
    """Link a node that `insert` put in into its other levels; for its inserter, once."""
    word = load_plain(pool + node, KEY)
    height = word & _HEIGHT
    if height == 1:
        return 0  # `insert` has done everything, and has said so
    for level in range(1, height):
        if not _link_level(pool, path, head, node, level):
            break
    # publishes the links of the tower to the remover, or acquires that it has marked them all
    if fetch_or_acq_rel(pool + node, FLAGS, _BUILT) & _GONE:
        find(pool, path, head, (word >> KEY_SHIFT) + 1)  # passes all nodes of this key, unlinks the marked
        retire(pool, thread, node)
    return 0


@kernel("int64(int64, int64)")
def mark(pool, node):
    """Mark all links of a node whose amount is 0, level 0 last; anybody may help."""
    for level in range((load_plain(pool + node, KEY) & _HEIGHT) - 1, -1, -1):
        fetch_or_acq_rel(pool + node, NEXT + level, MARK)  # publishes the removal to load_acquire in find
    return 0


@kernel("int64(int64, int64, int64, int64, int64)")
def remove(pool, thread, path, head, node):
    """Take out the node that `find` has just found; for the one who set its amount to 0, once."""
    mark(pool, node)
    # publishes the marks to an inserter that comes second, or acquires the links of its tower
    if not fetch_or_acq_rel(pool + node, FLAGS, _GONE) & _BUILT:
        return 0
    word = load_plain(pool + node, KEY)
    for level in range((word & _HEIGHT) - 1, -1, -1):
        link = load_plain(path, _LINKS + level)
        after = load_acquire(pool + node, NEXT + level) & NODE  # pairs with who linked the next node
        before = load_plain(path, level)
        # publishes what is behind the node to load_acquire in find
        if link & NODE != node or cas_acq_rel(pool + before, NEXT + level, link, _relink(link, after)) != link:
            find(pool, path, head, (word >> KEY_SHIFT) + 1)  # passes all nodes of this key, unlinks the marked
            break
    return retire(pool, thread, node)


@kernel("int64(int64, int64, int64)")
def remove_after(pool, before, link):
    """Help to remove the node that `link`, read from level 0 of `before`, leads to; 0 if that had changed."""
    node = link & NODE
    mark(pool, node)
    after = load_acquire(pool + node, NEXT) & NODE  # pairs with who linked the next node
    return cas_acq_rel(pool + before, NEXT, link, _relink(link, after)) == link  # publishes it to find
