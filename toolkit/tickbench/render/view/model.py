"""The view of a run: what every report, template and figure is given. Frozen, plain, and JSON by msgspec.

Schema `tickbench.report/1`. A template of a user's own gets one `Report` under the name `report`. Texts come from a run file,
which is not trusted: whoever writes them into a page escapes them. Numbers carry their unit in the name; where a table may
choose its unit, the text is there beside the number (`…_text`), so that no two places round differently.
"""

from dataclasses import dataclass
from typing import Literal

SCHEMA = "tickbench.report/1"

Status = Literal["passed", "failed", "invalid", "not judged"]
Priority = Literal["critical", "high", "medium", "external"]


@dataclass(frozen=True)
class Amount:
    """A number in its own unit, its 95 % interval where it has one, and how it is written: `text` holds the unit."""

    value: float
    unit: str
    text: str
    low: float | None = None
    high: float | None = None
    interval_text: str = ""


@dataclass(frozen=True)
class VerdictLine:
    """One reason why a run did not pass; `kind`: wrong, budget, regression, invalid, dead."""

    kind: str
    scenario: str
    variant: str
    text: str
    since: str
    reproduce: str


@dataclass(frozen=True)
class Verdict:
    """The head of a report: one sentence, what fails (the worst first), what a reader should know besides."""

    status: Status
    headline: str
    lines: tuple[VerdictLine, ...]
    remarks: tuple[str, ...]
    reproduce: str


@dataclass(frozen=True)
class BudgetRow:
    """A line of the budget table. `verdict`: within, over, not measured; `share` is measured over limit, 0.4 is 40 %."""

    id: str
    name: str
    section: str
    priority: Priority
    verdict: str
    direction: str
    limit: Amount
    measured: Amount | None
    share: float | None
    variant: str
    metric: str
    scenario: str
    reason: str
    reading: str


@dataclass(frozen=True)
class Stage:
    """A bar: allowed [`start_us`, `start_us` + `allowed_us`] of the total; `before_us`: of another engine profile, if any."""

    budget: str
    name: str
    priority: Priority
    verdict: str
    start_us: float
    allowed_us: float
    measured_us: float | None
    before_us: float | None
    measured_text: str


@dataclass(frozen=True)
class Waterfall:
    """The stages of the total latency budget, one after the other; `unallotted_us` is what no stage was given."""

    total_name: str
    total_us: float
    total_measured_us: float | None
    stages: tuple[Stage, ...]
    unallotted_us: float
    finding: str


@dataclass(frozen=True)
class ClaimRow:
    """A promise: what it says, what was measured, and the gain promised against the gain measured with its interval."""

    id: str
    section: str
    promise: str
    reading: str
    verdict: str
    reason: str
    promised_text: str
    before: Amount | None
    after: Amount | None
    promised_gain: float | None
    gain: float | None
    gain_low: float | None
    gain_high: float | None
    tested_by: str


@dataclass(frozen=True)
class EffectRow:
    """A finding of a comparison, in the order of importance; ratios are of costs, above 1 is worse."""

    scenario: str
    variant: str
    metric: str
    verdict: str
    reason: str
    base_text: str
    new_text: str
    ratio: float | None
    low: float | None
    high: float | None
    change_text: str
    tolerance: float
    target: float


@dataclass(frozen=True)
class ComparisonView:
    """A whole comparison; `important` is how many of the first rows a short form shows."""

    base: str
    new: str
    kind: str
    summary: str
    rows: tuple[EffectRow, ...]
    important: int
    vanished: tuple[str, ...]
    appeared: tuple[str, ...]
    wrong: tuple[str, ...]
    refused: tuple[str, ...]
    notes: tuple[str, ...]
    veto: str | None


@dataclass(frozen=True)
class Curve:
    """Latency against percentile: `nines[i]` is 1 / (1 - p), so 1, 10, 100 are p0, p90, p99; up to the last supported p."""

    name: str
    role: Literal["variant", "reference", "driver", "baseline"]
    nines: tuple[float, ...]
    latency_ns: tuple[float, ...]


@dataclass(frozen=True)
class Percentile:
    """One cell of the table of percentiles, its texts in the scenario's `unit`. `few`: too few samples lie above it to gate."""

    p: str
    value_ns: float
    low_ns: float | None
    high_ns: float | None
    few: bool
    text: str
    bounds_text: str


@dataclass(frozen=True)
class VariantRow:
    """A variant in a scenario, all rounds together; `ratio` is of costs, against the reference, paired within rounds."""

    name: str
    runtime: str
    example_of: str
    reference: bool
    null: bool
    rounds: int
    disturbed: int
    samples: int
    percentiles: tuple[Percentile, ...]
    max_ns: float | None
    max_text: str
    operations_per_s: float
    operations_per_s_text: str
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    ratio_text: str
    counters: tuple[tuple[str, str], ...]
    extras: tuple[tuple[str, tuple[Percentile, ...]], ...]


@dataclass(frozen=True)
class HeatColumn:
    """A slice of time: when, of which round, how many values fell into each row, and its percentiles (p50, p99, max)."""

    start_s: float
    end_s: float
    round: int
    counts: tuple[int, ...]
    p50_ns: float
    p99_ns: float
    max_ns: float


@dataclass(frozen=True)
class Heatmap:
    """Latency over time of one variant; `edges_ns` of the rows are the same for all columns, one more than their counts."""

    variant: str
    edges_ns: tuple[float, ...]
    columns: tuple[HeatColumn, ...]
    finding: str


@dataclass(frozen=True)
class OrderPoint:
    """One worker in the order in which they ran; `value_ns` is what its scenario compares by."""

    started_s: float
    round: int
    variant: str
    value_ns: float
    disturbed: bool


@dataclass(frozen=True)
class RunOrder:
    """All workers of a scenario in time. `drift_percent`: from the first third to the last, of the median; None if unknown."""

    points: tuple[OrderPoint, ...]
    drift_percent: float | None
    finding: str


@dataclass(frozen=True)
class NoiseRow:
    """What the machine took from the workers of a variant: medians and the worst of the rounds, as text with units."""

    variant: str
    cells: tuple[tuple[str, str], ...]
    tries: int
    disturbed: int


@dataclass(frozen=True)
class LimitLine:
    """A budget to draw into a chart: at most `limit_ns` at percentile `p`."""

    name: str
    p: str
    limit_ns: float
    priority: Priority


@dataclass(frozen=True)
class ScenarioView:
    """One scenario: what was asked, and what came out."""

    id: str
    anchor: str
    why: str
    component: str
    workload: str
    operation: str
    load_text: str
    threads_text: str
    batch: bool
    open_loop: bool
    unit: str
    finding: str
    rows: tuple[VariantRow, ...]
    curves: tuple[Curve, ...]
    limits: tuple[LimitLine, ...]
    heatmaps: tuple[Heatmap, ...]
    order: RunOrder | None
    noise: tuple[NoiseRow, ...]
    failures: tuple[tuple[str, str], ...]
    skipped: tuple[tuple[str, str], ...]
    profiles: tuple["Profile", ...] = ()


@dataclass(frozen=True)
class SweepLine:
    """One variant over a swept parameter or a number of threads."""

    variant: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class Sweep:
    """A chart of crossovers: `crossings` are (x, name, name), where the order of two variants changes."""

    title: str
    anchor: str
    x_name: str
    y_name: str
    y_unit: str
    logarithmic: bool
    lines: tuple[SweepLine, ...]
    crossings: tuple[tuple[float, str, str], ...]
    finding: str


@dataclass(frozen=True)
class MemoryRow:
    """Memory of a variant at its stated capacity: what the process grew by, and what the component says of itself."""

    scenario: str
    variant: str
    resident: Amount | None
    own: Amount | None
    limit: Amount | None
    verdict: str


@dataclass(frozen=True)
class HistoryPoint:
    """One run in a series."""

    started_at: str
    revision: str
    value: float
    text: str


@dataclass(frozen=True)
class HistorySeries:
    """A metric over the runs of this machine class; `changes` are (index, text): where the level changed, and how."""

    scenario: str
    variant: str
    metric: str
    unit: str
    points: tuple[HistoryPoint, ...]
    changes: tuple[tuple[int, str], ...]
    left_out: int
    finding: str


@dataclass(frozen=True)
class Profile:
    """A flame graph or a hot-line table that belongs to a scenario: `svg` is drawn by us, never taken from a file."""

    variant: str
    tool: str
    title: str
    finding: str
    folded: tuple[tuple[str, int], ...]
    overhead_text: str


@dataclass(frozen=True)
class Fact:
    """One line about the machine, the input or the run; `warning` says that it spoils measurements."""

    group: str
    name: str
    text: str
    warning: bool = False


@dataclass(frozen=True)
class Report:
    """All of it, in the order in which a reader needs it."""

    title: str
    run: str
    verdict: Verdict
    budgets: tuple[BudgetRow, ...]
    budgets_summary: str
    waterfall: Waterfall | None
    claims: tuple[ClaimRow, ...]
    claims_summary: str
    comparison: ComparisonView | None
    scenarios: tuple[ScenarioView, ...]
    sweeps: tuple[Sweep, ...]
    memory: tuple[MemoryRow, ...]
    history: tuple[HistorySeries, ...]
    facts: tuple[Fact, ...]
    certificate: tuple[str, ...]
    method: tuple[str, ...]
    schema: str = SCHEMA
