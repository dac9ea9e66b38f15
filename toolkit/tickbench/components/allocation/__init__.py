"""Memory for what lives shortly: the heap, a bump arena, object pools, a vector with its first items in place.

The contract (contract) says what an allocator provides, the drivers (drivers) how it is used, the oracle what is right.
"""

from tickbench.components.allocation.oracle import verify
from tickbench.components.allocation.workloads import WORKLOADS
from tickbench.components.component import Component

COMPONENT = Component(
    name="allocation",
    summary="memory for what lives shortly: heap, arena, pools, short vectors",
    workloads=WORKLOADS,
    verify=verify,
    capabilities={
        "request": "allocates objects of any size that are released together",
        "pool": "hands out objects of one size to one thread and takes them back",
        "shared_pool": "hands out objects of one size to any number of threads and takes them back",
        "small_vector": "keeps a vector that is filled, read and dropped",
        "bounded": "has a capacity, says when it is used up, and refuses what it did not hand out",
        "handles": "gives handles that resolve to nothing after the memory was released",
    },
)
