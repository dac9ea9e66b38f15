"""Fields where the programmer put them: each limit beside a word that the market or the position keeper writes.

line 0 (gateway)   kill | symbols | interval | tolerance | full at | accepted | refused | messages
                   read by every check, written by every check (three words) and by every update (messages)
a symbol's record, four lines:
line 0             max order lots      | reference      the writer writes a word of each line at every update, so a check
line 1             collar              | position       of that symbol fetches all four again, though the limits
line 2             max notional        | sequence       have not changed
line 3             position limit      | turnover
"""

from tickbench.components.risk import checks, contract
from tickbench.kernels.memory import LINE_WORDS
from tickbench.registry import variant

LAYOUT = checks.Layout(
    "scattered",
    *range(8),
    max_order_lots=0,
    collar_ticks=LINE_WORDS,
    max_notional=2 * LINE_WORDS,
    position_limit_lots=3 * LINE_WORDS,
    reference_ticks=1,
    position_lots=LINE_WORDS + 1,
    sequence=2 * LINE_WORDS + 1,
    turnover=3 * LINE_WORDS + 1,
    first=8 * LINE_WORDS,
    stride=4 * LINE_WORDS,
)
_check, _update = checks.make_check(LAYOUT), checks.make_update(LAYOUT)


@variant(
    "risk",
    runtime="native",
    example_of="limits on the lines that a writer writes",
    capabilities=("concurrent_writer",),
    reference=True,
)
def scattered(config: contract.RiskConfig) -> contract.NativeRisk:
    """Make a check with these limits."""
    return checks.build(config, LAYOUT, _check, _update)
