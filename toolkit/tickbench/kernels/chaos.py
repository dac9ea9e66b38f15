"""Random delays before atomic operations, for tests that hunt races: set TICKBENCH_CHAOS=1 before kernels are imported.

The windows between two steps of a lock-free update are a few nanoseconds wide; an unlucky preemption in one comes once in
hours. In chaos mode every atomic operation is preceded, with a probability of 1 in 16, by a spin of up to 4,096 cycles, and
1 in 4,096 times by a call that gives the core away. Chaos kernels are cached apart from the real ones and never measured.
"""

import os
from typing import Any

ENABLED = os.environ.get("TICKBENCH_CHAOS") == "1"

_NAME = "tickbench_chaos"
_MOST_CYCLES = 4096  # about 1.5 us: longer than any single operation, much shorter than a time slice


def insert_delay(builder: Any) -> None:
    """Emit a call of the delay function, in chaos mode only."""
    if ENABLED:
        builder.call(_delay_function(builder.module), [])


def _delay_function(module: Any) -> Any:
    """The delay function of an LLVM module, written at its first use there."""
    from llvmlite import ir

    if _NAME in module.globals:
        return module.globals[_NAME]
    i64, void = ir.IntType(64), ir.VoidType()
    function = ir.Function(module, ir.FunctionType(void, []), _NAME)
    function.linkage = "linkonce_odr"
    entry, decide, spin, give_away, leave = (
        function.append_basic_block(name) for name in ("entry", "decide", "spin", "give_away", "leave")
    )
    builder = ir.IRBuilder(entry)
    counter = module.declare_intrinsic("llvm.readcyclecounter", (), ir.FunctionType(i64, []))
    start = builder.call(counter, [])
    # Fibonacci hashing (Knuth 3, 6.4): the high bits of the product are well mixed, the cycle counter's own are not.
    mixed = builder.mul(start, ir.Constant(i64, 0x9E3779B97F4A7C15 - (1 << 64)))
    lot = builder.lshr(mixed, ir.Constant(i64, 52))
    cycles = builder.and_(builder.lshr(mixed, ir.Constant(i64, 32)), ir.Constant(i64, _MOST_CYCLES - 1))
    builder.cbranch(builder.icmp_unsigned("==", lot, ir.Constant(i64, 0)), give_away, decide)
    builder.position_at_end(decide)
    builder.cbranch(builder.icmp_unsigned("<=", lot, ir.Constant(i64, 256)), spin, leave)
    builder.position_at_end(spin)
    passed = builder.sub(builder.call(counter, []), start)
    builder.cbranch(builder.icmp_unsigned("<", passed, cycles), spin, leave)
    builder.position_at_end(give_away)
    sched_yield = module.globals.get("sched_yield") or ir.Function(module, ir.FunctionType(ir.IntType(32), []), "sched_yield")
    builder.call(sched_yield, [])
    builder.branch(leave)
    builder.position_at_end(leave)
    builder.ret_void()
    return function
