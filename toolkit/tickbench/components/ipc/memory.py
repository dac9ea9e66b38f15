"""The memory of network buffers between processes: a segment with a ring each way, the one that is sent through full.

A segment is mapped with all its pages at once, so the other ring is in memory as well, as it is in a process that has received
through it. The other process maps the same pages: they are counted here, once. Transports that are no memory of ours (sockets,
pipes) keep messages in the kernel, where no process's figure shows them; they have no such workload.
"""

import weakref
from dataclasses import replace

from tickbench.components.component import Job, Result, Verification
from tickbench.components.ipc.contract import SERVER, Endpoint, IpcConfig
from tickbench.components.shared.fill import drain, fill
from tickbench.components.shared.memory import Loaded, measure_load, memory_workload

MESSAGES = 1 << 16  # in each of the two rings: 4 MiB
_LEAST = 8


def memory(job: Job) -> Result:
    """Build a client's end and send until its ring is full; after the measurement a server's end receives everything."""

    def load(messages: int) -> Loaded:
        config = IpcConfig(capacity=max(messages, _LEAST))
        client: Endpoint = job.variant.build(config)
        weakref.finalize(client, client.close)  # of the load that is forgotten: its segment has a name
        sent = int(fill(client.claim_kernel, client.publish_kernel, client.block.address, messages))

        def check() -> Verification:
            server: Endpoint = job.variant.build(replace(config, side=SERVER, address=client.address))
            client.close()
            found = int(drain(server.peek_kernel, server.release_kernel, server.block.address, messages))
            return Verification(found == sent == messages, found, f"{sent} messages went in, {found} came out right")

        return Loaded(client, messages, check)

    return measure_load(job, load, int(job.parameters["messages"]))


MEMORY = memory_workload("message", memory, "shared", messages=MESSAGES)
