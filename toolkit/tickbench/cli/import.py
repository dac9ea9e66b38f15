"""`tickbench import`."""
# ruff: noqa: N999 - the name of the file is the verb; it is loaded by name and never imported by a statement

from __future__ import annotations

import sys
from pathlib import Path

import click

from tickbench import errors
from tickbench.cli._output import emit


@click.command(name="import", short_help="Make a run file out of a pyperf, pytest-benchmark or HdrHistogram log file.")
@click.argument("file", metavar="FILE")
@click.option("-o", "--output", metavar="RUN.json", default="-", help="Write there instead of to stdout.")
def command(file: str, output: str) -> None:
    """Make a run file out of FILE (- for stdin), recognised by its content.

    FILE is a pyperf suite, a pytest-benchmark JSON, or an interval log of HdrHistogram (.hlog), of which each tag becomes
    a variant and its intervals at most 10 rounds.

    The run can be a baseline, be compared and be gated.
    """
    import msgspec

    from tickbench.results.foreign import read
    from tickbench.results.run_file import save

    run = read(_content(file), "stdin" if file == "-" else file)
    if output == "-":
        emit(msgspec.json.format(msgspec.json.encode(run), indent=1).decode())
    else:
        save(run, Path(output))


def _content(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except (OSError, ValueError) as error:
        raise errors.InputError(f"cannot read {file}: {getattr(error, 'strerror', None) or error}") from error
