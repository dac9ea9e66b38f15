"""Arguments and options that several verbs share."""

import difflib
import math
from collections.abc import Callable
from typing import Any

import click

Command = Callable[..., Any]
FORMATS = ("table", "json", "markdown", "junit", "github")  # of comparisons and gates


class Name(click.ParamType[str]):
    """One of some words; a wrong one is answered with the nearest."""

    name = "name"

    def __init__(self, known: tuple[str, ...]) -> None:
        self._known = known

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word itself."""
        if value not in self._known:
            near = difflib.get_close_matches(str(value), self._known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"one of {', '.join(self._known)} is expected"
            self.fail(f"{value!r}: {hint}", param, ctx)
        return str(value)


class Seconds(click.ParamType[float]):
    """A duration in seconds: finite and above 0."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The duration."""
        try:
            seconds = float(value)
        except ValueError:
            self.fail(f"{value!r} is not a number of seconds", param, ctx)
        if not (math.isfinite(seconds) and 0 < seconds <= 86_400):
            self.fail(f"{value}: must be above 0 and at most 86400 s", param, ctx)
        return seconds


shift_option = click.option(
    "--shift",
    type=click.FloatRange(0, 100, min_open=True),
    metavar="PERCENT",
    help="With stored runs: how far identical code moves from run to run here; 6 where nobody knows, 1 on an isolated machine.",
)


def scenario_arguments(command: Command) -> Command:
    """SCENARIO …, --component, --feed, --variant and --impls."""
    for decorate in (
        click.argument("scenarios", nargs=-1, metavar="[SCENARIO|SUITE]..."),
        click.option("--component", metavar="C", help="Only scenarios of this component."),
        click.option("--variant", "variants", multiple=True, metavar="V", help="Only this variant (repeatable)."),
        click.option(
            "--feed",
            metavar="FILE",
            help="A capture, or synthetic[:seed=N,events=N], instead of the scenarios' feed.",
        ),
        impls_option,
    ):
        command = decorate(command)
    return command


def impls_option(command: Command) -> Command:
    """--impls."""
    return click.option(
        "--impls",
        multiple=True,
        metavar="MODULE|FILE.py",
        help="Your own variants, measured beside the built-in ones (repeatable).",
    )(command)


def json_option(command: Command) -> Command:
    """--json."""
    return click.option("--json", "as_json", is_flag=True, help="For programs: JSON with a schema version.")(command)
