"""One workload a loop: calls through a function pointer, many operations each, timed in batches.

The pointer is called once for all inputs, so its 2 ns are spread over thousands of operations: what is measured is the loop
as the compiler made it, with its inner operation inlined or not. `null` shows that the driver costs nothing here.
"""

from tickbench.components.compiler import contract
from tickbench.components.compiler.bench import Bench
from tickbench.components.compiler.oracle import NULL, check
from tickbench.components.component import Job, Result, Workload
from tickbench.components.shared.timing import batch_result, operations_for, time_batches

# Enough that a branch predictor cannot learn the updates by heart; inputs and outputs stay in a cache of 512 KiB and more
# for RSI and orders, and are read and written in order for the book.
_ELEMENTS = {"book_update": 16_384, "rsi": 16_384, "order_encode": 2_048}
_OPERATIONS = {"book_update": "level update", "rsi": "price", "order_encode": "order"}


def _run(job: Job, loop: str) -> Result:
    inputs = contract.make_inputs(loop, job.seed, int(job.parameters.get("elements", _ELEMENTS[loop])))
    bench = Bench(loop, job.variant.build(None).find(loop), inputs)
    passes = operations_for(bench.call)
    batches = time_batches(lambda: bench.call(passes), passes * len(inputs), job.seconds)
    return batch_result(batches, NULL if job.variant.null else check(bench))


def _workload(loop: str) -> Workload:
    return Workload(
        loop, _OPERATIONS[loop], lambda job: _run(job, loop), parameters={"elements": _ELEMENTS[loop]}, needs_feed=False
    )


WORKLOADS = {loop: _workload(loop) for loop in contract.LOOPS}
