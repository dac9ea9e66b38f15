"""`tickbench engine`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tickbench.cli._options import Seconds, impls_option, json_option

if TYPE_CHECKING:
    from tickbench.engine.process import EngineResult, Started


@click.group(name="engine", short_help="The reference engine: every stage a variant, with a probe page to look into.")
def command() -> None:
    """Run the reference engine against an exchange: `tickbench exchange start`, or any that speaks PROTOCOL.md."""


@command.command(name="start", short_help="Start it; it ends with the feed.")
@click.option("--profile", default="after", show_default=True, metavar="NAME", help="before, after, or another of --profiles.")
@click.option("--profiles", default=None, metavar="FILE", help="Another file of profiles than the one that ships.")
@click.option("--stage", "changes", multiple=True, metavar="STAGE=VARIANT", help="Another variant for a stage (repeatable).")
@click.option("--wire", default="", metavar="json|binary", help="Instead of the profile's.")
@click.option("--transport", default="", metavar="NAME", help="websockets, picows or spinning, instead of the profile's.")
@click.option("--feed-url", required=True, metavar="URL", help="ws://HOST:PORT/feed")
@click.option("--order-url", "orders_url", required=True, metavar="URL", help="ws://HOST:PORT/orders")
@click.option("--cpu", type=int, default=None, metavar="N", help="Run on this core only.")
@click.option("--seconds", type=Seconds(), default=None, help="Stop after so long; by default with the feed's end.")
@click.option("--enter", type=float, default=0.15, show_default=True, help="The score from which on there is a direction.")
@click.option("--exit", "leave", type=float, default=0.05, show_default=True, help="The score below which it is given up.")
@click.option("--cooldown", type=int, default=4, show_default=True, metavar="TICKS", help="An order in so many ticks at most.")
@click.option("--lots", type=int, default=10, show_default=True, help="Of an order.")
@click.option("--position-limit", type=int, default=500, show_default=True, metavar="LOTS", help="Long or short, a symbol.")
@click.option(
    "--kill-file", default=None, metavar="FILE", help="The kill switch: no new orders once it exists (or on SIGUSR1)."
)
@click.option(
    "--retry", "retry_s", type=Seconds(), default=5.0, show_default=True, help="How long a lost exchange is looked for."
)
@click.option("--keep-page", is_flag=True, help="Leave the probe page behind at the end.")
@click.option("-o", "--output", default=None, metavar="RESULT.json", help="Write the result there.")
@impls_option
@json_option
def start(
    profile: str,
    profiles: str | None,
    changes: tuple[str, ...],
    wire: str,
    transport: str,
    feed_url: str,
    orders_url: str,
    cpu: int | None,
    seconds: float | None,
    enter: float,
    leave: float,
    cooldown: int,
    lots: int,
    position_limit: int,
    kill_file: str | None,
    retry_s: float,
    keep_page: bool,
    output: str | None,
    impls: tuple[str, ...],
    as_json: bool,
) -> int:
    """Connect to an exchange, trade until its feed ends, and report.

    Ctrl-C and SIGTERM stop it: outcomes of orders in flight are waited for, what was measured is saved.
    """
    from pathlib import Path

    from tickbench.engine.process import EngineSettings, run_engine
    from tickbench.engine.profiles import choose_profile
    from tickbench.engine.strategy import Strategy
    from tickbench.errors import EXIT_INTERRUPTED, EXIT_INVALID_MEASUREMENT, EXIT_PASSED, InputError, UsageError

    if output is not None and not Path(output).absolute().parent.is_dir():
        raise UsageError(f"the folder of {output} does not exist")
    chosen = choose_profile(profile, changes, wire=wire, transport=transport, path=Path(profiles) if profiles else None)
    settings = EngineSettings(
        profile,
        chosen,
        feed_url,
        orders_url,
        Strategy(enter, leave, cooldown, lots, position_limit),
        cpu=cpu,
        seconds=seconds,
        kill_file=Path(kill_file) if kill_file else None,
        impls=impls,
        retry_s=retry_s,
        keep_page=keep_page,
    )
    try:
        result = run_engine(settings, lambda started: _announce(started, as_json))
    except (OSError, TimeoutError) as error:
        raise InputError(f"no exchange answers at {feed_url} and {orders_url}: {error}") from error
    try:
        if output is not None:
            _save(result, output)
    finally:
        _show(result, as_json=as_json)
    failed = EXIT_INTERRUPTED if result.reason == "interrupted" else EXIT_INVALID_MEASUREMENT
    return failed if result.invalid or result.reason != "done" else EXIT_PASSED


def _save(result: EngineResult, output: str) -> None:
    from pathlib import Path

    import msgspec

    from tickbench.errors import InputError
    from tickbench.results.run_file import write_and_rename

    try:
        write_and_rename(msgspec.json.format(msgspec.json.encode(result), indent=1), Path(output))
    except OSError as error:
        raise InputError(f"cannot write the result to {output}: {error.strerror or error}; it is printed instead") from error


def _announce(started: Started, as_json: bool) -> None:
    from dataclasses import asdict

    import msgspec

    from tickbench.cli._output import emit

    if as_json:
        emit(msgspec.json.encode({"schema": "tickbench.engine.started/1", **asdict(started)}).decode())
    else:
        emit(f"pid {started.pid}  page {started.page}")


def _show(result: EngineResult, *, as_json: bool) -> None:
    import msgspec

    from tickbench.cli._output import complain, emit, emit_rich
    from tickbench.render.tables import plain_table

    if as_json:
        emit(msgspec.json.encode(result).decode())
        return
    rows = [
        [name, f"{one.count:,}", *(f"{one.percentiles_ns[p] / 1e3:,.2f}" for p in ("50", "99", "99.9", "max"))]
        for name, one in result.times.items()
    ]
    emit_rich([plain_table(["us", "count", "p50", "p99", "p99.9", "max"], rows, right=[1, 2, 3, 4, 5])])
    counts = result.counts
    emit(
        f"{result.reason}: {counts['frames']:,} frames, {counts['orders']:,} orders, {counts['fills']:,} fills, "
        f"{counts['waited']:,} waited, {result.final_resident_bytes / 1e6:.0f} MB, digest {result.digest}"
    )
    if result.invalid:
        complain(f"invalid: {result.invalid}")
