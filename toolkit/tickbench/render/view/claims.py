"""The ledger of claims."""

from collections.abc import Iterable

from tickbench.analysis.ratios import MedianInterval
from tickbench.measure.ledger import Finding
from tickbench.render.ledger import promised_text
from tickbench.render.numbers import quantity, quantity_interval
from tickbench.render.view.model import Amount, ClaimRow


def claim_rows(findings: Iterable[Finding]) -> tuple[ClaimRow, ...]:
    """Every promise with its verdict, in the order of the ledger."""
    return tuple(_row(one) for one in findings)


def _row(one: Finding) -> ClaimRow:
    claim, found = one.claim, one.judgement
    return ClaimRow(
        id=claim.id,
        section=claim.section,
        promise=claim.promise,
        reading=claim.reading,
        verdict=found.verdict,
        reason=found.reason,
        promised_text=promised_text(claim),
        before=_amount(found.before, claim.unit),
        after=_amount(found.after, claim.unit),
        promised_gain=claim.gain,
        gain=None if found.gain is None else found.gain.median,
        gain_low=None if found.gain is None else found.gain.low,
        gain_high=None if found.gain is None else found.gain.high,
        tested_by=f"{claim.scenario}: {claim.before} → {claim.after}, {claim.metric}" if claim.scenario else "",
    )


def _amount(found: MedianInterval | None, unit: str | None) -> Amount | None:
    if found is None:
        return None
    text = quantity_interval(found.median, found.low, found.high, unit)
    return Amount(found.median, unit or "", quantity(found.median, unit), found.low, found.high, text)
