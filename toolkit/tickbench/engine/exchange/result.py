"""What a run of the exchange leaves: one JSON document with counts, histograms, positions and the digest."""

from __future__ import annotations

import stat
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from tickbench.engine.digest import digest_of_words
from tickbench.errors import InputError
from tickbench.measure.load_plan import judge_generator
from tickbench.results.run_file import write_and_rename

if TYPE_CHECKING:
    from tickbench.engine.exchange.service import Exchange

SCHEMA = "tickbench.exchange/1"
BUDGET_NS = 3_000_000  # tick to fill, the plan's end-to-end budget: by it the generator's lag is judged
_SHOWN = ("50", "90", "99", "99.9", "99.99")


class SymbolResult(msgspec.Struct):
    """One symbol: what was sent, what was answered, and the final position in lots and lots x ticks."""

    symbol: str
    capture: str
    sha256: str
    start_frame: int
    frames_due: int
    frames_sent: int
    frames_unsent: int
    frames_repeated: int
    faults_injected: dict[str, int]
    final_update_id: int
    ticks_sent: int
    ticks_without_answer: int
    orders: int
    orders_state: str  # of the digest, hexadecimal
    position_lots: int
    cost_lot_ticks: int
    realised_lot_ticks: int
    quotes_checked: int
    quotes_differing: int


class Distribution(msgspec.Struct):
    """One histogram: percentiles in ns, and all of it in the HdrHistogram V2 format, base64."""

    count: int
    percentiles_ns: dict[str, int]
    negative: int
    over_range: int
    histogram: str


class ExchangeResult(msgspec.Struct):
    """A run. `invalid` says why its latencies count for nothing; what was counted and the digest hold all the same."""

    schema: str
    reason: str
    invalid: str | None
    digest: str
    times: str
    delay: str
    faults: str
    planned_frames: int
    frames: int
    elapsed_ns: int
    symbols: list[SymbolResult]
    orders: dict[str, Any]
    links: dict[str, int]
    distributions: dict[str, Distribution]


def make_result(exchange: Exchange, times: str, delay: str, faults: str) -> ExchangeResult:
    """The result of a run that is over."""
    distributions = {}
    for name, one in exchange.measures.histograms().items():
        shown = dict(zip(_SHOWN, one.percentiles(_SHOWN), strict=True)) | {"max": one.max_ns} if one.count else {}
        distributions[name] = Distribution(one.count, shown, one.negative, one.over_range, one.encode())
    lag = distributions["lag"].percentiles_ns
    planned = exchange.planned if exchange.reason == "done" else exchange.done_entries
    invalid = judge_generator(lag.get("99.9", 0), BUDGET_NS, exchange.done_entries, planned)
    accounts = exchange.desk.accounts
    return ExchangeResult(
        schema=SCHEMA,
        reason=exchange.reason,
        invalid=invalid,
        digest=digest_of_words((symbol, one.state, *one.position) for symbol, one in accounts.items()),
        times=times,
        delay=delay,
        faults=faults,
        planned_frames=exchange.planned,
        frames=exchange.done_entries,
        elapsed_ns=max(0, exchange.end_ns - exchange.start_ns) if exchange.start_ns else 0,
        symbols=[_symbol(exchange, symbol) for symbol in accounts],
        orders=asdict(exchange.desk.counts),
        links=asdict(exchange.counts),
        distributions=distributions,
    )


def _symbol(exchange: Exchange, symbol: str) -> SymbolResult:
    market, account = exchange.markets[symbol], exchange.desk.accounts[symbol]
    tape = market.books.tape
    return SymbolResult(
        symbol=symbol,
        capture=tape.name,
        sha256=tape.sha256,
        start_frame=market.start,
        frames_due=market.next_number - market.start,
        frames_sent=market.frames_sent,
        frames_unsent=market.frames_unsent,
        frames_repeated=market.frames_repeated,
        faults_injected=dict(market.faults.injected),
        final_update_id=market.final_update_id,
        ticks_sent=market.ticks_sent,
        ticks_without_answer=market.ticks_sent - market.ticks_answered,
        orders=account.orders,
        orders_state=f"{account.state:016x}",
        position_lots=account.position.quantity_lots,
        cost_lot_ticks=account.position.cost_lot_ticks,
        realised_lot_ticks=account.position.realised_lot_ticks,
        quotes_checked=market.books.quotes_checked,
        quotes_differing=market.books.quotes_differing,
    )


def save_result(result: ExchangeResult, path: Path) -> None:
    """Replace `path` by the result in one step; InputError where the disk does not take it, with the old file in place."""
    content = msgspec.json.format(msgspec.json.encode(result), indent=1)
    try:
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            path.write_bytes(content)  # a pipe or a device has no neighbour that could be renamed
        else:
            write_and_rename(content, path)
    except OSError as error:
        raise InputError(f"cannot write the result to {path}: {error.strerror or error}; it is printed instead") from error
