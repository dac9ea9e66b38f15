"""The ledger of claims for a terminal and for programs."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from rich.console import RenderableType
from rich.text import Text

from tickbench.analysis.ratios import MedianInterval
from tickbench.measure.ledger import Claim, Finding
from tickbench.render.numbers import NONE, interval, quantity, times
from tickbench.render.tables import plain_table

_ORDER = ("confirmed", "partly", "refuted", "not testable here")
_STYLES = {"confirmed": "green", "partly": "yellow", "refuted": "red", "not testable here": "dim"}


def claim_tables(findings: Sequence[Finding]) -> Iterator[RenderableType]:
    """One table of verdicts, then how each promise was read."""
    columns = ("verdict", "promise", "promised", "measured before", "after", "gain", "promised gain")
    yield plain_table(columns, (_row(one) for one in findings), right=(3, 4, 5, 6))
    yield Text("")
    yield Text("How each promise was read, and what decided", style="bold")
    for one in findings:
        claim, judgement = one.claim, one.judgement
        pair = f" [{claim.scenario}: {claim.before} → {claim.after}, {claim.metric}]" if claim.scenario else ""
        yield Text(f"{claim.id} (plan {claim.section}): {claim.reading}{pair} {judgement.verdict}: {judgement.reason}")


def _row(one: Finding) -> list[object]:
    claim, found = one.claim, one.judgement
    return [
        Text(found.verdict, style=_STYLES[found.verdict]),
        claim.promise,
        promised_text(claim),
        _value(found.before, claim.unit),
        _value(found.after, claim.unit),
        f"{times(found.gain.median)} {interval(found.gain.low, found.gain.high)}" if found.gain else NONE,
        times(claim.gain) if claim.gain else NONE,
    ]


def promised_text(claim: Claim) -> str:
    """The promised figures, before and after."""
    if claim.promised_after is None:
        return NONE
    after = quantity(claim.promised_after, claim.unit)
    return after if claim.promised_before is None else f"{quantity(claim.promised_before, claim.unit)} → {after}"


def _value(interval: MedianInterval | None, unit: str | None) -> str:
    return NONE if interval is None else quantity(interval.median, unit)


def tally(findings: Sequence[Finding]) -> str:
    """How many promises have which verdict, in words."""
    counts = Counter[str](one.judgement.verdict for one in findings)
    return f"{len(findings)} promises: " + ", ".join(f"{counts[name]} {name}" for name in _ORDER if counts[name])


def claim_rows(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """Each claim with its judgement, for programs."""
    return [{**msgspec.to_builtins(one.claim), **msgspec.to_builtins(one.judgement)} for one in findings]
