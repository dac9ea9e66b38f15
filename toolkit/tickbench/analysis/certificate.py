"""Of a series of complete gates with a known truth: false alarms with their bound, power, bias and time."""

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

BOUND_CONFIDENCE = 0.95


class Gate(NamedTuple):
    """One complete gate: the neighbours, what was measured, the factor of work that was injected, and what came out.

    `ratio`, `low` and `high` are of the time; `pairs` includes those of a second measurement.
    """

    cell: str
    subject: str
    slowdown: float
    verdict: str
    ratio: float
    low: float
    high: float
    pairs: int
    elapsed_s: float


class Power(NamedTuple):
    """How gates did at one injected slowdown. `bias_points` is the median estimate minus the truth, in percentage points."""

    slowdown: float
    gates: int
    detected: int
    bias_points: float
    covered: int
    median_elapsed_s: float
    longest_elapsed_s: float


def false_alarm_bound(alarms: int, gates: int) -> float:
    """Upper bound of the false-alarm rate with 95 % confidence (C. J. Clopper and E. S. Pearson, Biometrika 26, 1934).

    Worked example: none in 300 bounds the rate by 1.0 %, one in 475 as well.
    """
    if alarms >= gates:
        return 1.0
    from scipy.stats import beta

    return float(beta.ppf(BOUND_CONFIDENCE, alarms + 1, gates - alarms))


def powers(gates: Sequence[Gate]) -> list[Power]:
    """One row for each injected slowdown, the smallest first."""
    rows = []
    for slowdown in sorted({one.slowdown for one in gates} - {1.0}):
        these = [one for one in gates if one.slowdown == slowdown]
        rows.append(
            Power(
                slowdown=slowdown,
                gates=len(these),
                detected=sum(one.verdict == "regression" for one in these),
                bias_points=100 * (median(one.ratio for one in these) - slowdown),
                covered=sum(one.low <= slowdown <= one.high for one in these),
                median_elapsed_s=median(one.elapsed_s for one in these),
                longest_elapsed_s=max(one.elapsed_s for one in these),
            )
        )
    return rows
