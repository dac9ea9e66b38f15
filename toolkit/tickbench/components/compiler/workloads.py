"""One workload a loop: calls through a function pointer, thousands of operations each; one call is one batch.

The pointer is called once for all inputs, so its 2 ns are spread over thousands of operations, as are the clock's 10 ns: what
is measured is the loop as the compiler made it, with its inner operation inlined or not. `null` shows what is left.
"""

from tickbench.components.compiler import contract
from tickbench.components.compiler.bench import Bench
from tickbench.components.compiler.oracle import NULL, check
from tickbench.components.component import Job, Result, Workload
from tickbench.components.shared.timing import WARM_SHARE, batch_result

# Enough updates that a branch predictor cannot learn them by heart. RSI and its outputs stay in a cache of 512 KiB; what the
# book (40 bytes an update) and the encoder (112 an order) read and write lies in order and is fetched ahead.
_ELEMENTS = {"book_update": 16_384, "rsi": 16_384, "order_encode": 2_048}
_OPERATIONS = {"book_update": "level update", "rsi": "price", "order_encode": "order"}


def _run(job: Job, loop: str) -> Result:
    elements = int(job.parameters.get("elements", _ELEMENTS[loop]))
    bench = Bench(loop, job.variant.build(None).find(loop), contract.make_inputs(loop, job.seed, elements))
    if job.pace is not None:
        bench.call()
        return batch_result(job.pace.serve(bench.call, elements), NULL if job.variant.null else check(bench))
    bench.time(job.clock, job.seconds * WARM_SHARE)
    timed = bench.time(job.clock, job.seconds)
    return Result(
        timing="batch",
        operations=timed.calls * elements,
        elapsed_ns=timed.elapsed_ns,
        histograms={"service": timed.histogram},
        verification=NULL if job.variant.null else check(bench),
        operations_per_value=elements,
    )


def _workload(loop: str) -> Workload:
    return Workload(
        loop,
        _OPERATIONS[loop],
        lambda job: _run(job, loop),
        parameters={"elements": _ELEMENTS[loop]},
        needs_feed=False,
        paced=True,
    )


WORKLOADS = {loop: _workload(loop) for loop in contract.LOOPS}
