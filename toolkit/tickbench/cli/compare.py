"""`tickbench compare`."""

from __future__ import annotations

import click
from click.core import ParameterSource

from tickbench.cli._options import FORMATS, Name, Seconds, impls_option, shift_option

_OF_RUNS = ("across_machines", "shift")
_OF_PAIRS = ("variants", "feed", "impls", "most_seconds", "canaries", "seed")


@click.command(name="compare", short_help="Compare two runs, or two revisions side by side on this machine.")
@click.argument("names", nargs=-1, metavar="[BASE NEW | SCENARIO...]")
@click.option("--revision", metavar="REV", help="Measure REV and the work tree in pairs; arguments are scenarios then.")
@click.option("--variant-a", metavar="V", help="Measure variant V against --variant-b in pairs.")
@click.option("--variant-b", metavar="V", help="See --variant-a.")
@click.option("--impls-a", metavar="FILE.py", help="Measure this file's variants against those of --impls-b in pairs.")
@click.option("--impls-b", metavar="FILE.py", help="See --impls-a.")
@click.option("--command-a", metavar="COMMAND", help="Measure a program that speaks the pair protocol against --command-b.")
@click.option("--command-b", metavar="COMMAND", help="See --command-a.")
@click.option("--variant", "variants", multiple=True, metavar="V", help="Only this variant (repeatable).")
@click.option("--feed", metavar="FILE", help="With pairs: a capture instead of the scenarios' feed.")
@impls_option
@click.option(
    "--most-seconds", type=Seconds(), default=60.0, show_default=True, help="With pairs: at most this long a variant."
)
@click.option(
    "--canaries/--no-canaries", default=True, help="With pairs: also measure identical code, which can veto the rest."
)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), metavar="N", help="With pairs: repeats the order of an earlier one.")
@click.option("--across-machines", is_flag=True, help="With runs: compare ratios to the reference variant, not times.")
@shift_option
@click.option("--format", "form", type=Name(FORMATS), default="table", help=f"One of {', '.join(FORMATS)}.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to the terminal.")
def command(names: tuple[str, ...], form: str, as_json: bool, **options: object) -> int:
    """Compare the run files or baselines BASE and NEW; or two sides in interleaved pairs of processes on this machine.

    Exit status: 0 no regression; 1 a regression; 2 they cannot be compared; 3 the measurement is not to be believed.
    """
    form = "json" if as_json else form
    paired = ("revision", "variant_a", "variant_b", "impls_a", "impls_b", "command_a", "command_b")
    if any(options[name] is not None for name in paired):
        from tickbench.cli._compare_pairs import compare_pairs

        _refuse(_OF_RUNS, "stored runs")
        if options["command_a"]:
            _refuse(("variants", "feed", "impls"), "scenarios")
        return compare_pairs(names, form, options)
    from tickbench.cli._compare_runs import compare_runs

    _refuse(_OF_PAIRS, "sides that are measured in pairs: --revision, --variant-a, --impls-a or --command-a")
    return compare_runs(names, form, options)


def _refuse(names: tuple[str, ...], belong_to: str) -> None:
    """Raise UsageError for an option that was given and would mean nothing: whoever typed it expects something else."""
    context = click.get_current_context()
    for one in context.command.params:
        if one.name in names and context.get_parameter_source(one.name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{one.opts[0]} is for {belong_to}", context)
