"""Views of runs that never were: one with everything a report can hold, and one whose every text is hostile."""

import math
from dataclasses import fields, is_dataclass, replace

from tickbench.render.view.model import (
    Amount,
    BudgetRow,
    ClaimRow,
    ComparisonView,
    Curve,
    EffectRow,
    Fact,
    HeatColumn,
    Heatmap,
    HistoryPoint,
    HistorySeries,
    LimitLine,
    MemoryRow,
    NoiseRow,
    OrderPoint,
    Percentile,
    Profile,
    Report,
    RunOrder,
    ScenarioView,
    Stage,
    Sweep,
    SweepLine,
    VariantRow,
    Verdict,
    VerdictLine,
    Waterfall,
)

HOSTILE = (
    "</script><script>window.hacked=1</script><svg onload='window.hacked=2'><img src=x onerror=window.hacked=3>"
    '" onfocus="window.hacked=4" autofocus \' javascript:window.hacked=5 {{ 7*191 }} {% raw %} ]]> --> '
    "\x00\u202e\u2066\u2028 <a href='javascript:1'>"
)
_VARIANTS = (("lockfree_ladder", 180.0), ("seqlock_ladder", 320.0), ("locked_dict", 2100.0))


def full_report() -> Report:
    """A report in which every part is there; numbers are made up by formulas, none by chance."""
    return Report(
        title="tickbench: nightly",
        run="nightly-2026-11-24.json",
        verdict=_verdict(),
        budgets=_budgets(),
        budgets_summary="4 budgets: 2 within, 1 over, 1 not measured",
        waterfall=_waterfall(),
        claims=_claims(),
        claims_summary="3 promises: 1 confirmed, 1 refuted, 1 not testable here",
        comparison=_comparison(),
        scenarios=(_scenario("budgets/order-book-update", 1.0), _scenario("budgets/risk-check", 3.0)),
        sweeps=(_sweep(),),
        memory=(MemoryRow("budgets/memory-order-book", "lockfree_ladder", _mb(6.2), _mb(5.9), _mb(10.0), "within"),),
        history=(_history(),),
        facts=(
            Fact("machine", "processor", "a processor of 2 cores at 2.6 GHz"),
            Fact("machine", "turbo", "on: frequencies vary", warning=True),
            Fact("run", "revision", "3ad7306"),
        ),
        certificate=("A slowdown of 3 % is seen in 19 of 20 runs.", "Equal code was called different in 2 % of pairs."),
        method=tuple(f"Sentence {k} says how a number came to be." for k in range(1, 7)),
    )


def hostile_report(text: str = HOSTILE) -> Report:
    """The full report with `text` in the place of every text that may come from a file."""
    return _poisoned(full_report(), text)


_KEPT = frozenset({"status", "priority", "verdict", "direction", "unit", "y_unit", "role", "p", "schema", "anchor"})


def _poisoned(value, text, name=""):
    if isinstance(value, str):
        return value if name in _KEPT else text
    if isinstance(value, tuple):
        return tuple(_poisoned(one, text, name) for one in value)
    if is_dataclass(value):
        return replace(
            value, **{field.name: _poisoned(getattr(value, field.name), text, field.name) for field in fields(value)}
        )
    return value


def _us(value, low=None, high=None):
    bounds = f"{low:g} to {high:g} µs" if low is not None else ""
    return Amount(value, "µs", f"{value:g} µs", low, high, bounds)


def _mb(value):
    return Amount(value, "MB", f"{value:g} MB")


def _verdict():
    again = "tickbench run budgets/risk-check --variant aligned -o again.json"
    return Verdict(
        "failed",
        "FAILED: 1 budget over, 1 regression",
        (
            VerdictLine("budget", "budgets/risk-check", "aligned", "p99 is 24 µs of 20 µs", "3ad7306 (2 runs ago)", again),
            VerdictLine("regression", "budgets/order-book-update", "lockfree_ladder", "p99 +12 % (8 to 16 %)", "", again),
        ),
        ("critical, but not measured: Total, end to end",),
        "tickbench run budgets --rounds 6 -o nightly-2026-11-24.json",
    )


def _budgets():
    def row(name, priority, limit, measured, verdict, low=None, high=None):
        found = None if measured is None else _us(measured, low, high)
        share = None if measured is None else measured / limit
        return BudgetRow(
            name,
            name,
            "8.1",
            priority,
            verdict,
            "at most",
            _us(limit),
            found,
            share,
            "lockfree_ladder",
            "p99",
            "budgets/x",
            "",
            "p99.",
        )

    return (
        row("Risk check", "critical", 20.0, 24.0, "over", 22.0, 26.5),
        row("Order book update", "critical", 5.0, 0.62, "within", 0.6, 0.65),
        row("Signal generation", "high", 80.0, 31.0, "within", 29.0, 33.0),
        row("Exchange processing", "external", 2000.0, None, "not measured"),
    )


def _waterfall():
    stages, start = [], 0.0
    plan = (
        ("WebSocket receive", "high", 50.0, 21.0, None),
        ("Data parsing", "high", 100.0, 38.0, 90.0),
        ("Order book update", "critical", 5.0, 0.62, 3.1),
        ("Signal generation", "high", 80.0, 31.0, 240.0),
        ("Risk check", "critical", 20.0, 24.0, 60.0),
        ("Order serialisation", "medium", 10.0, 0.9, 3.0),
        ("Network send", "high", 200.0, 120.0, None),
        ("Exchange processing", "external", 2000.0, None, None),
        ("Fill acknowledgement", "external", 500.0, 410.0, None),
    )
    for name, priority, allowed, measured, before in plan:
        verdict = "not measured" if measured is None else "over" if measured > allowed else "within"
        text = "–" if measured is None else f"{measured:g} µs"
        stages.append(Stage(name, name, priority, verdict, start, allowed, measured, before, text))
        start += allowed
    return Waterfall(
        "Total, end to end", 3000.0, 645.5, tuple(stages), 3000.0 - start, "One of 9 stages is over: Risk check, 24 of 20 µs."
    )


def _claims():
    def row(promise, verdict, promised, gain):
        spread = (None, None) if gain is None else (gain * 0.85, gain * 1.2)
        return ClaimRow(
            promise, "3.1", promise, "p50.", verdict, "", f"{promised:g}×", _us(3), _us(0.2), promised, gain, *spread, "a → b"
        )

    return (
        row("binary 10 times faster than JSON", "confirmed", 10.0, 15.2),
        row("cache alignment 20 % faster", "refuted", 1.2, 1.01),
        row("shared memory 100 times faster than sockets", "not testable here", 100.0, None),
    )


def _comparison():
    def row(scenario, verdict, ratio):
        change = "–" if ratio is None else f"{100 * (ratio - 1):+.1f} %"
        low, high = (None, None) if ratio is None else (ratio * 0.96, ratio * 1.04)
        return EffectRow(
            scenario, "lockfree_ladder", "p99", verdict, "", "600 ns", "672 ns", ratio, low, high, change, 0.05, 0.03
        )

    rows = (
        row("budgets/order-book-update", "regression", 1.12),
        row("budgets/data-parsing", "improvement", 0.81),
        row("budgets/risk-check", "unchanged", 1.002),
        row("budgets/signal-generation", "inconclusive", None),
    )
    summary = "1 regression, 1 improvement, 1 unchanged, 1 inconclusive."
    return ComparisonView("main", "nightly", "runs", summary, rows, 3, ("gone",), (), (), (), ("a note",), None)


def _percentile(p, value, few=False):
    return Percentile(
        p,
        value,
        value * 0.97,
        value * 1.04,
        few,
        f"{'~' if few else ''}{value:,.0f}",
        f"{value * 0.97:,.0f} to {value * 1.04:,.0f}",
    )


def _variant(name, base, scale, reference):
    cells = tuple(
        _percentile(p, base * scale * factor, p == "99.99")
        for p, factor in (("50", 1.0), ("90", 1.4), ("99", 2.6), ("99.9", 9.0), ("99.99", 30.0))
    )
    rate = 1e9 / (base * scale)
    ratio = base / _VARIANTS[-1][1]
    return VariantRow(
        name, "numba", "", reference, False, 6, 1, 1_200_000, cells, base * scale * 90, f"{base * scale * 90:,.0f}", rate,
        f"{rate / 1e6:.2f} M/s", ratio, ratio * 0.95, ratio * 1.06, f"{ratio:.3g}×", (("instructions", "412 per operation"),),
        (("wait", cells[:3]),),
    )  # fmt: skip


def _scenario(name, scale):
    nines = tuple(10 ** (k / 8) for k in range(35))
    curves = [Curve(n, "variant", nines, tuple(b * scale * (1 + 0.4 * x**0.42) for x in nines)) for n, b in _VARIANTS]
    before = tuple(170 * scale * (1 + 0.5 * x**0.4) for x in nines)
    points = tuple(
        OrderPoint(3.0 * r + k, r, n, b * scale * (1 + 0.02 * r + 0.05 * math.sin(3 * r + k)), r == 4 and k == 1)
        for r in range(6)
        for k, (n, b) in enumerate(_VARIANTS)
    )
    return ScenarioView(
        name, name.replace("/", "-"), "The update that every message of the exchange pays for.", "order_book", "depth updates",
        "one level update", "closed loop", "1 thread", False, False, "ns", "lockfree_ladder has the lowest p99.",
        tuple(_variant(n, b, scale, n == "locked_dict") for n, b in _VARIANTS),
        (*curves, Curve("lockfree_ladder", "baseline", nines, before)),
        (LimitLine("Order book update", "99", 5_000.0, "critical"), LimitLine("Order book, tail", "99.9", 20_000.0, "high")),
        tuple(_heatmap(n, b * scale) for n, b in _VARIANTS[:2]),
        RunOrder(points, 9.8, "The median rose by 9.8 % from first to last."),
        tuple(NoiseRow(n, (("steal", "0 ns"), ("migrations", "2")), 7, 1) for n, _ in _VARIANTS),
        (("broken_map", "the oracle found a wrong answer"),), (("perf_counters", "needs perf_event_open"),),
        (Profile("lockfree_ladder", "py-spy", "Where the time goes", "Most samples are in update.", _FOLDED, "2 % overhead"),),
    )  # fmt: skip


_FOLDED = (("main;update;find", 60), ("main;update;store", 30), ("main;read", 20), ("main;update;find;compare", 25))


def _heatmap(name, base):
    edges = tuple(base * 0.5 * 1.35**k for k in range(13))
    columns = []
    for k in range(60):
        peak = 3 + (k > 44) + k % 3 / 3
        counts = tuple(
            int(900 * math.exp(-((row - peak) ** 2) / 1.6)) + (3 if row == 10 and k % 17 == 5 else 0) for row in range(12)
        )
        columns.append(HeatColumn(k * 0.1, (k + 1) * 0.1, k // 10, counts, base * 1.2, base * 3, base * 9))
    return Heatmap(name, edges, tuple(columns), f"{name} is slower from 4.5 s on.")


def _sweep():
    xs = (1.0, 2.0, 4.0, 8.0, 16.0)
    lines = []
    for name, ys in (("mutex_map", tuple(50 * x for x in xs)), ("sharded_map", tuple(120 + 20 * x for x in xs))):
        lines.append(SweepLine(name, xs, ys, tuple(y * 0.9 for y in ys), tuple(y * 1.1 for y in ys)))
    finding = "sharded_map is ahead from 4 writers on."
    crossings = ((4.0, "mutex_map", "sharded_map"),)
    return Sweep(
        "Writers on one map",
        "sweep-writers",
        "writers",
        "cost",
        "ns",
        True,
        tuple(lines),
        crossings,
        finding,
    )


def _history():
    points = tuple(
        HistoryPoint(f"2026-11-{k + 1:02}", f"rev{k:02}", 600 + 2 * (k % 3) + 70 * (k > 13), f"{600 + 70 * (k > 13)} ns")
        for k in range(20)
    )
    return HistorySeries(
        "budgets/order-book-update",
        "lockfree_ladder",
        "p99",
        "ns",
        points,
        ((14, "+11 % at rev14"),),
        1,
        "p99 rose by 11 % at rev14.",
    )
