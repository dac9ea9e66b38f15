"""What of a run is exported, and what all writers ask of it."""

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from tickbench.errors import InputError, UsageError
from tickbench.results.run_file import Measurement, Run, ScenarioRecord

NS_PER_S = 1_000_000_000


@dataclass(frozen=True)
class Choice:
    """The scenarios and variants wanted (none: all), which histogram (None: the primary) and the unit of a table."""

    scenarios: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    histogram: str | None = None
    unit: str | None = None


@dataclass(frozen=True)
class Export:
    """The text of a file; what could not be put into it, each with the reason; and what its reader should know."""

    text: str
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Group:
    """All rounds of one variant in one scenario; `record` is None where an edited file lacks it."""

    scenario: str
    component: str
    variant: str
    record: ScenarioRecord | None
    rounds: tuple[Measurement, ...]

    @property
    def batch(self) -> bool:
        """Whether values are of batches: their percentiles are not those of single operations."""
        return any(one.timing == "batch" for one in self.rounds)


def chosen(run: Run, choice: Choice) -> Run:
    """The run with the measurements that were asked for; UsageError for a name that it does not hold."""
    _known("scenario", choice.scenarios, {one.scenario for one in run.measurements})
    _known("variant", choice.variants, {one.variant for one in run.measurements})
    kept = [
        one
        for one in run.measurements
        if (not choice.scenarios or one.scenario in choice.scenarios)
        and (not choice.variants or one.variant in choice.variants)
    ]
    if not kept and run.measurements:
        raise UsageError(
            f"no measurement is of scenario {' or '.join(choice.scenarios)} and of variant {' or '.join(choice.variants)}"
        )
    return msgspec.structs.replace(run, measurements=kept)


def groups(run: Run) -> list[Group]:
    """The measurements by scenario and variant, in the order of the file; InputError for a run without any."""
    found: dict[tuple[str, str, str], list[Measurement]] = {}
    for one in run.measurements:
        found.setdefault((one.scenario, one.component, one.variant), []).append(one)
    if not found:
        raise InputError("this run holds no measurement: there is nothing to export")
    records = {one.id: one for one in run.scenarios}
    return [Group(*key, records.get(key[0]), tuple(rounds)) for key, rounds in found.items()]


def histogram_name(one: Measurement, choice: Choice) -> str | None:
    """Which of a measurement's histograms is wanted: the asked one, else response, else service; None if it lacks it."""
    wanted = (choice.histogram,) if choice.histogram is not None else ("response", "service")
    return next((name for name in wanted if name in one.histograms), None)


def check_histogram(run: Run, choice: Choice) -> None:
    """Raise UsageError when no measurement has the histogram that is asked for."""
    if choice.histogram is not None:
        _known("histogram", (choice.histogram,), {name for one in run.measurements for name in one.histograms})


def started_at_s(run: Run) -> float:
    """The start of the run in seconds since the epoch (UTC where no zone is said); InputError when it is no time."""
    text = run.provenance.started_at
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"provenance.started_at: a time is expected, got {text[:40]!r}") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def starts_ns(run: Run) -> tuple[list[int], tuple[str, ...]]:
    """When each measurement began, in ns from the start of the run, and a note where that is made up.

    Where a run file does not say it, a measurement follows the one before it in the file at once.
    """
    found, end_ns, unknown = [], 0, 0
    for one in run.measurements:
        unknown += one.started_s is None
        start_ns = end_ns if one.started_s is None else round(one.started_s * NS_PER_S)
        found.append(start_ns)
        end_ns = start_ns + one.elapsed_ns
    note = f"{unknown} of {len(found)} measurements do not say when they began: each is put right after the one before it"
    return found, (note,) if unknown else ()


def _known(kind: str, wanted: Sequence[str], known: Collection[str]) -> None:
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(sorted(known)[:8]) or 'none'}"
            raise UsageError(f"this run has no measurement of {kind} {name!r}: {hint}")
