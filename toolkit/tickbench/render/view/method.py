"""How the numbers of this run were made, in six sentences."""

from tickbench.analysis.ratios import CONFIDENCE, rounds_needed
from tickbench.results.run_file import FOREIGN_SUITE, Run


def method_of(run: Run) -> tuple[str, ...]:
    """Six sentences that are true for this run."""
    if run.scenarios and all(one.suite == FOREIGN_SUITE for one in run.scenarios):
        return _imported()
    return (_verified(run), _workers(run), _clock(run), _timing(run), _noise(run), _intervals(run))


def _imported() -> tuple[str, ...]:
    return (
        "This run was imported: another tool measured it, and its method is that tool's.",
        "Whether its results were verified before they were timed is not known here.",
        "Its order of workers and its rounds are as the file tells them.",
        "Its clock and the cost of a reading are not known.",
        "What the machine took from it was not recorded.",
        "Intervals are of the values in the file, and comparisons of it with native runs are of ratios only.",
    )


def _verified(run: Run) -> str:
    verified = sum(one.verified for one in run.measurements)
    if verified == len(run.measurements):
        return "Every variant was checked against the reference on the same input before it was timed."
    return f"{verified} of {len(run.measurements)} measurements are of variants that were checked against the reference."


def _workers(run: Run) -> str:
    rounds = sorted({one.rounds for one in run.scenarios})
    shown = f"{rounds[0]}" if len(rounds) == 1 else f"{rounds[0]} to {rounds[-1]}" if rounds else "no"
    return (
        f"Each number is of a fresh process that measured one variant in one round; {shown} rounds ran all variants of a "
        "scenario in a shuffled order, so that a ratio compares what ran within the same minute."
    )


def _clock(run: Run) -> str:
    clock = run.provenance.clock
    source = {"tsc": "the calibrated time-stamp counter", None: "a clock that the file does not name"}.get(
        clock.source, f"the clock {clock.source}"
    )
    cost = "" if clock.read_cost_ns is None else f", whose reading costs {clock.read_cost_ns:.1f} ns and is not subtracted"
    return f"Times are read from {source}{cost}."


def _timing(run: Run) -> str:
    batches = len({one.scenario for one in run.measurements if one.timing == "batch"})
    single = len({one.scenario for one in run.measurements if one.timing == "operation"})
    opened = sum(one.open_loop for one in run.scenarios)
    open_text = f"; {opened} are open loops, timed from the intended start" if opened else ""
    return (
        f"{single} scenarios time each operation and {batches} time batches, of which a mean is never shown as a percentile of "
        f"single operations{open_text}."
    )


def _noise(run: Run) -> str:
    disturbed = sum(one.disturbed for one in run.measurements)
    return (
        "A worker that lost too much time to the machine was repeated "
        f"({run.provenance.repeated_workers} repeats), and {disturbed} of {len(run.measurements)} stayed disturbed and are "
        "marked."
    )


def _intervals(run: Run) -> str:
    few = any(one.rounds < rounds_needed() for one in run.scenarios)
    weak = f" (with fewer than {rounds_needed()} rounds: of their range)" if few else ""
    return (
        f"Intervals are {CONFIDENCE:.0%} order-statistic intervals, of a percentile within the samples and of a ratio over the "
        f"rounds{weak}, and a percentile with fewer than 10 samples above it decides nothing."
    )
