"""A comparison, the most important findings first."""

import math

from tickbench.analysis.verdicts import Comparison, Finding
from tickbench.render.comparison import by_importance, change, tally
from tickbench.render.numbers import NONE, quantity
from tickbench.render.view.model import ComparisonView, EffectRow

_LEAST_SHOWN, _MOST_SHOWN = 10, 40  # of a short form, which shows every regression and improvement between these


def comparison_of(comparison: Comparison | None) -> ComparisonView | None:
    """The whole comparison; None where there is none."""
    if comparison is None:
        return None
    rows = tuple(_row(one) for one in by_importance(comparison))
    decided = len(comparison.of("regression")) + len(comparison.of("improvement"))
    return ComparisonView(
        base=comparison.base,
        new=comparison.new,
        kind=comparison.kind,
        summary=tally(comparison),
        rows=rows,
        important=min(max(decided, _LEAST_SHOWN), _MOST_SHOWN, len(rows)),
        vanished=comparison.vanished,
        appeared=comparison.appeared,
        wrong=comparison.wrong,
        refused=comparison.refused,
        notes=comparison.notes,
        veto=comparison.veto,
    )


def _row(one: Finding) -> EffectRow:
    effect = one.effect
    return EffectRow(
        scenario=one.scenario,
        variant=one.variant,
        metric=one.metric,
        verdict=one.verdict,
        reason=one.judgement.reason,
        base_text=NONE if one.base_ns is None else quantity(one.base_ns, "ns"),
        new_text=NONE if one.new_ns is None else quantity(one.new_ns, "ns"),
        ratio=None if effect is None else _finite(effect.ratio),
        low=None if effect is None else _finite(effect.low),
        high=None if effect is None else _finite(effect.high),
        change_text=change(one),
        tolerance=one.limits.tolerance,
        target=one.limits.target,
    )


def _finite(ratio: float) -> float | None:
    """None for an interval without an upper end: JSON has no infinity."""
    return ratio if math.isfinite(ratio) else None
