"""`tickbench exchange`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tickbench.cli._options import Seconds, json_option

if TYPE_CHECKING:
    from tickbench.engine.exchange.result import ExchangeResult
    from tickbench.engine.exchange.run import Listening


@click.group(name="exchange", short_help="An exchange that replays a feed and fills orders.")
def command() -> None:
    """Replay a feed over WebSockets, take orders, fill them after a delay and measure: PROTOCOL.md says how to talk to it."""


@command.command(name="start", short_help="Start it; it ends with the feed.")
@click.option(
    "--capture",
    "captures",
    multiple=True,
    default=("synthetic",),
    show_default=True,
    metavar="FILE",
    help="A capture, or synthetic[:seed=N,events=N] (repeatable: one symbol each).",
)
@click.option("--symbols", type=int, default=0, metavar="N", help="So many symbols, each begun elsewhere in its capture.")
@click.option("--streams", default="depth,ticker,trade", show_default=True, metavar="LIST", help="What is sent, with depth.")
@click.option(
    "--times",
    default="recorded",
    show_default=True,
    metavar="TIMES",
    help="recorded, scaled:FACTOR, constant:HZ, poisson:HZ or burst:HZ,EVENTS,BURST_HZ; HZ are frames a second of all symbols.",
)
@click.option(
    "--delay-us",
    "delay",
    default="2000",
    show_default=True,
    metavar="US",
    help="From an order to its outcome: a number, lognormal:MEDIAN,SIGMA or uniform:LOW,HIGH.",
)
@click.option("--fault", "faults", default="", metavar="LIST", help="gap:N,duplicate:N,reorder:N: do so with every N-th diff.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of Poisson times and drawn delays.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; there is no authentication.")
@click.option("--port", type=click.IntRange(0, 65_535), default=0, show_default=True, help="0: any that is free.")
@click.option("--duration", "seconds", type=Seconds(), default=None, help="Seconds of feed; by default each capture once.")
@click.option("--cpu", type=int, default=None, metavar="N", help="Run on this core only.")
@click.option("--queue-bytes", type=click.IntRange(1), default=1 << 20, show_default=True, help="Most that waits for a client.")
@click.option(
    "--linger", "linger_s", type=Seconds(), default=5.0, show_default=True, help="How long clients may go on after the end."
)
@click.option("--feed-only", is_flag=True, help="Begin without an orders connection.")
@click.option("-o", "--output", default=None, metavar="RESULT.json", help="Write the result there.")
@json_option
def start(captures: tuple[str, ...], streams: str, output: str | None, as_json: bool, **settings: object) -> int:
    """Listen, say where in one line, replay once a feed and an orders connection stand, and report at the end.

    Ctrl-C and SIGTERM end it early; what was measured is saved.
    """
    from pathlib import Path

    from tickbench.engine.exchange.result import save_result
    from tickbench.engine.exchange.run import Settings, run_exchange
    from tickbench.engine.exchange.tape import STREAMS
    from tickbench.errors import EXIT_INTERRUPTED, EXIT_INVALID_MEASUREMENT, EXIT_PASSED, InputError, UsageError

    chosen = tuple(filter(None, streams.split(",")))
    if wrong := [name for name in chosen if name not in STREAMS]:
        raise UsageError(f"streams: {wrong[0]!r} is none of {', '.join(STREAMS)}")
    if output is not None and not Path(output).absolute().parent.is_dir():
        raise UsageError(f"the folder of {output} does not exist")
    result = run_exchange(Settings(captures=captures, streams=chosen, **settings), lambda at: _announce(at, as_json))  # type: ignore[arg-type]
    try:
        if output is not None:
            save_result(result, Path(output))
    except InputError:
        _show(result, as_json=True)
        raise
    _show(result, as_json=as_json)
    if result.reason == "interrupted":
        return EXIT_INTERRUPTED
    return EXIT_INVALID_MEASUREMENT if result.invalid else EXIT_PASSED


def _announce(at: Listening, as_json: bool) -> None:
    from dataclasses import asdict

    import msgspec

    from tickbench.cli._output import emit

    if as_json:
        emit(msgspec.json.encode({"schema": "tickbench.exchange.listening/1", **asdict(at)}).decode())
    else:
        emit(f"feed {at.feed_url}  orders {at.orders_url}  pid {at.pid}")


def _show(result: ExchangeResult, *, as_json: bool) -> None:
    import msgspec

    from tickbench.cli._output import complain, emit, emit_rich
    from tickbench.engine.exchange.measures import NAMES
    from tickbench.render.tables import plain_table

    if as_json:
        emit(msgspec.json.encode(result).decode())
        return
    rows = []
    for name, one in result.distributions.items():
        cells = [f"{one.percentiles_ns[p] / 1e3:,.1f}" if one.count else "–" for p in ("50", "99", "99.9", "max")]
        rows.append([NAMES[name], f"{one.count:,}", *cells])
    emit_rich([plain_table(["us", "count", "p50", "p99", "p99.9", "max"], rows, right=[1, 2, 3, 4, 5])])
    counts = result.orders
    unanswered = sum(one.ticks_without_answer for one in result.symbols)
    emit(
        f"{result.reason}: {result.frames:,} of {result.planned_frames:,} frames, {counts['orders']:,} orders, "
        f"{counts['fills']:,} fills, {counts['expired']:,} expired, {unanswered:,} ticks without order, digest {result.digest}"
    )
    if result.invalid:
        complain(f"invalid: {result.invalid}")
