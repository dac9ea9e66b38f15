"""`tickbench doctor`."""

from __future__ import annotations

import click

from tickbench.cli._options import json_option

SCHEMA = "tickbench.doctor/1"


@click.command(name="doctor", short_help="What on this machine would spoil a measurement, and the remedy.")
@json_option
def command(as_json: bool) -> None:
    """Look at clock, cores, frequency, neighbours, memory and profiling rights; nothing is changed."""
    from dataclasses import asdict

    from tickbench.cli._output import emit, emit_json, emit_rich
    from tickbench.measure.doctor import examine
    from tickbench.render.tables import plain_table

    findings = examine()
    if as_json:
        emit_json(SCHEMA, findings=[asdict(one) for one in findings])
        return
    rows = [(one.check, one.state, one.seen, one.remedy) for one in findings]
    emit_rich([plain_table(("check", "state", "seen", "remedy"), rows)])
    warnings = sum(one.state == "warning" for one in findings)
    emit(f"{warnings} of {len(findings)} checks warn: medians and ratios of interleaved rounds suffer least, tails most")
