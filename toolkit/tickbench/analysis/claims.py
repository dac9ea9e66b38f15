"""Whether measured pairs keep what was promised of them: the rules of the ledger, on plain numbers.

A promise has up to two parts: a gain ("3 times faster") and a limit ("at most 5 µs"). Each round gives one value of the
variant before the change and one of the variant after it.

    gain    kept      the whole interval of the paired ratio lies at or above the promised gain
            short     the whole interval lies above 1, and its median reaches at least half of the way on a ratio scale
                      (the square root of the promise: 1.7 of 3, 1.1 of 1.2)
            open      the interval holds the promise, and no gain as well: the rounds differ too much to tell
            missed    anything else
    limit   kept      the whole interval of the value after the change keeps it
            idle      kept, but the value before the change keeps it as well: it says nothing about the change
            missed    anything else

`confirmed`: every part that says something is kept. `refuted`: all of them are missed. `not testable here`: the gain is open,
and no limit says more. `partly`: the rest.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tickbench.analysis.ratios import MedianInterval, PairedRatio, median_interval, paired_ratio

Verdict = Literal["confirmed", "partly", "refuted", "not testable here"]
Better = Literal["lower", "higher"]
Part = Literal["kept", "short", "open", "idle", "missed"]

LEAST_ROUNDS = 5  # whose range holds the median with 94 %


@dataclass(frozen=True)
class Judgement:
    """A verdict with its evidence: the values before and after, the gain, and the outcome of each part."""

    verdict: Verdict
    reason: str
    before: MedianInterval | None = None
    after: MedianInterval | None = None
    gain: PairedRatio | None = None
    gain_part: Part | None = None
    limit_part: Part | None = None


def judge(
    before: Mapping[int, float],
    after: Mapping[int, float],
    *,
    better: Better,
    promised_gain: float | None,
    promised_after: float | None,
) -> Judgement:
    """Judge values by round (round -> value) against a promised gain (a factor, above 1 is better) and a promised limit."""
    common = before.keys() & after.keys()
    if len(common) < LEAST_ROUNDS:
        reason = f"both were measured in {len(common)} rounds, and a verdict needs {LEAST_ROUNDS}: --rounds {LEAST_ROUNDS}"
        return Judgement("not testable here", reason)
    first = median_interval(before[one] for one in common)
    last = median_interval(after[one] for one in common)
    gain = paired_ratio(before, after) if better == "lower" else paired_ratio(after, before)
    gain_part = None if promised_gain is None else _gain_part(gain, promised_gain)
    limit_part = None if promised_after is None else _limit_part(first, last, promised_after, better)
    parts = [one for one in (gain_part, limit_part) if one is not None]
    verdict, reason = _verdict(parts), _reason(gain_part, limit_part)
    return Judgement(verdict, reason, first, last, gain, gain_part, limit_part)


def _gain_part(gain: PairedRatio | None, promised: float) -> Part:
    if gain is None:
        return "missed"
    if gain.low >= promised:
        return "kept"
    if gain.low > 1 and gain.median >= math.sqrt(promised):
        return "short"
    return "open" if gain.low <= promised <= gain.high else "missed"


def _limit_part(before: MedianInterval, after: MedianInterval, limit: float, better: Better) -> Part:
    if not _keeps(after, limit, better):
        return "missed"
    return "idle" if _keeps(before, limit, better) else "kept"


def _keeps(value: MedianInterval, limit: float, better: Better) -> bool:
    return value.high <= limit if better == "lower" else value.low >= limit


def _verdict(parts: list[Part]) -> Verdict:
    telling = [one for one in parts if one != "idle"] or parts
    if all(one in {"kept", "idle"} for one in telling):
        return "confirmed"
    if "open" in telling and "kept" not in telling:
        return "not testable here"
    return "refuted" if all(one == "missed" for one in telling) else "partly"


_GAIN_WORDS = {
    "kept": "the gain is kept",
    "short": "better, and the interval reaches below the promise",
    "open": "the rounds differ too much to tell: more --rounds",
    "missed": "not half of the gain",
}
_LIMIT_WORDS = {
    "kept": "the limit is kept",
    "idle": "the limit is kept before the change already",
    "missed": "the limit is not kept",
}


def _reason(gain: Part | None, limit: Part | None) -> str:
    words = [_GAIN_WORDS[gain]] if gain else []
    return "; ".join(words + ([_LIMIT_WORDS[limit]] if limit else []))
