"""`tickbench feed`."""

from __future__ import annotations

import click

from tickbench.cli._options import json_option

SCHEMA = "tickbench.feed/1"


@click.command(name="feed", short_help="What a feed is like, beside the built-in one.")
@click.argument("feed", default="synthetic")
@json_option
def command(feed: str, as_json: bool) -> None:
    """Decode FEED (a capture, or synthetic:seed=7,events=6000) and show its traits beside the built-in synthetic feed."""
    from dataclasses import asdict

    from tickbench.cli._output import emit, emit_json, emit_rich
    from tickbench.feeds import measure_traits, open_feed
    from tickbench.render.tables import plain_table

    opened = open_feed(feed)
    traits = asdict(measure_traits(opened))
    sizes = {"tick_size": str(opened.tick_size), "lot_size": str(opened.lot_size)}
    gaps = [asdict(gap) for gap in opened.gaps]
    if as_json:
        emit_json(SCHEMA, feed=opened.name, sha256=opened.sha256, **sizes, gaps=gaps, traits=traits)
        return
    built_in = asdict(measure_traits(open_feed("synthetic")))
    rows = [(name.replace("_", " "), _cell(name, value), _cell(name, built_in[name])) for name, value in traits.items()]
    emit_rich([plain_table(("trait", opened.name, "synthetic"), rows, right=[1, 2])])
    emit(f"tick size {sizes['tick_size']}, lot size {sizes['lot_size']}, sequence gaps: {len(gaps)}")
    for gap in opened.gaps:
        emit(f"gap at line {gap.line}: expected {gap.expected}, seen {gap.seen}")


def _cell(name: str, value: float) -> str:
    if name.startswith("share_"):
        return f"{100 * value:.2f} %"
    return f"{value:,.0f}"
