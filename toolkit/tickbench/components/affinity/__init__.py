"""Where a thread may run: what pinning buys beside noisy neighbours.

There is no variant that does nothing: a placement costs nothing to run, and an empty one cannot be measured.
"""

from tickbench.components.affinity.workloads import WORKLOADS, verify
from tickbench.components.component import Component

COMPONENT = Component(
    name="affinity",
    summary="decides which cores a thread and its neighbours may use",
    workloads=WORKLOADS,
    verify=verify,
)
