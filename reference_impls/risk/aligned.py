"""Read-mostly and write-hot fields on lines of their own; the same check, the same words, the same size as `scattered`.

line pair 0 (gateway)   kill | symbols | interval | tolerance      read by every check, written when limits change
line pair 1             full at | accepted | refused               the checking thread's alone
line pair 2             messages                                   the writer's alone
a symbol's record, two line pairs:
line pair 0             max order lots | collar | max notional | position limit      read only: stays in every cache
line pair 1             reference | position | sequence | turnover                   one line moves after an update
"""

from tickbench.components.risk import checks, contract
from tickbench.kernels.memory import ISOLATION_WORDS, LINE_WORDS
from tickbench.registry import variant

LAYOUT = checks.Layout(
    "aligned",
    *range(4),
    full_at_ns=ISOLATION_WORDS,
    accepted=ISOLATION_WORDS + 1,
    refused=ISOLATION_WORDS + 2,
    messages=2 * ISOLATION_WORDS,
    max_order_lots=0,
    collar_ticks=1,
    max_notional=2,
    position_limit_lots=3,
    reference_ticks=ISOLATION_WORDS,
    position_lots=ISOLATION_WORDS + 1,
    sequence=ISOLATION_WORDS + 2,
    turnover=ISOLATION_WORDS + 3,
    first=8 * LINE_WORDS,
    stride=2 * ISOLATION_WORDS,
)
_check, _update = checks.make_check(LAYOUT), checks.make_update(LAYOUT)


@variant(
    "risk",
    runtime="native",
    example_of="read-mostly limits and write-hot fields on lines of their own",
    capabilities=("concurrent_writer",),
)
def aligned(config: contract.RiskConfig) -> contract.NativeRisk:
    """Make a check with these limits."""
    return checks.build(config, LAYOUT, _check, _update)
